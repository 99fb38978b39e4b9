"""One bare repository on disk: its place, its pins, what it holds. Blocking, local, no network."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Final

import pygit2

from tiphys.core.source.url import without_user

PINS: Final = "refs/tiphys/"
"""A revision in use: the ref's name ends with the commit."""
HISTORY: Final = "refs/deep/"
"""The remote's refs with their history, while abbreviated commits are looked for."""

_LOCKS: Final = ("shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock", "refs/**/*.lock")
_REMAINS: Final = ("objects/pack/tmp_*", "objects/tmp_*", "objects/pack/.tmp-*")


def open_repository(path: Path) -> pygit2.Repository:
    """Exactly this one: never one in a folder above. Raises pygit2.GitError."""
    return pygit2.Repository(str(path), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)


def sweep(root: Path, known: Collection[Path], before: float) -> None:
    """Remove the repositories of a root that are not known, and were not written to since.

    Whatever a fetch writes replaces a file in the repository's own folder.
    """
    for path in root.glob("*.git"):
        if path not in known and path.stat().st_mtime < before:
            rmtree(path, ignore_errors=True)


class Store:
    """`key` tells clones apart; its text begins with the normal form of the URL."""

    def __init__(self, root: Path, key: str) -> None:
        self.path = root / f"{sha256(key.encode()).hexdigest()[:40]}.git"
        self.large = self.path / "lfs" / "tiphys"
        self._key = key

    def prepare(self) -> None:
        """Create it, or clear away what a killed run left. No Git may be running on it."""
        if not self.exists():
            # What was cut short holds nothing, and may be past repair.
            rmtree(self.path, ignore_errors=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            pygit2.init_repository(str(self.path), bare=True, description=without_user(self._key))
        for pattern in (*_LOCKS, *_REMAINS):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def exists(self) -> bool:
        """False also while it is being created, and where that was cut short."""
        return self._opened() is not None

    def find(self, commit: str) -> str | None:
        """The commit that a whole object id means here, pinned from now on; None when absent."""
        repository = self._opened()
        if repository is None:
            return None
        try:
            found = str(repository[commit].peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None
        if f"{PINS}{found}" not in repository.references:
            repository.references.create(f"{PINS}{found}", found)
        return found

    def drop(self, in_use: frozenset[str]) -> int:
        """Remove the pins that are not in use, and all of the history's refs; says how many."""
        repository = open_repository(self.path)
        unused = [
            name
            for name in repository.references
            if name.startswith(HISTORY)
            or (name.startswith(PINS) and name.removeprefix(PINS) not in in_use)
        ]
        for name in unused:
            repository.references.delete(name)
        return len(unused)

    def _opened(self) -> pygit2.Repository | None:
        try:
            return open_repository(self.path)
        except pygit2.GitError:
            return None
