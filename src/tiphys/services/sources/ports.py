"""What services need of the places where sources come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tiphys.core.source.remotes import FileAt, WebFile
from tiphys.model.integrity import Signature, SignedObject
from tiphys.model.repository import Asked, CommitInfo, Listing, Place, Repository
from tiphys.services.render.ports import TreeReader


class GitRepositories(Protocol):
    """Git repositories, kept bare and shallow on disk. Raises RepositoryError and its kinds."""

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        """All refs of the remote, asked now: full name (`HEAD` included) -> commit, tags peeled."""
        ...

    async def tree(self, repository: Repository, commit: str) -> TreeReader:
        """The tree of a commit, fetched at depth one when it is not there yet.

        An abbreviated commit (7 digits or more) is looked for by deepening; the reader's
        `commit` is then the whole one.
        """
        ...

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        """Drops the commits that no one uses any more, and packs the rest."""
        ...

    async def aclose(self) -> None: ...


class GitHistory(Protocol):
    """What commits of Git repositories say. Raises RepositoryError and its kinds."""

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        """What a commit says of itself, with the tags that lead to it as last listed."""
        ...

    async def changed(self, repository: Repository, before: str, after: str) -> Sequence[str]:
        """The files that differ between two commits, by path."""
        ...

    async def signed(
        self,
        repository: Repository,
        commit: str,
        *,
        tag: str = "",
        lineage: bool = False,
        past: Collection[str] = (),
    ) -> Sequence[SignedObject]:
        """What is signed of a commit: the annotated tag of that name, else the commit itself. With
        `lineage` the tag, the commit and all before it, as far as the first sealed ones that are
        not in `past`.
        """
        ...


class Signatures(Protocol):
    """Judges OpenPGP signatures. Raises RepositoryError where that cannot be done at all."""

    async def check(
        self, objects: Sequence[SignedObject], keyring: Sequence[str]
    ) -> Sequence[Signature]:
        """One answer an object, in their order. `keyring` are armoured public keys."""
        ...


class ChartRepositories(Protocol):
    """Charts: of an index, or of a registry (`repository.oci`). Raises RepositoryError."""

    async def versions(self, repository: Repository, chart: str) -> Sequence[str] | None:
        """All versions of a chart, asked now; None where the repository has no such chart."""
        ...

    async def tree(self, repository: Repository, chart: str, version: str) -> TreeReader:
        """The unpacked chart, its own folder as the root. `commit` is the digest of the archive,
        `sha256:` and 64 digits.
        """
        ...


class Artifacts(Protocol):
    """OCI artefacts that hold manifests (`oci://` URLs). Raises RepositoryError."""

    async def tags(self, repository: Repository) -> Sequence[str]: ...

    async def digest(self, repository: Repository, reference: str) -> str | None:
        """Of a tag or digest, asked now; None where it is not there."""
        ...

    async def tree(
        self, repository: Repository, digest: str, media_types: Collection[str]
    ) -> TreeReader:
        """The unpacked content, whose layer has to be of one of the types. `commit` is the digest
        of the manifest.
        """
        ...


class Lister(Protocol):
    """Says what places offer. Raises RepositoryError."""

    async def list(self, place: Place, asked: Collection[Asked]) -> Listing:
        """What the place offers now. Registries answer only for what is asked."""
        ...


class Upstream(Lister, Protocol):
    """All of these, each by its kind. Raises RepositoryError."""

    async def tree(
        self, place: Place, revision: str, *, media_types: Collection[str] = ()
    ) -> TreeReader: ...


class WebFiles(Protocol):
    """Files behind http and https URLs, of which nobody logs in to any. Raises RepositoryError."""

    async def get(self, file: FileAt, *, etag: str, limit: int) -> WebFile | None:
        """At most so many bytes; None where the one of this etag is still the one. Redirects never
        lead to a metadata service, and to this machine or its link only where the file is `near`.
        """
        ...
