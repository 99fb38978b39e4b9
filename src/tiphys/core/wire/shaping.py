"""Values in the shape that the contract's JSON has: which zeros are left out, and which are there.

`shape` is for answers: it knows that they fit. `read_json` is for requests: it finds keys whatever
their case, as Go does, drops what the contract does not know, and refuses what has another type.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, assert_never

import yaml

from tiphys.core.wire.decoding import yaml_text
from tiphys.core.wire.foreign import FOREIGN, Foreign
from tiphys.core.wire.schema import Card, Field, Kind, contract
from tiphys.model.errors import ApiCode, ApiError

Json = dict[str, Any]


def shape(message: str, value: Mapping[str, Any]) -> Json:
    """An answer as it is on REST: zeros that Go leaves out are gone, keys that it always writes are
    there, with null for a list that is empty.
    """
    return _plan(message).shape(value)


def read_json(message: str, value: Any) -> Json:
    """A request that came as JSON, as `decode` would give it. ApiError: something has the wrong
    type. null is as good as nothing.
    """
    return _plan(message).read({} if value is None else value, "")


def read_field(field: Field, value: Any) -> Any:
    """The value of one field, None where there is none."""
    return None if value is None else _row(field).read(value, field.key)


def fail(path: str, value: Any, wanted: str) -> ApiError:
    """In the words of Go's decoder, more or less: what came, where, and what was expected."""
    found = _NAMES.get(type(value), "object")
    place = f"Go struct field {path}" if path else "Go value"
    text = f"json: cannot unmarshal {found} into {place} of type {wanted}"
    return ApiError(ApiCode.INVALID_ARGUMENT, text)


_NAMES: Mapping[type, str] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """`drops`: an empty value is as good as none."""

    field: Field
    read: Callable[[Any, str], Any]
    shape: Callable[[Any], Any]
    drops: bool


