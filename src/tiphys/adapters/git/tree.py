"""A commit's tree read from Git's objects: no checkout, no link followed, nothing outside.

Blocking, for use from a thread. Submodules are not fetched by this version: whatever looks at
one, or walks over one, gets an error instead of a tree with a hole in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import pygit2

from tiphys.adapters.git.store import open_repository
from tiphys.model.errors import RenderLimitError, UnsupportedRepositoryError
from tiphys.model.render import EntryKind, TreeEntry

_SUBMODULE: Final = 0o160000
_EXECUTABLE: Final = 0o100755
_FOLDERS_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """What one call may bring into memory."""

    entries: int = 50_000
    data: int = 256 * 1024 * 1024
    depth: int = 200


class GitTree:
    """TreeReader over one commit of a bare repository."""

    def __init__(self, repository: Path, commit: str, limits: TreeLimits | None = None) -> None:
        self._path = repository
        self._limits = limits or TreeLimits()
        self._lock = Lock()
        self._open(commit)

    def _open(self, commit: str) -> None:
        self._git = open_repository(self._path)
        found = self._git[commit].peel(pygit2.Commit)
        self._commit = str(found.id)
        self._root: pygit2.Object | None = found.tree
        self._folders: dict[str, pygit2.Object | None] = {}

    @property
    def commit(self) -> str:
        return self._commit

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        with self._lock:
            budget = _Budget(self._limits)
            return {path: self._read(path, budget) for path in paths}

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        with self._lock:
            budget = _Budget(self._limits)
            found = self._find(path)
            if found is None:
                return {}
            return dict(self._below(path, found, budget))

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        """A path at or behind a submodule has that submodule's id: it is never just absent."""
        with self._lock:
            found = ((path, self._find(path)) for path in paths)
            return {path: None if entry is None else str(entry.id) for path, entry in found}

    def _find(self, path: str) -> pygit2.Object | None:
        """The entry at a path; behind a submodule, the submodule."""
        if path.startswith("/") or path.count("/") > self._limits.depth:
            return None
        if not path:
            return self._root
        parent, _, name = path.rpartition("/")
        return _child(self._folder(parent), name)

    def _folder(self, path: str) -> pygit2.Object | None:
        """As _find, remembered: many paths share a folder. Never a file, which holds its data."""
        if path not in self._folders:
            found = self._root
            for name in path.split("/") if path else ():
                found = _child(found, name)
            if len(self._folders) > _FOLDERS_KEPT:
                self._folders.clear()
            self._folders[path] = None if isinstance(found, pygit2.Blob) else found
        return self._folders[path]

    def _read(self, path: str, budget: _Budget) -> TreeEntry | None:
        found = self._find(path)
        return None if found is None else self._entry(path, found, budget)

    def _below(
        self, path: str, start: pygit2.Object, budget: _Budget
    ) -> Iterator[tuple[str, TreeEntry]]:
        waiting = [(path, start)]
        while waiting:
            at, found = waiting.pop()
            yield at, self._entry(at, found, budget)
            if isinstance(found, pygit2.Tree):
                waiting.extend(
                    (f"{at}/{_name(child)}" if at else _name(child), child) for child in found
                )

    def _entry(self, path: str, found: pygit2.Object, budget: _Budget) -> TreeEntry:
        budget.entry(path)
        if isinstance(found, pygit2.Tree):
            children = {_name(child): _kind(child) for child in found}
            return TreeEntry(EntryKind.FOLDER, str(found.id), children=children)
        if found.filemode == _SUBMODULE:
            raise UnsupportedRepositoryError(
                f"'{path}' is a submodule: submodules are not supported by this version"
            )
        budget.data(path, self._git.odb.read_header(found.id)[1])
        executable = found.filemode == _EXECUTABLE
        return TreeEntry(_kind(found), str(found.id), found.read_raw(), executable)


class _Budget:
    def __init__(self, limits: TreeLimits) -> None:
        self._limits = limits
        self._entries = 0
        self._data = 0

    def entry(self, path: str) -> None:
        self._entries += 1
        if self._entries > self._limits.entries or path.count("/") > self._limits.depth:
            raise RenderLimitError(
                f"more than {self._limits.entries} files, or folders nested deeper than "
                f"{self._limits.depth}, are read of the repository"
            )

    def data(self, path: str, size: int) -> None:
        self._data += size
        if self._data > self._limits.data:
            raise RenderLimitError(
                f"'{path}': more than {self._limits.data} bytes are read of the repository"
            )


def _child(folder: pygit2.Object | None, name: str) -> pygit2.Object | None:
    if folder is None or folder.filemode == _SUBMODULE:
        return folder
    return folder[name] if isinstance(folder, pygit2.Tree) and name in folder else None


def _kind(entry: pygit2.Object) -> EntryKind:
    """A submodule is listed as the folder that a checkout would show."""
    match entry.filemode:
        case 0o040000 | 0o160000:
            return EntryKind.FOLDER
        case 0o120000:
            return EntryKind.LINK
        case _:
            return EntryKind.FILE


def _name(entry: pygit2.Object) -> str:
    """The name of an entry; what no checkout could show is refused, not passed on."""
    name = entry.name or ""
    if name in {"", ".", ".."} or "/" in name or not name.isprintable():
        raise UnsupportedRepositoryError(f"a file is named {name!r} in the repository")
    return name
