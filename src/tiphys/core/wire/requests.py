"""A request over HTTP as a message: its path, its query and its body, read as the gateway does.

The body is a field of the message or the whole of it; in the latter case the query says nothing.
Keys of the query that the message does not have are ignored, and of a key that stands there twice
the first counts, unless it is a list.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from tiphys.core.wire.bodies import first_body_value
from tiphys.core.wire.foreign import FOREIGN, written_time
from tiphys.core.wire.schema import Card, Field, HttpRule, Kind, Method, contract
from tiphys.core.wire.shaping import read_field, read_json
from tiphys.model.errors import ApiCode, ApiError

WHOLE = "*"
Json = dict[str, Any]


def read_request(
    method: Method,
    rule: HttpRule,
    path: Mapping[str, str],
    query: Iterable[tuple[str, str]],
    body: bytes,
) -> Json:
    """The request's message. `path` has the values of the rule's parameters by their names, and
    both it and `query` are unescaped already. ApiError: something cannot be read.
    """
    message = method.request
    value = _body(message, rule, body)
    for name, text in path.items():
        _put(message, value, name, text, f"type mismatch, parameter: {name}, error: ")
    if rule.body != WHOLE:
        seen = set(path)
        for name, text in query:
            if not _within(name, rule.body):
                _ask(message, value, name, text, seen)
    return read_json(message, value)


def _within(name: str, body: str) -> bool:
    return bool(body) and (name == body or name.startswith(f"{body}."))


def _body(message: str, rule: HttpRule, body: bytes) -> Json:
    if not rule.body or not body.strip():
        return {}
    value = first_body_value(body)
    if rule.body == WHOLE:
        return read_json(message, value)
    (field,) = _fields(message, rule.body)
    read = read_field(field, value)
    return {} if read is None else {field.key: read}


def _ask(message: str, value: Json, name: str, text: str, seen: set[str]) -> None:
    """One pair of the query."""
    fields = _fields(message, name.partition("[")[0])
    if not fields or (name in seen and fields[-1].card is not Card.MANY):
        return
    seen.add(name)
    _put(message, value, name, text, "")


def _fields(message: str, name: str) -> tuple[Field, ...]:
    """The fields that a path of names leads through; none if there is no such path."""
    first, _, rest = name.partition(".")
    fields = contract().messages[message].fields
    field = next((one for one in fields if first in (one.name, one.key)), None)
    if field is None:
        return ()
    if not rest:
        return (field,)
    if field.card is not Card.ONE or field.kind is not Kind.MESSAGE:
        return ()
    inner = _fields(field.message, rest)
    return (field, *inner) if inner else ()


def _put(message: str, value: Json, name: str, text: str, what: str) -> None:
    """Puts a text where it belongs, and what is around it when that is not there yet."""
    target, bracket, entry = name.partition("[")
    *outer, field = _fields(message, target)
    read: Any
    try:
        read = _converted(field, text)
    except ValueError as error:
        raise ApiError(ApiCode.INVALID_ARGUMENT, f"{what}{error}") from error
    if outer and outer[-1].message in FOREIGN:
        # A time is asked for by the fields of its message, of which Go's JSON keeps the seconds.
        field, read = outer.pop(), written_time(read) if field.name == "seconds" else None
    for one in outer:
        value = value.setdefault(one.key, {})
    match field.card:
        case Card.ONE if read is not None:
            value[field.key] = read
        case Card.ONE:
            pass
        case Card.MANY:
            value[field.key] = [*value.get(field.key, ()), read]
        case Card.MAP if bracket:
            value.setdefault(field.key, {})[entry.removesuffix("]")] = read
        case Card.MAP:
            raise ApiError(ApiCode.INVALID_ARGUMENT, f"{name} needs a key in brackets")
        case _:
            assert_never(field.card)


_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def _converted(field: Field, text: str) -> Any:
    """ValueError in the words of Go's strconv."""
    match field.kind:
        case Kind.STRING:
            return text
        case Kind.BOOL if text in _TRUE or text in _FALSE:
            return text in _TRUE
        case Kind.BOOL:
            raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        case Kind.INT32:
            return _integer(text, 31)
        case Kind.INT64:
            return _integer(text, 63)
        case Kind.BYTES:
            return _bytes(text)
        case Kind.MESSAGE:
            raise ValueError(f"{field.name} cannot be given in a URL")
        case _:
            assert_never(field.kind)


def _integer(text: str, bits: int) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    # Longer ones are out of range whatever they are, and not worth their reading.
    number = int(text) if len(digits) < 40 else 1 << 64
    if not -1 << bits <= number < 1 << bits:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def _bytes(text: str) -> str:
    """Either alphabet of base64 does."""
    try:
        raw = urlsafe_b64decode(text.replace("+", "-").replace("/", "_"))
    except Base64Error as error:
        raise ValueError("illegal base64 data") from error
    return b64encode(raw).decode()
