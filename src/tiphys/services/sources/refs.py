"""Watches what places offer: one poll a place, however many applications use it.

A place is a repository, or one chart of a repository.

Whoever asks for a revision is answered from the last listing while that is young, and is told
when it moves. Listings are shared: an asker who wants fresh refs takes any that began after it
asked.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

import structlog

from tiphys.core.source.places import opens_alike, place_key, place_kind
from tiphys.core.source.revision import look_up, settled
from tiphys.core.source.url import normal_form, without_user
from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.repository import Asked, Listing, Place, RepositoryKind
from tiphys.services.sources.ports import Lister

Listener = Callable[[Place, Mapping[Asked, str]], None]
"""Told of every asked revision of a place that moved what it leads to now, `` when it is gone.

Nothing moved: the place became reachable, or stopped to be. Must not raise.
"""

_FAILURE_KEPT: Final = 10.0
"""Seconds for which a failed listing answers those who do not insist on a fresh one."""
_UNWATCHED_KEPT: Final = 1_000
_ASKED_KEPT: Final = 10_000
_ASKED_OF_REGISTRIES: Final = 100
"""A registry is asked for each name by itself, so what was asked for long ago is let go."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PollTiming:
    """Seconds between two listings of one repository: interval plus up to jitter, at random.

    Without an interval a repository is listed only when somebody asks.
    """

    interval: float = 120.0
    jitter: float = 60.0


@dataclass(eq=False)
class _Watched:
    """`place` is opened by the credentials of who came last, `failed` by those that did not do.

    `asked` holds what each revision led to when it was told last, None where it never was.
    """

    place: Place
    listing: Listing | None = None
    listed_at: float = 0.0
    error: RepositoryError | None = None
    failed: Place | None = None
    attempted_at: float = 0.0
    started: int = 0
    finished: int = 0
    watchers: int = 0
    asked: OrderedDict[Asked, str | None] = field(default_factory=OrderedDict)
    found: dict[Asked, str | None] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    poked: asyncio.Event = field(default_factory=asyncio.Event)
    retimed: asyncio.Event = field(default_factory=asyncio.Event)
    poll: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return without_user(self.place.repository.url)

    def ask(self, asked: Asked) -> None:
        """Part of every listing from now on."""
        kind = place_kind(self.place)
        most = _ASKED_OF_REGISTRIES if kind is RepositoryKind.OCI else _ASKED_KEPT
        self.asked.setdefault(asked, None)
        self.asked.move_to_end(asked)
        if len(self.asked) > most:
            self.asked.popitem(last=False)

    def listed(self, listing: Listing, at: float) -> None:
        """Mostly nothing moved: then nothing is looked up again."""
        if listing != self.listing:
            self.listing, self.found = listing, {}
        self.listed_at = at

    def revision(self, asked: Asked) -> str | None:
        """As last listed, `` where there is none; None where it was not asked for."""
        if self.listing is None:
            return None
        if asked not in self.found:
            try:
                self.found[asked] = look_up(self.place, asked, self.listing)
            except RevisionNotFoundError:
                self.found[asked] = ""
        return self.found[asked]

    def answer(self, asked: Asked) -> str:
        """Raises RevisionNotFoundError."""
        found = self.revision(asked)
        if not found and self.listing is not None:
            found = look_up(self.place, asked, self.listing)
        if found is None:
            raise RevisionNotFoundError(f"'{asked.revision}' was not listed", url=self.url)
        return found

    def problem(self, place: Place) -> RepositoryError | None:
        """Credentials that did not do say nothing of others."""
        if self.failed is None or not opens_alike(self.failed.repository, place.repository):
            return None
        return self.error


