"""A commit's tree read from Git's objects: no checkout, no link followed, nothing outside.

Blocking, for use from a thread. Trees of submodules are grafted where they belong; whatever looks
at one that could not be had, or walks over it, gets its error instead of a tree with a hole in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

import pygit2

from tiphys.adapters.git.pointer import Pointer, parse_pointer
from tiphys.adapters.git.store import open_repository
from tiphys.model.errors import RenderLimitError, RepositoryError, UnsupportedRepositoryError
from tiphys.model.render import EntryKind, TreeEntry

_SUBMODULE: Final = 0o160000
_EXECUTABLE: Final = 0o100755
_UNKNOWN: Final = "no URL is known for it in .gitmodules"
_NOTHING: Final = TreeEntry(EntryKind.FOLDER, "")
_FOLDERS_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """What one call may bring into memory."""

    entries: int = 50_000
    data: int = 256 * 1024 * 1024
    depth: int = 200


Contents = Callable[[Sequence[Pointer]], Mapping[str, bytes]]
"""The contents that LFS pointers stand for, by their ids. Blocking. Raises RepositoryError."""


class GitTree:
    """TreeReader over one commit of a bare repository. `large` resolves LFS pointers, which are
    files like others without it. Without `modules` every submodule is an empty folder.
    """

    def __init__(
        self,
        repository: Path,
        commit: str,
        limits: TreeLimits | None = None,
        *,
        grafts: Mapping[str, Graft] | None = None,
        large: Contents | None = None,
        modules: bool = True,
    ) -> None:
        self._path = repository
        self._limits = limits or TreeLimits()
        self._grafts = grafts or {}
        self._otherwise = _UNKNOWN if modules else None
        self._large = large
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
        budget = _Budget(self._limits)
        with self._lock:
            found = {path: self._read(path, budget) for path in paths}
        return self._whole(found, budget)

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        budget = _Budget(self._limits)
        with self._lock:
            start = self._find(path)
            found = {} if start is None else dict(self._below(path, start, budget))
        return self._whole(found, budget)

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        """A submodule has the id of its commit, and where it could not be had, so has all that is
        in it: it is never just absent.
        """
        with self._lock:
            return {path: self._oid(path) for path in paths}

    def modules(self, paths: Sequence[str]) -> Mapping[str, str]:
        """The commits of the submodules that are at these paths."""
        with self._lock:
            found = ((path, self._find(path)) for path in paths)
            return {
                path: str(entry.id)
                for path, entry in found
                if entry is not None
                and entry.filemode == _SUBMODULE
                and self._module(path) == (path, "")
            }

    def _oid(self, path: str) -> str | None:
        found = self._find(path)
        if found is None or found.filemode != _SUBMODULE:
            return None if found is None else str(found.id)
        root, rest = self._module(path)
        graft = self._grafts.get(root, self._otherwise)
        if not rest or isinstance(graft, RepositoryError | str):
            return str(found.id)
        return None if graft is None else graft.oids([rest])[rest]

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

    def _module(self, path: str) -> tuple[str, str]:
        """The submodule that a path is at or behind, and the path in it."""
        names = path.split("/")
        for count in range(1, len(names)):
            found = self._find("/".join(names[:count]))
            if found is not None and found.filemode == _SUBMODULE:
                return "/".join(names[:count]), "/".join(names[count:])
        return path, ""

    def _grafted(self, path: str) -> tuple[GitTree | None, str]:
        """The tree of a submodule, None where it is to be an empty folder, and the path in it."""
        root, rest = self._module(path)
        match self._grafts.get(root, self._otherwise):
            case RepositoryError() as error:
                raise error
            case str() as reason:
                raise RepositoryError(f"failed to update submodules: '{root}': {reason}")
            case graft:
                return graft, rest

    def _read(self, path: str, budget: _Budget) -> TreeEntry | None:
        found = self._find(path)
        if found is None:
            return None
        if found.filemode != _SUBMODULE:
            return self._entry(path, found, budget)
        graft, rest = self._grafted(path)
        entry = _NOTHING if graft is None else graft.read([rest])[rest]
        if entry is None or (rest and graft is None):
            return None
        budget.entry(path)
        budget.data(path, len(entry.data))
        return entry if rest else replace(entry, oid=str(found.id))

    def _whole(self, entries: dict[str, _Entry], budget: _Budget) -> dict[str, _Entry]:
        """With the contents in the place of LFS pointers. Others read meanwhile: a server may let
        whoever waits for these wait long.
        """
        if self._large is None:
            return entries
        pointers: dict[str, Pointer] = {}
        for path, entry in entries.items():
            if entry is not None and (pointer := parse_pointer(entry)) is not None:
                budget.data(path, pointer.size)
                pointers[path] = pointer
        if not pointers:
            return entries
        contents = self._large(list(pointers.values()))
        for path, pointer in pointers.items():
            entry = entries[path]
            if entry is not None:
                entries[path] = replace(entry, data=contents[pointer.oid])
        return entries

    def _below(
        self, path: str, start: pygit2.Object, budget: _Budget
    ) -> Iterator[tuple[str, TreeEntry]]:
        waiting = [(path, start)]
        while waiting:
            at, found = waiting.pop()
            if found.filemode == _SUBMODULE:
                yield from self._walked(at, found, budget)
                continue
            yield at, self._entry(at, found, budget)
            if isinstance(found, pygit2.Tree):
                waiting.extend(
                    (f"{at}/{_name(child)}" if at else _name(child), child) for child in found
                )

    def _walked(
        self, path: str, found: pygit2.Object, budget: _Budget
    ) -> Iterator[tuple[str, TreeEntry]]:
        graft, rest = self._grafted(path)
        root, _ = self._module(path)
        below = {"": _NOTHING} if graft is None else graft.walk(rest)
        for name, entry in below.items():
            at = f"{root}/{name}" if name else root
            budget.entry(at)
            budget.data(at, len(entry.data))
            yield at, entry if name else replace(entry, oid=str(found.id))

    def _entry(self, path: str, found: pygit2.Object, budget: _Budget) -> TreeEntry:
        budget.entry(path)
        if isinstance(found, pygit2.Tree):
            children = {_name(child): _kind(child) for child in found}
            return TreeEntry(EntryKind.FOLDER, str(found.id), children=children)
        budget.data(path, self._git.odb.read_header(found.id)[1])
        executable = found.filemode == _EXECUTABLE
        return TreeEntry(_kind(found), str(found.id), found.read_raw(), executable)


Graft = GitTree | RepositoryError | None
"""A submodule: its tree, why there is none, or None for the empty folder of one left out."""

_Entry = TypeVar("_Entry", TreeEntry, TreeEntry | None)


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
