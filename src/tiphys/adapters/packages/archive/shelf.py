"""Files by name in one folder, bounded in bytes: the longest unused go first.

A file is written beside its place and renamed, so that it is whole or absent, for other processes
too. Blocking: called from threads.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

_PART: Final = ".part-"
_FORGOTTEN: Final = 3600.0
"""Seconds after which a file that is still half written is of a process that ended."""


class Shelf:
    """`size` bounds what stays when something is added; that itself always stays."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._lock = Lock()

    def place(self, name: str) -> Path:
        """Where a file of that name is, or would be."""
        return self._folder / name

    def touch(self, name: str) -> None:
        """It was used just now."""
        with suppress(OSError):
            os.utime(self.place(name))

    @contextmanager
    def part(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A file to write to, gone at the end unless it was adopted."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(prefix=_PART, dir=self._folder)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file, Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def adopt(self, file: BinaryIO, part: Path, name: str) -> Path:
        """Gives what was written its place, and makes room."""
        file.flush()
        place = self.place(name)
        part.replace(place)
        os.utime(place)
        with self._lock:
            self._make_room(place)
        return place

    def remove(self, name: str) -> None:
        self.place(name).unlink(missing_ok=True)

    def _make_room(self, new: Path) -> None:
        kept = sorted(self._all(), reverse=True)
        total = 0
        for used, size, path in kept:
            if path.name.startswith(_PART):
                if time.time() - used / 1e9 > _FORGOTTEN:
                    path.unlink(missing_ok=True)
                continue
            total += size
            if total > self._size and path != new:
                path.unlink(missing_ok=True)

    def _all(self) -> Iterator[tuple[int, int, Path]]:
        for path in self._folder.iterdir():
            with suppress(OSError):
                stat = path.stat()
                yield stat.st_mtime_ns, stat.st_size, path
