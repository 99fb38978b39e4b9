"""Protocol Buffers' numbers of variable length, and what has to be stepped over."""

from __future__ import annotations

from typing import Final


class MalformedError(ValueError):
    """Bytes that are no message."""


VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

SMALL: Final = tuple(bytes((number,)) for number in range(128))
"""The numbers that take one byte: nearly all lengths and tags."""
_ALL_BITS = (1 << 64) - 1


def varint(number: int) -> bytes:
    """A number as it goes over the wire; a negative one as 64 bits of two's complement."""
    if 0 <= number < 128:
        return SMALL[number]
    rest = number & _ALL_BITS
    parts = bytearray()
    while rest > 127:
        parts.append(rest & 127 | 128)
        rest >>= 7
    parts.append(rest)
    return bytes(parts)


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and where the next thing starts."""
    number = shift = 0
    while shift < 70:
        try:
            byte = data[at]
        except IndexError:
            break
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & _ALL_BITS, at
        shift += 7
    raise MalformedError("a number does not end")


def signed(number: int) -> int:
    """The 64 bits of a varint as an int64."""
    return number - (1 << 64) if number >> 63 else number


def skip(data: bytes, at: int, wire: int) -> int:
    """Where what follows an unknown field starts. Groups are as old as to be refused."""
    match wire:
        case 0:
            return read_varint(data, at)[1]
        case 1:
            return at + 8
        case 2:
            size, at = read_varint(data, at)
            return at + size
        case 5:
            return at + 4
        case _:
            raise MalformedError("a field of no known type")
