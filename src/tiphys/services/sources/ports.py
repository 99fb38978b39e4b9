"""What services need of Git."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from tiphys.services.render.ports import TreeReader


class GitRepositories(Protocol):
    """Repositories by URL, kept bare and shallow on disk. Raises RepositoryError and its kinds."""

    async def refs(self, url: str) -> Mapping[str, str]:
        """All refs of the remote, asked now: full name (`HEAD` included) -> commit, tags peeled."""
        ...

    async def tree(self, url: str, commit: str) -> TreeReader:
        """The tree of a commit, fetched at depth one when it is not there yet.

        An abbreviated commit (7 digits or more) is looked for by deepening; the reader's
        `commit` is then the whole one.
        """
        ...

    async def maintain(self, url: str, in_use: Collection[str]) -> None:
        """Drops the commits that no one uses any more, and packs the rest."""
        ...

    async def aclose(self) -> None: ...
