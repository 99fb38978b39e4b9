"""Archives unpacked once and kept by their digest, beyond the process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tiphys.adapters.packages.archive.building import (
    LinkNode,
    TreeBuilder,
    chosen_root,
    link_that_leaves,
)
from tiphys.adapters.packages.archive.inflate import Inflated
from tiphys.adapters.packages.archive.limits import ArchiveError, ArchiveLimits
from tiphys.adapters.packages.archive.pack import PackTree, PackWriter, open_pack
from tiphys.adapters.packages.archive.shelf import Shelf
from tiphys.adapters.packages.archive.tar import Member, MemberKind, TarReader


class TreeStore:
    """Blocking: called from threads. `size` bounds the bytes on disk.

    `folder` of the methods is the one in the archive that is the tree, None for all of it. What
    was unpacked for readers of one `scope` is nothing for those of another.
    """

    def __init__(
        self, place: Path, *, size: int = 2 << 30, limits: ArchiveLimits | None = None
    ) -> None:
        self._shelf = Shelf(place, size)
        self.limits = limits or ArchiveLimits()

    @contextmanager
    def part(self) -> Iterator[BinaryIO]:
        """A file to write an archive to, gone at the end."""
        with self._shelf.part() as (file, _):
            yield file

    def open(
        self, digest: str, folder: str | None, commit: str, *, scope: str = ""
    ) -> PackTree | None:
        """The tree of an archive that was unpacked before."""
        name = _name(digest, folder, scope)
        found = open_pack(self._shelf.place(name), commit)
        if found is not None:
            self._shelf.touch(name)
        return found

    def unpack(
        self,
        archive: BinaryIO,
        digest: str,
        folder: str | None,
        commit: str,
        *,
        what: str,
        scope: str = "",
    ) -> PackTree:
        """Unpacks an archive whose digest was checked. Raises ArchiveError; `what` is it called
        in the text of a link that leaves it (`chart`, `oci image`).
        """
        name = _name(digest, folder, scope)
        with self._shelf.part() as (file, part):
            writer = PackWriter(file)
            builder = TreeBuilder(self.limits)
            reader = TarReader(Inflated(archive, self.limits), self.limits.name)
            for member in reader.members():
                _add(builder, writer, reader, member)
            root = chosen_root(builder.root, folder)
            if (leaving := link_that_leaves(root)) is not None:
                raise ArchiveError(
                    f"{what} contains out-of-bounds symlinks. file: {leaving}: "
                    "illegal filepath in symlink"
                )
            writer.finish(root)
            place = self._shelf.adopt(file, part, name)
            tree = open_pack(place, commit)
        if tree is None:
            raise ArchiveError("it was unpacked, and vanished from disk at once")
        return tree


def _add(builder: TreeBuilder, writer: PackWriter, reader: TarReader, member: Member) -> None:
    match member.kind:
        case MemberKind.FOLDER:
            builder.folder(member.name)
        case MemberKind.FILE:
            node = writer.copy(reader.data(), executable=member.executable)
            builder.place(member.name, node)
        case MemberKind.LINK:
            if not member.target.isprintable():
                raise ArchiveError(f"illegal filepath in symlink: {member.target!r}")
            builder.place(member.name, LinkNode(member.target))
        case MemberKind.HARD_LINK:
            builder.place(member.name, builder.find(member.target))


def _name(digest: str, folder: str | None, scope: str) -> str:
    """Of a file: no character of an archive, a chart or a registry gets into it."""
    asked = "" if folder is None else f"/{folder}"
    return hashlib.sha256(f"{digest}{asked}\0{scope}".encode()).hexdigest()
