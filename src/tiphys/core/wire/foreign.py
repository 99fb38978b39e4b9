"""Kubernetes' types whose JSON is not that of a message: times, raw JSON, a number or a text.

Each knows its bytes (what stands inside of its field) and its JSON. None in JSON is Go's zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson

from tiphys.core.wire.varint import (
    BYTES,
    VARINT,
    MalformedError,
    read_varint,
    signed,
    skip,
    tag,
    varint,
)


class Foreign(Protocol):
    def encode(self, value: Any) -> bytes: ...

    def decode(self, data: bytes) -> Any: ...

    def read(self, value: Any) -> Any:
        """A value of JSON, checked. ValueError says what it is not."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_FINER = re.compile(r"(\.\d{6})\d+")
"""Go writes nanoseconds, of which nothing that is kept here has any use."""


def parsed_time(text: str) -> datetime:
    """RFC 3339 as Kubernetes reads it. ValueError for anything else."""
    if len(text) < 20 or text[10] not in "Tt":
        raise ValueError(f'parsing time "{text}": not RFC 3339')
    moment = datetime.fromisoformat(text if len(text) == 20 else _FINER.sub(r"\1", text))
    if moment.tzinfo is None:
        raise ValueError(f'parsing time "{text}": no offset')
    return moment


def _stamp(data: bytes) -> tuple[int, int]:
    """Seconds and nanoseconds of a Timestamp."""
    found = _numbers(data)
    return signed(found.get(1, 0)), signed(found.get(2, 0))


def _numbers(data: bytes) -> dict[int, int]:
    found: dict[int, int] = {}
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == VARINT:
            found[key >> 3], at = read_varint(data, at)
        else:
            at = skip(data, at, key & 7)
    return found


def _moment(seconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise MalformedError("a time out of range") from error


def written_time(seconds: int) -> str:
    """Seconds since 1970 as metav1.Time has them in JSON."""
    return _seconds(_moment(seconds))


def _seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def _microseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


_SECONDS = tag(1, VARINT)
_NO_NANOS = tag(2, VARINT) + varint(0)


class Time:
    """metav1.Time: to the second, in UTC."""

    def encode(self, value: Any) -> bytes:
        seconds = (parsed_time(value) - _EPOCH) // _SECOND
        return _SECONDS + varint(seconds) + _NO_NANOS

    def decode(self, data: bytes) -> Any:
        if not data:
            return None
        return written_time(_stamp(data)[0])

    def read(self, value: Any) -> Any:
        return _seconds(parsed_time(_text(value)))


class MicroTime:
    """metav1.MicroTime: always with six digits."""

    def encode(self, value: Any) -> bytes:
        whole, rest = divmod(parsed_time(value) - _EPOCH, _SECOND)
        nanos = rest // _MICROSECOND * 1000
        return _SECONDS + varint(whole) + tag(2, VARINT) + varint(nanos)

    def decode(self, data: bytes) -> Any:
        if not data:
            return None
        seconds, nanos = _stamp(data)
        moment = _moment(seconds) + timedelta(microseconds=nanos // 1000)
        return _microseconds(moment)

    def read(self, value: Any) -> Any:
        return _microseconds(parsed_time(_text(value)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


_FIRST = tag(1, BYTES)


class Json:
    """Any JSON: RawExtension, FieldsV1 and the API extensions' JSON carry it as its bytes."""

    def encode(self, value: Any) -> bytes:
        raw = orjson.dumps(value)
        return _FIRST + varint(len(raw)) + raw

    def decode(self, data: bytes) -> Any:
        at = 0
        found = b""
        while at < len(data):
            key, at = read_varint(data, at)
            if key == 10:
                size, at = read_varint(data, at)
                found = data[at : at + size]
                at += size
            else:
                at = skip(data, at, key & 7)
        try:
            return orjson.loads(found) if found else None
        except orjson.JSONDecodeError as error:
            raise MalformedError("raw JSON that is none") from error

    def read(self, value: Any) -> Any:
        return value


class IntOrString:
    """A number or a text; on the wire both are there, and which of them counts."""

    def encode(self, value: Any) -> bytes:
        number, text = (0, value) if isinstance(value, str) else (value, "")
        raw = text.encode()
        parts = (
            tag(1, VARINT) + varint(int(isinstance(value, str))),
            tag(2, VARINT) + varint(number),
            tag(3, BYTES) + varint(len(raw)) + raw,
        )
        return b"".join(parts)

    def decode(self, data: bytes) -> Any:
        found: dict[int, Any] = {}
        at = 0
        while at < len(data):
            key, at = read_varint(data, at)
            if key == 26:
                size, at = read_varint(data, at)
                found[3] = data[at : at + size].decode()
                at += size
            elif key & 7 == VARINT:
                found[key >> 3], at = read_varint(data, at)
            else:
                at = skip(data, at, key & 7)
        return found.get(3, "") if found.get(1) else signed(found.get(2, 0))

    def read(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError("neither a number nor a text")
        return value


_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
FOREIGN: Mapping[str, Foreign] = {
    f"{_META}.Time": Time(),
    f"{_META}.MicroTime": MicroTime(),
    f"{_META}.FieldsV1": Json(),
    "k8s.io.apimachinery.pkg.runtime.RawExtension": Json(),
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON": Json(),
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": IntOrString(),
}
