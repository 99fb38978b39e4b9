"""A tree out of an archive's entries: every name judged, every link shown to stay inside.

Nothing here touches files: names are keys of mappings, and lead nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tiphys.adapters.packages.archive.limits import ArchiveError, ArchiveLimits

_HOPS: Final = 100
"""Links followed in one path; more are a loop, which leads nowhere."""


@dataclass(frozen=True, slots=True)
class FileNode:
    """`offset` and `size` say where its content is kept."""

    oid: str
    offset: int
    size: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class LinkNode:
    target: str

    @property
    def oid(self) -> str:
        return hashlib.sha256(b"link\0" + self.target.encode()).hexdigest()


@dataclass(slots=True)
class FolderNode:
    children: dict[str, Node] = field(default_factory=dict)


Node = FileNode | LinkNode | FolderNode


class TreeBuilder:
    """Takes entries in the archive's order; the later of two with one name wins."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._entries = 0
        self.root = FolderNode()

    def folder(self, name: str) -> None:
        self._folder(self._steps(name))

    def place(self, name: str, node: FileNode | LinkNode) -> None:
        steps = self._steps(name)
        if not steps:
            raise ArchiveError(f"illegal filepath in archive: '{name}' names no file")
        folder = self._folder(steps[:-1])
        if isinstance(folder.children.get(steps[-1]), FolderNode):
            raise ArchiveError(f"illegal filepath in archive: '{name}' is a folder, too")
        self._count(steps[-1] not in folder.children)
        folder.children[steps[-1]] = node

    def find(self, name: str) -> FileNode:
        """The earlier file that a hard link names."""
        found: Node | None = self.root
        for step in self._steps(name):
            found = found.children.get(step) if isinstance(found, FolderNode) else None
        if not isinstance(found, FileNode):
            raise ArchiveError(f"illegal filepath in symlink: '{name}' is no file of the archive")
        return found

    def _folder(self, steps: list[str]) -> FolderNode:
        at = self.root
        for step in steps:
            self._count(step not in at.children)
            below = at.children.setdefault(step, FolderNode())
            if not isinstance(below, FolderNode):
                name = "/".join(steps)
                raise ArchiveError(f"illegal filepath in archive: '{name}' is behind a file")
            at = below
        return at

    def _steps(self, name: str) -> list[str]:
        """The steps from the root, `.` and `..` done."""
        if name.startswith("/") or not name.isprintable():
            raise ArchiveError(f"illegal filepath in archive: {name!r}")
        steps: list[str] = []
        for step in name.split("/"):
            if step == "..":
                if not steps:
                    raise ArchiveError(f"illegal filepath in archive: {name!r}")
                steps.pop()
            elif step not in {"", "."}:
                steps.append(step)
        if len(steps) > self._limits.depth:
            raise ArchiveError(f"folders are nested deeper than {self._limits.depth}")
        return steps

    def _count(self, new: bool) -> None:
        self._entries += new
        if self._entries > self._limits.entries:
            raise ArchiveError(f"the archive has more than {self._limits.entries} entries")


def chosen_root(root: FolderNode, name: str | None) -> FolderNode:
    """The folder that is the tree: the whole for None, else the one of that name, or the only one.

    A chart's archive holds one folder, mostly of the chart's name.
    """
    if name is None:
        return root
    found = root.children.get(name)
    if found is None and len(root.children) == 1:
        (found,) = root.children.values()
    if not isinstance(found, FolderNode):
        raise ArchiveError("the archive does not hold a single folder, as that of a chart does")
    return found


def link_that_leaves(root: FolderNode) -> str | None:
    """The path of a link with a step out of the root, also over other links; None without one.

    Its end need not exist.
    """
    return next((path for path, parents, link in _links(root) if _leaves(parents, link)), None)


def _links(root: FolderNode) -> Iterator[tuple[str, list[FolderNode], LinkNode]]:
    waiting: list[tuple[str, list[FolderNode]]] = [("", [root])]
    while waiting:
        prefix, parents = waiting.pop()
        for name, node in parents[-1].children.items():
            if isinstance(node, FolderNode):
                waiting.append((f"{prefix}{name}/", [*parents, node]))
            elif isinstance(node, LinkNode):
                yield f"{prefix}{name}", parents, node


def _leaves(parents: list[FolderNode], link: LinkNode) -> bool:
    """Walks as a kernel would, `at` being the folders from the root to where it stands."""
    at: list[FolderNode | None] = list(parents)
    steps = link.target.split("/")[::-1]
    hops = 0
    if link.target.startswith("/"):
        return True
    while steps:
        step = steps.pop()
        if step in {"", "."}:
            continue
        if step == "..":
            at.pop()
            if not at:
                return True
            continue
        here = at[-1]
        found = here.children.get(step) if here is not None else None
        if isinstance(found, LinkNode):
            hops += 1
            if found.target.startswith("/"):
                return True
            if hops > _HOPS:
                return False
            steps.extend(found.target.split("/")[::-1])
        else:
            # What does not exist, or is a file, still is one step down.
            at.append(found if isinstance(found, FolderNode) else None)
    return False
