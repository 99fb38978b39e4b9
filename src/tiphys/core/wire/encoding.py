"""JSON values to bytes, as the contract's own programs write them.

Every message has a plan that is made when it is first used: one function a field, with its tag
ready, and the bytes that stand for a field that is not there.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, assert_never

import yaml

from tiphys.core.wire.foreign import FOREIGN
from tiphys.core.wire.schema import Card, Field, Kind, contract
from tiphys.core.wire.varint import BYTES, SMALL, VARINT, tag, varint
from tiphys.model.errors import ApiCode, ApiError

Write = Callable[[list[bytes], Any], None]


def encode(message: str, value: Mapping[str, Any]) -> bytes:
    """The bytes of a message. Keys that it does not have are left out, and so is None.

    ApiError: what is there does not fit, which is the fault of whoever stored it.
    """
    try:
        return _plan(message).encode(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise ApiError(ApiCode.INTERNAL, f"{message} does not fit the contract") from error


class _Plan:
    """`rows`: for each field its key, its function, and what stands for its absence. The key of an
    inlined message is None: it reads from the mapping around it.
    """

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: tuple[tuple[str | None, Write, bytes], ...] = ()

    def encode(self, value: Mapping[str, Any]) -> bytes:
        out: list[bytes] = []
        get = value.get
        for key, write, absent in self.rows:
            found = value if key is None else get(key)
            if found is not None:
                write(out, found)
            elif absent:
                out.append(absent)
        return b"".join(out)


@cache
def _plan(message: str) -> _Plan:
    plan = _Plan()
    plan.rows = tuple(
        (None if field.inlined else field.key, _writer(field), _absent(field))
        for field in contract().messages[message].fields
    )
    return plan


def _absent(field: Field) -> bytes:
    """What Go writes for a field that holds nothing."""
    if not field.always and not field.required:
        return b""
    match field.kind:
        case Kind.MESSAGE if field.message in FOREIGN:
            return tag(field.number, BYTES) + SMALL[0]
        case Kind.MESSAGE:
            out: list[bytes] = []
            _message(field)(out, {})
            return b"".join(out)
        case Kind.STRING | Kind.BYTES:
            return tag(field.number, BYTES) + SMALL[0]
        case Kind.BOOL | Kind.INT32 | Kind.INT64:
            return tag(field.number, VARINT) + SMALL[0]
        case _:
            assert_never(field.kind)


def _writer(field: Field) -> Write:
    one = _one(field)
    match field.card:
        case Card.ONE:
            return _unless_zero(one) if field.implicit else one
        case Card.MANY:
            return _many(one)
        case Card.MAP:
            return _map(field)
        case _:
            assert_never(field.card)


def _unless_zero(one: Write) -> Write:
    def write(out: list[bytes], value: Any) -> None:
        if value:
            one(out, value)

    return write


def _many(one: Write) -> Write:
    def write(out: list[bytes], value: Any) -> None:
        for item in value:
            one(out, item)

    return write


def _map(field: Field) -> Write:
    """Entries by their keys, each a message of a key (1) and a value (2)."""
    value_of = _scalar_or_message(field, 2)
    head = tag(field.number, BYTES)
    key_head = tag(1, BYTES)

    def write(out: list[bytes], value: Any) -> None:
        for key in sorted(value):
            raw = key.encode()
            entry = [key_head, varint(len(raw)), raw]
            value_of(entry, value[key])
            payload = b"".join(entry)
            out.append(head + varint(len(payload)) + payload)

    return write


def _one(field: Field) -> Write:
    return _scalar_or_message(field, field.number)


def _scalar_or_message(field: Field, number: int) -> Write:
    match field.kind:
        case Kind.STRING:
            return _string(tag(number, BYTES))
        case Kind.BYTES:
            return _bytes(tag(number, BYTES))
        case Kind.BOOL:
            return _bool(tag(number, VARINT))
        case Kind.INT32 | Kind.INT64:
            return _number(tag(number, VARINT))
        case Kind.MESSAGE:
            return _message(field, number)
        case _:
            assert_never(field.kind)


def _string(head: bytes) -> Write:
    def write(out: list[bytes], value: Any) -> None:
        raw = value.encode()
        size = len(raw)
        out.append(head + (SMALL[size] if size < 128 else varint(size)) + raw)

    return write


def _bytes(head: bytes) -> Write:
    def write(out: list[bytes], value: Any) -> None:
        raw = b64decode(value, validate=True)
        out.append(head + varint(len(raw)) + raw)

    return write


def _bool(head: bytes) -> Write:
    true, false = head + SMALL[1], head + SMALL[0]

    def write(out: list[bytes], value: Any) -> None:
        out.append(true if value else false)

    return write


def _number(head: bytes) -> Write:
    def write(out: list[bytes], value: Any) -> None:
        out.append(head + varint(value))

    return write


def _message(field: Field, number: int = 0) -> Write:
    head = tag(number or field.number, BYTES)
    payload_of = _payload(field)

    def write(out: list[bytes], value: Any) -> None:
        payload = payload_of(value)
        size = len(payload)
        out.append(head + (SMALL[size] if size < 128 else varint(size)) + payload)

    return write


def _payload(field: Field) -> Callable[[Any], bytes]:
    if (foreign := FOREIGN.get(field.message)) is not None:
        return foreign.encode
    plan = _plan(field.message)
    if field.unwrapped:
        (only,) = contract().messages[field.message].fields
        return lambda value: plan.encode({only.key: value})
    if field.yaml:
        return lambda value: plan.encode((yaml.safe_load(value) if value else None) or {})
    return plan.encode
