"""Bytes to JSON values: what Go's JSON says of the message that it reads from them, without nulls.

Every message has a plan that is made when it is first used: by tag, what to do with what follows.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any, assert_never

import yaml

from tiphys.core.wire.foreign import FOREIGN
from tiphys.core.wire.schema import Card, Field, Kind, contract
from tiphys.core.wire.varint import BYTES, VARINT, MalformedError, read_varint, signed, skip
from tiphys.model.errors import ApiCode, ApiError

Json = dict[str, Any]
Store = Callable[[Json, Any], None]
"""Puts a field's bytes or number where it belongs in the message's value."""
Read = Callable[[Any], Any]


def decode(message: str, data: bytes) -> Json:
    """The JSON value of a message. ApiError: these bytes are none."""
    try:
        return _plan(message).decode(data)
    except ValueError as error:
        text = "invalid UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ApiError(ApiCode.INTERNAL, f"error unmarshalling {message}: {text}") from error


class _Plan:
    """`kept`: keys that are there in any case, with what makes their zero."""

    __slots__ = ("kept", "rows")

    def __init__(self) -> None:
        self.rows: dict[int, Store] = {}
        self.kept: tuple[tuple[str, Callable[[], Any]], ...] = ()

    def decode(self, data: bytes) -> Json:
        out: Json = {}
        find = self.rows.get
        at, end = 0, len(data)
        while at < end:
            key = data[at]
            at += 1
            if key > 127:
                key, at = read_varint(data, at - 1)
            wire = key & 7
            if wire != BYTES and wire != VARINT:
                at = skip(data, at, wire)
                continue
            # Most lengths and numbers take one byte, for which a call would cost more than it does.
            number = data[at] if at < end else 128
            at += 1
            if number > 127:
                number, at = read_varint(data, at - 1)
            store = find(key)
            if wire == VARINT:
                if store is not None:
                    store(out, number)
                continue
            stop = at + number
            if stop > end:
                break
            if store is not None:
                store(out, data[at:stop])
            at = stop
        else:
            stop = at
        if stop != end:
            raise MalformedError("unexpected EOF")
        for name, zero in self.kept:
            if name not in out:
                out[name] = zero()
        return out


@cache
def _plan(message: str) -> _Plan:
    plan = _Plan()
    fields = contract().messages[message].fields
    plan.kept = tuple((field.key, zero) for field in fields if (zero := _zero(field)) is not None)
    for field in fields:
        store = _store(field)
        plan.rows[field.number << 3 | _wire(field)] = store
        if field.card is Card.MANY and _wire(field) == VARINT:
            plan.rows[field.number << 3 | BYTES] = _packed(store)
    return plan


def _wire(field: Field) -> int:
    numeric = field.kind in (Kind.BOOL, Kind.INT32, Kind.INT64)
    return VARINT if numeric and field.card is not Card.MAP else BYTES


def _zero(field: Field) -> Callable[[], Any] | None:
    """What makes the zero of a field whose key is always there, None where that is null."""
    if not field.kept or field.card is not Card.ONE or not (field.always or field.implicit):
        return None
    match field.kind:
        case Kind.MESSAGE if field.message in FOREIGN:
            return None
        case Kind.MESSAGE:
            read = _message(field)
            return lambda: read(b"")
        case Kind.STRING | Kind.BYTES:
            return str
        case Kind.BOOL:
            return bool
        case Kind.INT32 | Kind.INT64:
            return int
        case _:
            assert_never(field.kind)


def _packed(store: Store) -> Store:
    """Numbers one after the other in one field."""

    def put(out: Json, data: Any) -> None:
        at = 0
        while at < len(data):
            number, at = read_varint(data, at)
            store(out, number)

    return put


def _store(field: Field) -> Store:
    if field.card is Card.MAP:
        return _map(field)
    read = _read(field)
    if field.card is Card.MANY:
        return _many(field.key, read)
    if field.inlined:
        return lambda out, data: out.update(read(data))
    if field.plain and not field.kept and field.kind is not Kind.MESSAGE:
        return _unless_zero(field.key, read)
    if field.message in FOREIGN:
        return _unless_none(field.key, read)
    if field.message and field.always and not field.kept:
        return _unless_empty(field.key, read)
    return _one(field.key, read)


def _one(key: str, read: Read) -> Store:
    def put(out: Json, data: Any) -> None:
        out[key] = read(data)

    return put


def _unless_zero(key: str, read: Read) -> Store:
    def put(out: Json, data: Any) -> None:
        if data:
            out[key] = read(data)

    return put


def _unless_empty(key: str, read: Read) -> Store:
    """A message that is there without anything in it, where Go's JSON leaves it out."""

    def put(out: Json, data: Any) -> None:
        value = read(data)
        if value:
            out[key] = value

    return put


def _unless_none(key: str, read: Read) -> Store:
    def put(out: Json, data: Any) -> None:
        value = read(data)
        if value is not None:
            out[key] = value

    return put


def _many(key: str, read: Read) -> Store:
    def put(out: Json, data: Any) -> None:
        found = out.get(key)
        if found is None:
            out[key] = [read(data)]
        else:
            found.append(read(data))

    return put


def _map(field: Field) -> Store:
    """Entries are messages of a key (1) and a value (2)."""
    key = field.key
    read = _read(field)
    numeric = field.kind is Kind.BOOL
    value_key = 2 << 3 | (VARINT if numeric else BYTES)
    absent: Any = 0 if numeric else b""
    entry = _Plan()
    entry.rows = {
        1 << 3 | BYTES: _one("key", _text),
        value_key: _one("value", read),
    }

    def put(out: Json, data: Any) -> None:
        found = entry.decode(data)
        value = found["value"] if "value" in found else read(absent)
        out.setdefault(key, {})[found.get("key", "")] = value

    return put


def _read(field: Field) -> Read:
    match field.kind:
        case Kind.STRING:
            return _text
        case Kind.BYTES:
            return _base64
        case Kind.BOOL:
            return bool
        case Kind.INT32 | Kind.INT64:
            return signed
        case Kind.MESSAGE:
            return _message(field)
        case _:
            assert_never(field.kind)


def _text(data: Any) -> str:
    return str(data, "utf-8")


def _base64(data: Any) -> str:
    return b64encode(data).decode()


def _message(field: Field) -> Read:
    if (foreign := FOREIGN.get(field.message)) is not None:
        return foreign.decode
    plan = _plan(field.message)
    if field.unwrapped:
        (only,) = contract().messages[field.message].fields
        empty: type[Any] = dict if only.card is Card.MAP else list
        return lambda data: plan.decode(data).get(only.key) or empty()
    if field.yaml:
        return lambda data: yaml_text(field.message, plan.decode(data))
    return plan.decode


def yaml_text(message: str, value: Json) -> str:
    """A message's YAML, with all of its keys: null where there is nothing."""
    whole = {one.key: value.get(one.key) for one in contract().messages[message].fields}
    return str(yaml.safe_dump(whole, default_flow_style=False, allow_unicode=True, width=2**31))
