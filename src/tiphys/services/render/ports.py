"""What rendering needs of the outside: a tree of Git objects, and a tool that renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tiphys.model.render import Remote, RenderRequest, RenderResult, TreeEntry
from tiphys.services.render.job import RenderJob


class TreeReader(Protocol):
    """One tree: of a commit, or of an unpacked chart or artefact. Blocking: called from a thread,
    never from the event loop.

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

    Raises RenderError and its kinds, and RemotesNeededError where the source names what is not
    mounted yet: all that can be known by then, at once.
    """

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult: ...


class Plugins(Renderer, Protocol):
    """Renders what is a plugin's, and knows what is."""

    def present(self) -> bool:
        """Whether there is any: without one nobody has to be asked."""
        ...

    def identity(self, name: str) -> str:
        """Another one after a plugin was started anew, for it may be another then. Without a name
        it stands for all of them. Blocking.
        """
        ...

    async def supports(self, request: RenderRequest, tree: TreeReader) -> bool:
        """Whether a plugin that nobody named is meant for the source. Raises RenderError."""
        ...


class Decoder(Protocol):
    """Reads what users wrote as Kubernetes reads it, within limits. Raises RenderError."""

    async def decode_yaml(self, data: bytes) -> Sequence[Any]:
        """The documents of a YAML or JSON text, empty ones left out."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a remote led to. `digest` stands for all of its content: two that are equal are one."""

    digest: str
    tree: TreeReader


class Remotes(Protocol):
    """What lies outside of a source's trees, as far as its project permits it.

    Raises RepositoryError, and RenderError for what is not permitted.
    """

    async def digest(self, remote: Remote, job: RenderJob, *, fresh: bool = False) -> str:
        """What it is now; asked again only after an interval, or where it has to be `fresh`."""
        ...

    async def fetch(self, remote: Remote, job: RenderJob) -> Fetched: ...


class Verifier(Protocol):
    """Verifies what a project asks of signatures. Raises RepositoryError where that cannot be
    told.
    """

    async def problems(
        self, job: RenderJob, revision: str, beside: Sequence[str]
    ) -> tuple[str, ...]:
        """In the contract's words, empty where nothing speaks against the revisions: the whole one
        of the source, and those of the trees beside that it reads, by name.
        """
        ...


class RenderArchive(Protocol):
    """Keeps renders beyond the process, and may lose any of them. Blocking, and never raises."""

    def load(self, group: str) -> Sequence[bytes]:
        """The entries of a group, the longest unused first."""
        ...

    def keep(self, group: str, name: str, data: bytes) -> None: ...
