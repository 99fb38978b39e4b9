"""Places of which no dead host keeps the others from being asked."""

from __future__ import annotations

from collections.abc import Collection

from tiphys.core.source.url import normal_form
from tiphys.model.repository import Asked, Listing, Place
from tiphys.services.render.ports import TreeReader
from tiphys.services.sources.ports import Upstream
from tiphys.services.turns.gate import FairGate


class FairUpstream:
    """Implements Upstream. At once so many listings and readings, and of one host fewer; what
    takes longer than a moment keeps only its own host's waiting.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        listings: int = 20,
        readings: int = 8,
        slow_after: float = 1.0,
    ) -> None:
        self._upstream = upstream
        self._listings = _gate(listings, slow_after)
        self._readings = _gate(readings, slow_after)

    async def list(self, place: Place, asked: Collection[Asked]) -> Listing:
        async with self._listings.turn(host_of(place.repository.url)):
            return await self._upstream.list(place, asked)

    async def tree(
        self, place: Place, revision: str, *, media_types: Collection[str] = ()
    ) -> TreeReader:
        async with self._readings.turn(host_of(place.repository.url)):
            return await self._upstream.tree(place, revision, media_types=media_types)


def _gate(limit: int, slow_after: float) -> FairGate:
    share = max(limit * 3 // 4, 1)
    return FairGate(lambda: limit, share=lambda: share, slow_after=slow_after)


def host_of(url: str) -> str:
    """`https://git.example.com/a/b` and `git@git.example.com:a/b` in their normal forms."""
    place = normal_form(url).partition("://")[2] or normal_form(url)
    return place.partition("/")[0].rpartition("@")[2]
