"""Git repositories of which no dead host keeps the others from being asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tiphys.core.source.url import normal_form
from tiphys.model.repository import Repository
from tiphys.services.render.ports import TreeReader
from tiphys.services.sources.ports import GitRepositories
from tiphys.services.turns.gate import FairGate


class FairRepositories:
    """Implements GitRepositories. At once so many listings and readings, and of one host fewer;
    what takes longer than a moment keeps only its own host's waiting.
    """

    def __init__(
        self,
        git: GitRepositories,
        *,
        listings: int = 20,
        readings: int = 8,
        slow_after: float = 1.0,
    ) -> None:
        self._git = git
        self._listings = _gate(listings, slow_after)
        self._readings = _gate(readings, slow_after)

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        async with self._listings.turn(_host(repository.url)):
            return await self._git.refs(repository)

    async def tree(self, repository: Repository, commit: str) -> TreeReader:
        async with self._readings.turn(_host(repository.url)):
            return await self._git.tree(repository, commit)

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        await self._git.maintain(repository, in_use)

    async def aclose(self) -> None:
        await self._git.aclose()


def _gate(limit: int, slow_after: float) -> FairGate:
    share = max(limit * 3 // 4, 1)
    return FairGate(lambda: limit, share=lambda: share, slow_after=slow_after)


def _host(url: str) -> str:
    """`https://git.example.com/a/b` and `git@git.example.com:a/b` in their normal forms."""
    place = normal_form(url).partition("://")[2] or normal_form(url)
    return place.partition("/")[0].rpartition("@")[2]
