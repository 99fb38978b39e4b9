"""Reads a tar as a stream of entries: ustar, pax and GNU's long names, nothing else.

Own, because what a header claims must never be believed before it is measured: no name, no
extended header and no size takes memory that the limits do not allow. Follows POSIX.1-2001
(pax interchange format) and GNU tar's manual for the types `L` and `K`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from tiphys.adapters.packages.archive.inflate import Inflated
from tiphys.adapters.packages.archive.limits import ArchiveError

_BLOCK: Final = 512
_EXTENDED: Final = 1 << 20
"""Bytes of one extended header: names and times, so that a MiB is plenty."""
_CHUNK: Final = 1 << 20


class MemberKind(Enum):
    FILE = auto()
    FOLDER = auto()
    LINK = auto()
    HARD_LINK = auto()


_KINDS: Final = {
    b"0": MemberKind.FILE,
    b"\0": MemberKind.FILE,
    b"7": MemberKind.FILE,
    b"5": MemberKind.FOLDER,
    b"2": MemberKind.LINK,
    b"1": MemberKind.HARD_LINK,
}


@dataclass(frozen=True, slots=True)
class Member:
    """`target` is that of a link, as it was written."""

    name: str
    kind: MemberKind
    size: int = 0
    executable: bool = False
    target: str = ""


@dataclass(slots=True)
class _Extended:
    """What came before an entry and counts for it."""

    values: dict[str, str] = field(default_factory=dict)


class TarReader:
    """Entries in their order; the data of one is read, or left, before the next is asked for."""

    def __init__(self, stream: Inflated, longest_name: int) -> None:
        self._stream = stream
        self._longest_name = longest_name
        self._left = 0
        self._padding = 0

    def members(self) -> Iterator[Member]:
        extended = _Extended()
        while (header := self._header()) is not None:
            size = _number(header[124:136])
            kind = header[156:157]
            if kind in {b"x", b"L", b"K"}:
                self._extend(extended, kind, self._small(size))
            elif kind == b"g":
                self._small(size)
            else:
                yield self._member(header, kind, size, extended)
                for _ in self.data():
                    pass
                self._stream.exactly(self._padding)
                extended = _Extended()

    def data(self) -> Iterator[bytes]:
        """The rest of the current entry."""
        while self._left:
            part = self._stream.exactly(min(self._left, _CHUNK))
            self._left -= len(part)
            yield part

    def _header(self) -> bytes | None:
        header = self._stream.read(_BLOCK)
        if not header or header == bytes(_BLOCK):
            return None
        if len(header) < _BLOCK or not _is_header(header):
            raise ArchiveError("this is no tar archive, or it is damaged")
        return header

    def _small(self, size: int) -> bytes:
        if size > _EXTENDED:
            raise ArchiveError(f"an extended header is larger than {_EXTENDED} bytes")
        data = self._stream.exactly(size)
        self._stream.exactly(-size % _BLOCK)
        return data

    def _extend(self, extended: _Extended, kind: bytes, data: bytes) -> None:
        if kind == b"x":
            extended.values.update(_pax_records(data))
        else:
            name = "path" if kind == b"L" else "linkpath"
            extended.values[name] = self._text(data.rstrip(b"\0"))

    def _member(self, header: bytes, kind: bytes, size: int, extended: _Extended) -> Member:
        values = extended.values
        if "size" in values:
            size = _decimal(values["size"])
        name = self._short(values["path"]) if "path" in values else self._name(header)
        if kind not in _KINDS or any(key.startswith("GNU.sparse") for key in values):
            raise ArchiveError(
                f"illegal filepath in archive: '{name}' is a device, a pipe or of another kind "
                "that is no file, folder or link"
            )
        # A folder's name ended with a slash before there was a type for folders.
        what = MemberKind.FOLDER if name.endswith("/") and kind in b"0\0" else _KINDS[kind]
        size = size if what is MemberKind.FILE else 0
        self._left, self._padding = size, -size % _BLOCK
        target = (
            self._short(values["linkpath"])
            if "linkpath" in values
            else self._text(_field(header[157:257]))
        )
        executable = bool(_number(header[100:108]) & 0o111)
        return Member(name, what, size, executable, target)

    def _name(self, header: bytes) -> str:
        name = _field(header[:100])
        prefix = _field(header[345:500]) if header[257:263] == b"ustar\0" else b""
        return self._text(prefix + b"/" + name if prefix else name)

    def _text(self, data: bytes) -> str:
        try:
            return self._short(data.decode())
        except UnicodeDecodeError:
            raise ArchiveError("illegal filepath in archive: a name is not UTF-8") from None

    def _short(self, name: str) -> str:
        if len(name) > self._longest_name:
            raise ArchiveError(f"a name is longer than {self._longest_name} characters")
        return name


def _is_header(header: bytes) -> bool:
    """Whether the checksum is right: the sum of all bytes, its own field as blanks."""
    try:
        return sum(header) - sum(header[148:156]) + 8 * 0x20 == _number(header[148:156])
    except ArchiveError:
        return False


def _field(data: bytes) -> bytes:
    return data.partition(b"\0")[0]


def _number(data: bytes) -> int:
    """Octal, or big-endian after a byte with its highest bit set."""
    if data[0] & 0x80:
        if data[0] & 0x40:
            raise ArchiveError("a size in the archive is negative")
        return int.from_bytes(bytes([data[0] & 0x3F]) + data[1:], "big")
    text = data.strip(b" \0")
    if not all(0x30 <= byte <= 0x37 for byte in text):
        raise ArchiveError("a number in the archive is no number")
    return int(text or b"0", 8)


def _decimal(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ArchiveError("a size in the archive is no number")
    return int(text)


def _pax_records(data: bytes) -> Iterator[tuple[str, str]]:
    """`<length> <key>=<value>\\n`, the length that of the whole record."""
    at = 0
    while at < len(data):
        length, _, _ = data[at : at + 20].partition(b" ")
        size = int(length) if length.isdigit() else 0
        record = data[at + len(length) + 1 : at + size]
        key, found, value = record.partition(b"=")
        if size < 5 or at + size > len(data) or not found or not value.endswith(b"\n"):
            raise ArchiveError("an extended header in the archive is damaged")
        if key in {b"path", b"linkpath", b"size"} or key.startswith(b"GNU.sparse"):
            try:
                yield key.decode(), value[:-1].decode()
            except UnicodeDecodeError:
                raise ArchiveError("illegal filepath in archive: a name is not UTF-8") from None
        at += size
