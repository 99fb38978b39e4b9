"""What rendering needs of the outside: a tree of Git objects, and a tool that renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tiphys.model.render import RenderRequest, RenderResult, TreeEntry


class TreeReader(Protocol):
    """One commit's tree. Blocking: called from a thread, never from the event loop.

    Paths are relative to the root, with `/`, no leading or trailing slash, `` for the root.
    Links are never followed: a path that goes on behind a link or a file is absent.
    """

    @property
    def commit(self) -> str: ...

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        """Entries with their content; None for what is absent."""
        ...

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        """Every entry below a folder, itself included, by full path; empty when absent."""
        ...

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        """Object ids alone, without reading content; None for what is absent."""
        ...


class Renderer(Protocol):
    """Turns a source into manifests, seeing nothing but the tree.

    Raises RenderError and its kinds.
    """

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult: ...


class RenderArchive(Protocol):
    """Keeps renders beyond the process, and may lose any of them. Blocking, and never raises."""

    def load(self, group: str) -> Sequence[bytes]:
        """The entries of a group, the longest unused first."""
        ...

    def keep(self, group: str, name: str, data: bytes) -> None: ...
