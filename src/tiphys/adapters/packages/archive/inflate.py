"""The bytes of an archive, unpacked as they are read, and counted before they are handed out."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final

from tiphys.adapters.packages.archive.limits import ArchiveError, ArchiveLimits

_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 256 * 1024
_AT_ONCE: Final = 1 << 20
"""Bytes that one step of unpacking gives at most, however small its input."""


class Inflated:
    """Plain or gzip, told apart by how it begins. Blocking."""

    def __init__(self, packed: BinaryIO, limits: ArchiveLimits) -> None:
        self._packed = packed
        self._limits = limits
        self._buffer = bytearray()
        self._waiting = packed.read(_CHUNK)
        self._read = len(self._waiting)
        self._given = 0
        self._zlib = zlib.decompressobj(31) if self._waiting.startswith(_GZIP) else None

    def read(self, size: int) -> bytes:
        """As many bytes, or fewer at the end. Never asked for much at once."""
        while len(self._buffer) < size:
            more = self._more()
            if not more:
                break
            self._count(len(more))
            self._buffer += more
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def exactly(self, size: int) -> bytes:
        data = self.read(size)
        if len(data) != size:
            raise ArchiveError("the archive ends in the middle of an entry")
        return data

    def _more(self) -> bytes:
        if self._zlib is None:
            data, self._waiting = self._waiting or self._fill(), b""
            return data
        while not self._zlib.eof or self._next_member():
            self._waiting = self._waiting or self._fill()
            had_input = bool(self._waiting)
            try:
                data = self._zlib.decompress(self._waiting, _AT_ONCE)
            except zlib.error:
                raise ArchiveError("the archive is no valid gzip file") from None
            ended = self._zlib.eof
            self._waiting = self._zlib.unused_data if ended else self._zlib.unconsumed_tail
            if data:
                return data
            if not had_input and not ended:
                raise ArchiveError("the archive was cut short")
        return b""

    def _next_member(self) -> bool:
        """Whether another gzip file follows in this one. What is none is padding, as for gzip."""
        self._waiting = self._waiting or self._fill()
        if len(self._waiting) < len(_GZIP):
            self._waiting += self._fill()
        if not self._waiting.startswith(_GZIP):
            return False
        self._zlib = zlib.decompressobj(31)
        return True

    def _fill(self) -> bytes:
        data = self._packed.read(_CHUNK)
        self._read += len(data)
        return data

    def _count(self, size: int) -> None:
        self._given += size
        limits = self._limits
        if limits.extracted and self._given > limits.extracted:
            raise ArchiveError(f"the archive is larger than {limits.extracted} bytes unpacked")
        if self._given > max(limits.ratio_from, limits.ratio * self._read):
            raise ArchiveError(
                f"the archive is more than {limits.ratio} times as large unpacked as packed"
            )
