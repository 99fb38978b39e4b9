"""A folder read as if it were a commit's tree: no link followed, nothing outside of it.

Blocking, for use from a thread. Object ids are hashes of what is there, as Git's are.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import EntryKind, TreeEntry

_ENTRIES: Final = 50_000
_DATA: Final = 256 * 1024 * 1024


class FolderTree:
    """`include` are globs of file names: other files are not there; None takes all."""

    def __init__(self, root: Path, include: Sequence[str] | None = None) -> None:
        self._root = root
        self._include = include

    @property
    def commit(self) -> str:
        """A folder has none."""
        return ""

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        return {path: self._entry(path) for path in paths}

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        found: dict[str, TreeEntry] = {}
        size = 0
        for at, entry in self._below(path):
            found[at] = entry
            size += len(entry.data)
            if len(found) > _ENTRIES or size > _DATA:
                raise RenderLimitError(f"'{path}': too much is in this folder")
        return found

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        found = ((path, self._entry(path)) for path in paths)
        return {path: None if entry is None else entry.oid for path, entry in found}

    def _below(self, path: str) -> Iterator[tuple[str, TreeEntry]]:
        entry = self._entry(path)
        if entry is None:
            return
        yield path, entry
        for name in entry.children:
            yield from self._below(f"{path}/{name}" if path else name)

    def _entry(self, path: str) -> TreeEntry | None:
        place = self._place(path)
        if place is None:
            return None
        try:
            mode = place.lstat().st_mode
            if stat.S_ISDIR(mode):
                return self._folder(place)
            if stat.S_ISLNK(mode):
                return _leaf(EntryKind.LINK, os.fsencode(place.readlink()))
            if not stat.S_ISREG(mode) or not self._seen(place.name):
                return None
            if place.stat().st_size > _DATA:
                raise RenderLimitError(f"'{path}' is too large")
            return _leaf(EntryKind.FILE, place.read_bytes(), executable=bool(mode & 0o111))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RenderError(f"{path}: {error.strerror}") from None

    def _place(self, path: str) -> Path | None:
        """Where a path is; None behind a link or a file, which lead nowhere."""
        steps = path.split("/") if path else []
        if path.startswith("/") or any(step in {"", ".", ".."} for step in steps):
            return None
        place = self._root
        for step in steps:
            # The root itself may be reached through links; nothing below it may.
            if place is not self._root and (place.is_symlink() or not place.is_dir()):
                return None
            place = place / step
        return place

    def _folder(self, place: Path) -> TreeEntry:
        children: dict[str, EntryKind] = {}
        with os.scandir(place) as listed:
            for item in sorted(listed, key=lambda item: item.name):
                kind = _kind(item)
                if item.name == ".git" or kind is None:
                    continue
                if kind is not EntryKind.FILE or self._seen(item.name):
                    children[item.name] = kind
        names = "\0".join(f"{kind}:{name}" for name, kind in children.items())
        return TreeEntry(EntryKind.FOLDER, _oid(names.encode()), children=children)

    def _seen(self, name: str) -> bool:
        return self._include is None or any(fnmatchcase(name, glob) for glob in self._include)


def _kind(item: os.DirEntry[str]) -> EntryKind | None:
    """None for what a repository cannot hold."""
    if item.is_symlink():
        return EntryKind.LINK
    if item.is_dir():
        return EntryKind.FOLDER
    return EntryKind.FILE if item.is_file() else None


def _leaf(kind: EntryKind, data: bytes, *, executable: bool = False) -> TreeEntry:
    return TreeEntry(kind, _oid(data), data, executable)


def _oid(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
