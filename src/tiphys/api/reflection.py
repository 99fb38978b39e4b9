"""gRPC's own services: health, and reflection, which tells of the contract's files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from functools import cache

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from tiphys.api.grpc import Raw
from tiphys.model.contract import descriptor_set
from tiphys.model.errors import ApiCode, ApiError

_SERVING = b"\x08\x01"
_UNKNOWN = 12
_MISSING = 5
_OURS = ("grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection")


def own_methods(services: frozenset[str]) -> Mapping[str, Raw]:
    """`services` are those that are served, by full name."""
    reflection = _Reflection(services)
    return {
        "grpc.health.v1.Health/Check": _check,
        "grpc.health.v1.Health/Watch": _watch,
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": reflection,
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": reflection,
    }


async def _check(messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for message in messages:
        service = next((value for number, value in _fields(message) if number == 1), b"")
        if service:
            raise ApiError(ApiCode.NOT_FOUND, "unknown service")
        yield _SERVING
        return


async def _watch(_: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield _SERVING
    await asyncio.Event().wait()


class _Reflection:
    def __init__(self, services: frozenset[str]) -> None:
        self._services = services

    async def __call__(self, messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for message in messages:
            asked = [(number, value) for number, value in _fields(message) if number in _ASKED]
            number, value = asked[-1] if asked else (0, b"")
            yield _field(2, message) + self._answer(number, value.decode("utf-8", "replace"))

    def _answer(self, number: int, name: str) -> bytes:
        match number:
            case 3:
                found = _files().get(name)
            case 4:
                found = _symbols().get(name)
            case 7:
                names = sorted({*self._services, *_OURS})
                return _field(6, b"".join(_field(1, _field(1, one.encode())) for one in names))
            case _:
                return _refused(_UNKNOWN, "not implemented")
        if found is None:
            return _refused(_MISSING, f"not found: {name[:200]}")
        return _field(4, b"".join(_field(1, one) for one in _with_imports(found)))


_ASKED = frozenset((3, 4, 5, 6, 7))


def _refused(code: int, text: str) -> bytes:
    return _field(7, b"\x08" + bytes((code,)) + _field(2, text.encode()))


@cache
def _files() -> Mapping[str, FileDescriptorProto]:
    return {file.name: file for file in FileDescriptorSet.FromString(descriptor_set()).file}


@cache
def _symbols() -> Mapping[str, FileDescriptorProto]:
    found: dict[str, FileDescriptorProto] = {}
    for file in _files().values():
        prefix = f"{file.package}." if file.package else ""
        for name in _names(file, prefix):
            found.setdefault(name, file)
    return found


def _names(file: FileDescriptorProto, prefix: str) -> Iterator[str]:
    for message in file.message_type:
        yield from _nested(message, prefix)
    for service in file.service:
        yield prefix + service.name
        for method in service.method:
            yield f"{prefix}{service.name}.{method.name}"


def _nested(message: DescriptorProto, prefix: str) -> Iterator[str]:
    yield prefix + message.name
    for one in message.nested_type:
        yield from _nested(one, f"{prefix}{message.name}.")


def _with_imports(file: FileDescriptorProto) -> list[bytes]:
    """The file first, then all that it needs."""
    found: dict[str, bytes] = {}
    waiting = [file.name]
    while waiting:
        name = waiting.pop(0)
        one = _files().get(name)
        if one is None or name in found:
            continue
        found[name] = one.SerializeToString()
        waiting += one.dependency
    return list(found.values())


def _field(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Fields with a length, by number; a number's value is left out. Raises ApiError."""
    at = 0
    try:
        while at < len(message):
            key, at = _read(message, at)
            match key & 7:
                case 0:
                    _, at = _read(message, at)
                    yield key >> 3, b""
                case 2:
                    size, at = _read(message, at)
                    yield key >> 3, message[at : at + size]
                    at += size
                case _:
                    raise IndexError
    except IndexError:
        raise ApiError(ApiCode.INTERNAL, "the message cannot be read") from None


def _read(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while shift < 64:
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found, at
        shift += 7
    raise IndexError