class _Plan:
    """`kept` are keys that are there in any case, with what makes their values: as answers have
    them, null among them, and as requests do, where null is left out.
    """

    __slots__ = ("by_key", "inlined", "kept", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.by_key: dict[str, _Row] = {}
        self.inlined: tuple[_Plan, ...] = ()
        self.kept: tuple[tuple[str, _Zero], ...] = ()

    def shape(self, value: Mapping[str, Any]) -> Json:
        out: Json = {}
        for plan in self.inlined:
            out.update(plan.shape(value))
        find = self.by_key.get
        for key, found in value.items():
            row = find(key)
            if row is not None and found is not None:
                shaped = row.shape(found)
                if shaped or not row.drops:
                    out[key] = shaped
        for key, zero in self.kept:
            if key not in out:
                out[key] = zero.answer()
        return out

    def read(self, value: Any, path: str) -> Json:
        if not isinstance(value, dict):
            raise fail(path, value, self.name)
        out: Json = {}
        for plan in self.inlined:
            out.update(plan.read(value, path))
        for key, found in value.items():
            row = self.by_key.get(key) or self._folded(key)
            if row is not None and found is not None:
                name = row.field.key
                read = row.read(found, f"{path}.{name}" if path else name)
                if read or not row.drops:
                    out[name] = read
        for key, zero in self.kept:
            if key not in out and zero.request is not None:
                out[key] = zero.request()
        return out

    def _folded(self, key: str) -> _Row | None:
        """By its key in another case, which few clients send and all may."""
        folded = key.casefold()
        return next((row for one, row in self.by_key.items() if one.casefold() == folded), None)


@cache
def _plan(message: str) -> _Plan:
    plan = _Plan(message.rpartition(".")[2])
    fields = contract().messages[message].fields
    own = tuple(field for field in fields if not field.inlined)
    plan.by_key = {field.key: _row(field) for field in own}
    plan.inlined = tuple(_plan(field.message) for field in fields if field.inlined)
    plan.kept = tuple((field.key, _zero(field)) for field in own if field.kept)
    return plan


def _row(field: Field) -> _Row:
    empty = (field.plain and field.kind is not Kind.MESSAGE) or field.kind is Kind.BYTES
    drops = field.card is not Card.ONE or (empty and not field.kept)
    if field.unwrapped:
        drops = False
    return _Row(field, _reader(field), _shaper(field), drops)


@dataclass(frozen=True, slots=True)
class _Zero:
    answer: Callable[[], Any]
    request: Callable[[], Any] | None


_NULL = _Zero(lambda: None, None)


def _zero(field: Field) -> _Zero:
    if not field.plain or field.message in FOREIGN or field.kind is Kind.BYTES:
        return _NULL
    match field.kind:
        case Kind.MESSAGE if field.yaml:
            return _Zero(lambda: yaml_text(field.message, {}), None)
        case Kind.MESSAGE:
            plan = _plan(field.message)
            return _Zero(lambda: plan.shape({}), lambda: plan.read({}, ""))
        case Kind.STRING:
            return _Zero(str, str)
        case Kind.BOOL:
            return _Zero(bool, bool)
        case Kind.INT32 | Kind.INT64:
            return _Zero(int, int)
        case _:
            assert_never(field.kind)


def _shaper(field: Field) -> Callable[[Any], Any]:
    if field.kind is not Kind.MESSAGE or field.message in FOREIGN or field.yaml or field.unwrapped:
        return _as_it_is
    plan = _plan(field.message)
    match field.card:
        case Card.ONE:
            return plan.shape
        case Card.MANY:
            return lambda value: [plan.shape(one or {}) for one in value]
        case Card.MAP:
            return lambda value: {key: plan.shape(one or {}) for key, one in value.items()}
        case _:
            assert_never(field.card)


def _as_it_is(value: Any) -> Any:
    return value


def _reader(field: Field) -> Callable[[Any, str], Any]:
    one = _one(field)
    match field.card:
        case Card.ONE:
            return one
        case Card.MANY:
            return _list_of(one)
        case Card.MAP:
            return _map_of(one)
        case _:
            assert_never(field.card)


def _list_of(one: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise fail(path, value, "[]")
        return [one(item, path) for item in value]

    return read


def _map_of(one: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise fail(path, value, "map[string]")
        return {key: one(item, path) for key, item in value.items()}

    return read


def _one(field: Field) -> Callable[[Any, str], Any]:
    match field.kind:
        case Kind.STRING:
            return _typed(str, "string")
        case Kind.BOOL:
            return _typed(bool, "bool")
        case Kind.INT32:
            return _integer(31, "int32")
        case Kind.INT64:
            return _integer(63, "int64")
        case Kind.BYTES:
            return _base64
        case Kind.MESSAGE:
            return _message(field)
        case _:
            assert_never(field.kind)


def _typed(kind: type, name: str) -> Callable[[Any, str], Any]:
    """A null in a list or a map is the zero, as Go has it."""

    def read(value: Any, path: str) -> Any:
        if value is None:
            return kind()
        if not isinstance(value, kind):
            raise fail(path, value, name)
        return value

    return read


def _integer(bits: int, name: str) -> Callable[[Any, str], Any]:
    def read(value: Any, path: str) -> Any:
        if value is None:
            return 0
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not -1 << bits <= value < 1 << bits
        ):
            raise fail(path, value, name)
        return value

    return read


def _base64(value: Any, path: str) -> Any:
    try:
        b64decode(value, validate=True)
    except (TypeError, ValueError, Base64Error) as error:
        raise fail(path, value, "[]uint8") from error
    return value


def _message(field: Field) -> Callable[[Any, str], Any]:
    if (foreign := FOREIGN.get(field.message)) is not None:
        return _foreign(foreign, field.message.rpartition(".")[2])
    if field.yaml:
        return _yaml(field.message)
    plan = _plan(field.message)
    if field.unwrapped:
        (only,) = contract().messages[field.message].fields
        return _row(only).read
    return lambda value, path: plan.read({} if value is None else value, path)


def _foreign(foreign: Foreign, name: str) -> Callable[[Any, str], Any]:
    def read(value: Any, path: str) -> Any:
        try:
            return foreign.read(value)
        except ValueError as error:
            raise fail(path, value, name) from error

    return read


def _yaml(message: str) -> Callable[[Any, str], Any]:
    """The text is kept; it has to be the YAML of its message all the same."""

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, str):
            raise fail(path, value, "string")
        try:
            inner = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise fail(path, value, message.rpartition(".")[2]) from error
        _plan(message).read(inner or {}, path)
        return value

    return read
