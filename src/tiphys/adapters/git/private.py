"""Folders for what a run of Git has to read from files: keys, certificates, headers.

In memory where the system has such a place, readable by nobody else, gone with the run; what a
killed process left is removed by the next one on the same root.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from threading import Lock
from typing import Final
from weakref import finalize

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - checked before it is used


class PrivateFolders:
    """`root` is that of the repositories: two processes never share one. Blocking."""

    def __init__(self, root: Path) -> None:
        digest = sha256(str(root).encode()).hexdigest()[:16]
        self._name = f"tiphys-{os.geteuid()}-{digest}"
        self._base: Path | None = None
        self._end: finalize[..., PrivateFolders] | None = None
        self._lock = Lock()

    @contextmanager
    def folder(self) -> Iterator[Path]:
        path = self._new()
        try:
            yield path
        finally:
            rmtree(path, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _new(self) -> Path:
        with self._lock:
            if self._base is None or not _is_ours(self._base):
                self._forget()
                self._base = self._create()
                # Also where nobody closes it, and at the end of the process.
                self._end = finalize(self, rmtree, self._base, ignore_errors=True)
            return Path(tempfile.mkdtemp(dir=self._base))

    def _forget(self) -> None:
        self._base = None
        if self._end is not None:
            self._end()
            self._end = None

    def _create(self) -> Path:
        memory = os.access(_IN_MEMORY, os.W_OK | os.X_OK)
        base = (_IN_MEMORY if memory else Path(tempfile.gettempdir())) / self._name
        if _is_ours(base):
            rmtree(base, ignore_errors=True)
        try:
            base.mkdir(mode=0o700)
        except OSError:
            # Somebody else took the name: one that cannot be foreseen then.
            return Path(tempfile.mkdtemp(prefix=f"{self._name}-", dir=base.parent))
        return base


def _is_ours(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return private and found.st_uid == os.geteuid()


def write_private(path: Path, text: str) -> Path:
    """A new file that only we read; a text without an end of line gets one, as keys need it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text if text.endswith("\n") or not text else f"{text}\n")
    return path
