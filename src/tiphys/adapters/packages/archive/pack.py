"""One unpacked tree in one file of ours: the contents one after the other, then the listing.

The file is whole or no pack: its end says where the listing is and carries its checksum, and the
id of a file is the hash of its content, checked as it is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final
from weakref import finalize

import msgspec

from tiphys.adapters.packages.archive.building import FileNode, FolderNode, LinkNode, Node
from tiphys.model.errors import RenderLimitError, RepositoryError
from tiphys.model.render import EntryKind, TreeEntry

_END: Final = Struct(">QQ16s8s")
_MAGIC: Final = b"tiphys\0\1"
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """What one call may bring into memory."""

    entries: int = 50_000
    data: int = 256 * 1024 * 1024


class _Entry(msgspec.Struct, array_like=True, frozen=True):
    """`target` is None but for links; `offset` -1 for folders and links."""

    path: str
    oid: str
    offset: int = -1
    size: int = 0
    executable: bool = False
    target: str | None = None


class PackWriter:
    """Contents are copied in, then `finish` closes the pack."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0

    def copy(self, parts: Iterable[bytes], *, executable: bool) -> FileNode:
        """Keeps the content that arrives in parts."""
        digest = hashlib.sha256()
        start = self._offset
        for part in parts:
            digest.update(part)
            self._file.write(part)
            self._offset += len(part)
        return FileNode(digest.hexdigest(), start, self._offset - start, executable)

    def finish(self, root: FolderNode) -> None:
        entries: list[_Entry] = []
        _list(root, "", entries)
        listing = msgspec.msgpack.encode(entries)
        self._file.write(listing)
        checksum = hashlib.sha256(listing).digest()[:16]
        self._file.write(_END.pack(self._offset, len(listing), checksum, _MAGIC))


class PackTree:
    """TreeReader over a pack, which stays readable when the file is deleted meanwhile."""

    def __init__(self, path: Path, file: BinaryIO, commit: str, limits: TreeLimits) -> None:
        """Raises ValueError, MsgspecError or OSError where it is no pack."""
        entries = _listing(file)
        self._path = path
        self._entries = entries
        self._file = file
        self._commit = commit
        self._limits = limits
        self._children = _children(entries)
        finalize(self, file.close)

    @property
    def commit(self) -> str:
        return self._commit

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        found = {path: self._entries.get(path) for path in paths}
        self._check(found)
        return {path: None if one is None else self._whole(one) for path, one in found.items()}

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        prefix = f"{path}/" if path else ""
        found = {
            name: entry
            for name, entry in self._entries.items()
            if name == path or name.startswith(prefix)
        }
        self._check(found)
        return {name: self._whole(entry) for name, entry in found.items()}

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        found = {path: self._entries.get(path) for path in paths}
        return {path: None if one is None else one.oid for path, one in found.items()}

    def _check(self, found: Mapping[str, _Entry | None]) -> None:
        size = sum(one.size for one in found.values() if one is not None)
        if len(found) > self._limits.entries or size > self._limits.data:
            raise RenderLimitError(
                f"more than {self._limits.entries} files or {self._limits.data} bytes are read "
                "of the archive"
            )

    def _whole(self, entry: _Entry) -> TreeEntry:
        if entry.target is not None:
            return TreeEntry(EntryKind.LINK, entry.oid, entry.target.encode())
        if entry.offset < 0:
            children = self._children[entry.path]
            return TreeEntry(EntryKind.FOLDER, entry.oid, children=children)
        data = os.pread(self._file.fileno(), entry.size, entry.offset)
        if hashlib.sha256(data).hexdigest() != entry.oid:
            self._path.unlink(missing_ok=True)
            raise RepositoryError("the unpacked archive on disk was damaged: it is fetched again")
        return TreeEntry(EntryKind.FILE, entry.oid, data, entry.executable)


def open_pack(path: Path, commit: str, limits: TreeLimits | None = None) -> PackTree | None:
    """None where there is no pack, or what is there is none."""
    try:
        file = path.open("rb")
    except OSError:
        return None
    try:
        return PackTree(path, file, commit, limits or TreeLimits())
    except (OSError, ValueError, msgspec.MsgspecError):
        file.close()
        return None


def _listing(file: BinaryIO) -> Mapping[str, _Entry]:
    end = file.seek(-_END.size, os.SEEK_END)
    offset, size, checksum, magic = _END.unpack(file.read(_END.size))
    if magic != _MAGIC or offset + size != end:
        raise ValueError
    file.seek(offset)
    listing = file.read(size)
    if hashlib.sha256(listing).digest()[:16] != checksum:
        raise ValueError
    entries = msgspec.msgpack.decode(listing, type=list[_Entry])
    return {entry.path: entry for entry in entries}


def _list(node: Node, path: str, entries: list[_Entry]) -> str:
    """Adds a node and all below it; gives its id, which for a folder is that of its content."""
    match node:
        case FileNode():
            entries.append(_Entry(path, node.oid, node.offset, node.size, node.executable))
            return node.oid
        case LinkNode():
            entries.append(_Entry(path, node.oid, target=node.target))
            return node.oid
        case FolderNode():
            at = len(entries)
            entries.append(_Entry(path, ""))
            digest = hashlib.sha256(b"folder\0")
            for name in sorted(node.children):
                child = node.children[name]
                oid = _list(child, f"{path}/{name}" if path else name, entries)
                executable = isinstance(child, FileNode) and child.executable
                digest.update(f"{type(child).__name__} {executable} {name}\0{oid}\0".encode())
            entries[at] = _Entry(path, digest.hexdigest())
            return digest.hexdigest()


def _children(entries: Mapping[str, _Entry]) -> Mapping[str, Mapping[str, EntryKind]]:
    found: dict[str, dict[str, EntryKind]] = {}
    for path, entry in entries.items():
        if entry.offset < 0 and entry.target is None:
            found.setdefault(path, {})
        if path:
            parent, _, name = path.rpartition("/")
            found.setdefault(parent, {})[name] = _kind(entry)
    return found


def _kind(entry: _Entry) -> EntryKind:
    if entry.target is not None:
        return EntryKind.LINK
    return EntryKind.FOLDER if entry.offset < 0 else EntryKind.FILE
