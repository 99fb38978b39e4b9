"""A cache in a folder: groups of entries, bounded in bytes, the longest unused go first.

An entry is one file, written beside its place and renamed, so that it is whole or absent. What
cannot be read, or was cut short or changed, is no entry. Blocking: called from threads.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

import structlog
from xxhash import xxh3_128

_SEAL = 16
"""Bytes of the checksum that every file begins with."""
_FREED = 0.9
"""To which part of the bound an overfull folder is brought, so that this is rarely needed."""

log = structlog.get_logger()


class FolderCache:
    """`size` bounds the bytes on disk, `per_group` the entries of a group."""

    def __init__(self, folder: Path, *, size: int = 512 << 20, per_group: int = 32) -> None:
        self._folder = folder
        self._size = size
        self._per_group = per_group
        self._lock = Lock()
        self._used: int | None = None
        self._broken = False

    def load(self, group: str) -> Sequence[bytes]:
        """The entries of a group, the longest unused first. Never raises."""
        found = []
        for path in self._entries(self._place(group)):
            data = _opened(path, group)
            # The folder may be read-only, and another process may have taken the entry away.
            with suppress(OSError):
                if data is None:
                    path.unlink(missing_ok=True)
                else:
                    os.utime(path)
            if data is not None:
                found.append(data)
        return found

    def keep(self, group: str, name: str, data: bytes) -> None:
        """Never raises: what cannot be kept is made again."""
        place = self._place(group)
        sealed = _sealed(data, group)
        try:
            with self._lock:
                self._write(place, name, sealed)
                for old in self._entries(place)[: -self._per_group]:
                    self._remove(old)
                if self._total() > self._size:
                    self._shrink()
        except OSError as error:
            if not self._broken:
                log.warning("cache on disk cannot be written", folder=str(place), error=str(error))
            self._broken = True

    def _place(self, group: str) -> Path:
        return self._folder / group[:2] / group

    def _entries(self, place: Path) -> list[Path]:
        try:
            return [path for _, path in sorted((p.stat().st_mtime_ns, p) for p in _files(place))]
        except OSError:
            return []

    def _write(self, place: Path, name: str, data: bytes) -> None:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        total = self._total()
        path = place / name
        before = path.stat().st_size if path.exists() else 0
        # Hidden until it is whole; another process may write the same entry.
        part = place / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        part.replace(path)
        self._used = total + len(data) - before

    def _total(self) -> int:
        if self._used is None:
            self._used = sum(size for _, size, _ in self._all())
        return self._used

    def _shrink(self) -> None:
        self._used = None
        for _, _, path in sorted(self._all()):
            if self._total() <= self._size * _FREED:
                return
            self._remove(path)

    def _remove(self, path: Path) -> None:
        total, size = self._total(), path.stat().st_size
        path.unlink(missing_ok=True)
        self._used = total - size

    def _all(self) -> Iterator[tuple[int, int, Path]]:
        for path in self._folder.glob("*/*/*"):
            if not path.name.startswith("."):
                stat = path.stat()
                yield stat.st_mtime_ns, stat.st_size, path


def _files(place: Path) -> Iterator[Path]:
    return (path for path in place.iterdir() if not path.name.startswith("."))


def _sealed(data: bytes, group: str) -> bytes:
    packed = zlib.compress(data, 1)
    return xxh3_128(group.encode() + packed).digest() + packed


def _opened(path: Path, group: str) -> bytes | None:
    try:
        sealed = path.read_bytes()
        packed = sealed[_SEAL:]
        if xxh3_128(group.encode() + packed).digest() != sealed[:_SEAL]:
            return None
        return zlib.decompress(packed)
    except (OSError, zlib.error):
        return None