class RefWatcher:
    """Close it to stop all polls. `key` tells places apart."""

    def __init__(
        self,
        upstream: Lister,
        timing: PollTiming | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
        key: Callable[[Place], str] = place_key,
    ) -> None:
        self._upstream = upstream
        self._timing = timing or PollTiming()
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._key = key
        self._places: dict[str, _Watched] = {}
        self._by_url: dict[str, set[str]] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def resolve(
        self, place: Place, asked: Asked, *, fresh: bool = False, kept: float = 0.0
    ) -> str:
        """A commit, whole or as abbreviated as it was asked for; a chart's version; a digest.

        What is certain by itself needs no listing. `fresh` asks the place in any case; for `kept`
        seconds a listing is young even where polls come faster, or never. Raises RepositoryError.
        """
        known = settled(place, asked)
        if known is not None:
            return known
        watched = self._watched(place)
        watched.ask(asked)
        if not fresh and self._is_young(watched, asked, kept):
            if watched.asked[asked] is None:
                watched.asked[asked] = watched.revision(asked)
            return watched.answer(asked)
        if not fresh and (failure := self._failed_lately(watched)):
            raise failure
        await self._renew(watched, asked, fresh=fresh, kept=kept)
        if watched.error is not None:
            raise watched.error
        return watched.answer(asked)

    def problem(self, place: Place) -> RepositoryError | None:
        """Why the last listing failed; None when it did not, or was never tried with these
        credentials.
        """
        watched = self._places.get(self._key(place))
        return None if watched is None else watched.problem(place)

    def watch(self, place: Place) -> None:
        """Poll from now on; counted, so that as many `unwatch` end it."""
        watched = self._watched(place)
        watched.watchers += 1
        if watched.poll is None:
            name = f"refs of {watched.url} {place.chart}".strip()
            watched.poll = asyncio.create_task(self._poll(watched), name=name)

    def unwatch(self, place: Place) -> None:
        key = self._key(place)
        watched = self._places[key]
        watched.watchers -= 1
        if watched.watchers == 0:
            self._drop(key)
            if watched.poll is not None:
                watched.poll.cancel()

    def retime(self, timing: PollTiming) -> None:
        """Another timing from now on; what is due by it is listed at once."""
        if timing != self._timing:
            self._timing = timing
            for watched in self._places.values():
                watched.retimed.set()

    def poke(self, url: str) -> None:
        """List a watched repository now, all that is followed in it, as a webhook asks for."""
        for key in self._by_url.get(normal_form(url), ()):
            self._places[key].poked.set()

    async def aclose(self) -> None:
        polls = [each.poll for each in self._places.values() if each.poll is not None]
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        self._places.clear()
        self._by_url.clear()

    def _watched(self, place: Place) -> _Watched:
        key = self._key(place)
        if key not in self._places:
            unwatched = [key for key, each in self._places.items() if not each.watchers]
            if len(unwatched) >= _UNWATCHED_KEPT:
                self._drop(unwatched[0])
            self._places[key] = _Watched(place)
            self._by_url.setdefault(normal_form(place.repository.url), set()).add(key)
        watched = self._places[key]
        watched.place = place
        return watched

    def _drop(self, key: str) -> None:
        url = normal_form(self._places.pop(key).place.repository.url)
        self._by_url[url].discard(key)
        if not self._by_url[url]:
            del self._by_url[url]

    async def _renew(
        self, watched: _Watched, asked: Asked | None, *, fresh: bool, kept: float = 0.0
    ) -> None:
        """Lists, unless somebody did since this was called."""
        asked_after = watched.started
        async with watched.turn:
            # Those who ask in one breath get in line before the listing begins, and share it.
            await asyncio.sleep(0)
            if watched.finished > asked_after and (
                asked is None or watched.error is not None or watched.revision(asked) is not None
            ):
                return
            if fresh or asked is None or not self._is_young(watched, asked, kept):
                await self._list(watched, asked)

    def _is_young(self, watched: _Watched, asked: Asked, kept: float) -> bool:
        if watched.revision(asked) is None:
            return False
        age = self._clock() - watched.listed_at
        return age <= max(self._timing.interval + self._timing.jitter, kept)

    def _failed_lately(self, watched: _Watched) -> RepositoryError | None:
        kept = min(_FAILURE_KEPT, self._timing.interval)
        late = self._clock() - watched.attempted_at >= kept
        return None if late else watched.problem(watched.place)

    async def _list(self, watched: _Watched, also: Asked | None) -> None:
        watched.started += 1
        watched.attempted_at = self._clock()
        failed_before = watched.error is not None
        place = watched.place
        asked = dict.fromkeys((*watched.asked, also) if also else watched.asked)
        try:
            listing = await self._upstream.list(place, tuple(asked))
        except RepositoryError as error:
            watched.error, watched.failed = error, place
        else:
            watched.error = watched.failed = None
            watched.listed(listing, watched.attempted_at)
        watched.finished = watched.started
        self._tell(watched, reachability=failed_before != (watched.error is not None))

    def _tell(self, watched: _Watched, *, reachability: bool) -> None:
        moved: dict[Asked, str] = {}
        for asked, before in watched.asked.items() if watched.error is None else ():
            now = watched.revision(asked)
            if now is not None and now != before:
                watched.asked[asked] = now
                if before is not None:
                    moved[asked] = now
        for listener in self._listeners:
            if reachability:
                listener(watched.place, {})
            if moved:
                listener(watched.place, moved)

    async def _poll(self, watched: _Watched) -> None:
        while True:
            if not await self._until_due(watched):
                self._wake_beside(watched)
            if not watched.asked:
                # Nobody has asked for a revision: its applications may not be permitted to.
                continue
            try:
                await self._renew(watched, None, fresh=True)
            except Exception:
                _log.exception("refs_poll_failed", repository=watched.url)

    def _wake_beside(self, watched: _Watched) -> None:
        """Charts of one index are asked for together: one request then answers for all."""
        if not watched.place.chart or watched.place.repository.oci:
            return
        asked_before = self._clock() - self._timing.interval / 2
        for key in self._by_url[normal_form(watched.place.repository.url)]:
            beside = self._places[key]
            if beside is not watched and beside.attempted_at < asked_before:
                beside.poked.set()

    async def _until_due(self, watched: _Watched) -> bool:
        """Sleep until a poke, or an interval after the last listing, whoever made that. Whether
        it was a poke.
        """
        delay = self._delay()
        rest = delay
        while rest > 0 and not watched.poked.is_set():
            await self._nap(watched, rest)
            if watched.retimed.is_set():
                watched.retimed.clear()
                delay = self._delay()
            rest = watched.attempted_at + delay - self._clock()
        poked = watched.poked.is_set()
        watched.poked.clear()
        return poked

    def _delay(self) -> float:
        timing = self._timing
        return timing.interval + self._uniform(0.0, timing.jitter) if timing.interval > 0 else inf

    async def _nap(self, watched: _Watched, seconds: float) -> None:
        waits: set[asyncio.Future[object]] = {
            asyncio.ensure_future(watched.poked.wait()),
            asyncio.ensure_future(watched.retimed.wait()),
        }
        if seconds < inf:
            waits.add(asyncio.ensure_future(self._sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
