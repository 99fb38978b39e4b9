"""Watches the refs of repositories: one poll a repository, however many applications use it.

Whoever asks for a revision is answered from the last listing while that is young, and is told
when it moves. Listings are shared: an asker who wants fresh refs takes any that began after it
asked.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Final

import structlog

from tiphys.core.source.revision import is_commit, resolve
from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.repository import Repository
from tiphys.services.sources.ports import GitRepositories

Listener = Callable[[str, Mapping[str, str]], None]
"""Told the URL, and of every asked revision that moved its commit now, `` when it is gone.

Nothing moved: the repository became reachable, or stopped to be. Must not raise.
"""

_FAILURE_KEPT: Final = 10.0
"""Seconds for which a failed listing answers those who do not insist on a fresh one."""
_UNWATCHED_KEPT: Final = 1_000
_ASKED_KEPT: Final = 10_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PollTiming:
    """Seconds between two listings of one repository: interval plus up to jitter, at random.

    Without an interval a repository is listed only when somebody asks.
    """

    interval: float = 120.0
    jitter: float = 60.0


@dataclass(frozen=True, slots=True)
class _Asked:
    revision: str
    tag_prefix: str = ""


@dataclass(eq=False)
class _Repository:
    url: str
    refs: Mapping[str, str] | None = None
    listed_at: float = 0.0
    error: RepositoryError | None = None
    attempted_at: float = 0.0
    started: int = 0
    finished: int = 0
    watchers: int = 0
    wanted: bool = False
    asked: dict[_Asked, str] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    poked: asyncio.Event = field(default_factory=asyncio.Event)
    retimed: asyncio.Event = field(default_factory=asyncio.Event)
    poll: asyncio.Task[None] | None = None

    def commit(self, asked: _Asked) -> str:
        """The commit of a revision as last listed, `` when there is none."""
        try:
            return resolve(asked.revision, self.refs or {}, tag_prefix=asked.tag_prefix).revision
        except RevisionNotFoundError:
            return ""

    def outcome(self) -> Mapping[str, str]:
        if self.error is not None:
            raise self.error
        return self.refs or {}


class RefWatcher:
    """Close it to stop all polls."""

    def __init__(
        self,
        git: GitRepositories,
        timing: PollTiming | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._git = git
        self._timing = timing or PollTiming()
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._repositories: dict[str, _Repository] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def resolve(
        self, url: str, revision: str, *, fresh: bool = False, tag_prefix: str = ""
    ) -> str:
        """The commit, whole or as abbreviated as it was asked for. Raises RepositoryError.

        A whole commit needs no listing. `fresh` asks the remote in any case.
        """
        if is_commit(revision):
            return revision
        repository = self._repository(url)
        repository.wanted = True
        refs = await self._refs(repository, fresh=fresh)
        asked = _Asked(revision, tag_prefix)
        if len(repository.asked) < _ASKED_KEPT:
            repository.asked[asked] = repository.commit(asked)
        return resolve(revision, refs, tag_prefix=tag_prefix).revision

    def problem(self, url: str) -> RepositoryError | None:
        """Why the last listing failed; None when it did not, or was never tried."""
        repository = self._repositories.get(url)
        return None if repository is None else repository.error

    def watch(self, url: str) -> None:
        """Poll from now on; counted, so that as many `unwatch` end it."""
        repository = self._repository(url)
        repository.watchers += 1
        if repository.poll is None:
            repository.poll = asyncio.create_task(self._poll(repository), name=f"refs of {url}")

    def unwatch(self, url: str) -> None:
        repository = self._repositories[url]
        repository.watchers -= 1
        if repository.watchers == 0:
            del self._repositories[url]
            if repository.poll is not None:
                repository.poll.cancel()

    def retime(self, timing: PollTiming) -> None:
        """Another timing from now on; what is due by it is listed at once."""
        if timing != self._timing:
            self._timing = timing
            for repository in self._repositories.values():
                repository.retimed.set()

    def poke(self, url: str) -> None:
        """List a watched repository now, as a webhook asks for."""
        repository = self._repositories.get(url)
        if repository is not None:
            repository.poked.set()

    async def aclose(self) -> None:
        polls = [each.poll for each in self._repositories.values() if each.poll is not None]
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        self._repositories.clear()

    def _repository(self, url: str) -> _Repository:
        if url not in self._repositories:
            unwatched = [key for key, each in self._repositories.items() if not each.watchers]
            if len(unwatched) >= _UNWATCHED_KEPT:
                del self._repositories[unwatched[0]]
            self._repositories[url] = _Repository(url)
        return self._repositories[url]

    async def _refs(self, repository: _Repository, *, fresh: bool) -> Mapping[str, str]:
        if not fresh and self._is_young(repository):
            return repository.refs or {}
        if not fresh and self._failed_lately(repository):
            return repository.outcome()
        asked_after = repository.started
        async with repository.turn:
            # Those who ask in one breath get in line before the listing begins, and share it.
            await asyncio.sleep(0)
            if repository.finished > asked_after or (not fresh and self._is_young(repository)):
                return repository.outcome()
            await self._list(repository)
            return repository.outcome()

    def _is_young(self, repository: _Repository) -> bool:
        if repository.refs is None:
            return False
        age = self._clock() - repository.listed_at
        return age <= self._timing.interval + self._timing.jitter

    def _failed_lately(self, repository: _Repository) -> bool:
        kept = min(_FAILURE_KEPT, self._timing.interval)
        return repository.error is not None and self._clock() - repository.attempted_at < kept

    async def _list(self, repository: _Repository) -> None:
        repository.started += 1
        repository.attempted_at = self._clock()
        failed_before = repository.error is not None
        try:
            repository.refs = await self._git.refs(Repository(repository.url))
        except RepositoryError as error:
            repository.error = error
        else:
            repository.error = None
            repository.listed_at = repository.attempted_at
        repository.finished = repository.started
        self._tell(repository, reachability=failed_before != (repository.error is not None))

    def _tell(self, repository: _Repository, *, reachability: bool) -> None:
        moved: dict[str, str] = {}
        if repository.error is None:
            for asked, before in repository.asked.items():
                now = repository.commit(asked)
                if now != before:
                    moved[asked.revision] = repository.asked[asked] = now
        if moved or reachability:
            for listener in self._listeners:
                listener(repository.url, moved)

    async def _poll(self, repository: _Repository) -> None:
        while True:
            await self._until_due(repository)
            if not repository.wanted:
                # Nobody has asked for a revision: its applications may not be permitted to.
                continue
            try:
                with suppress(RepositoryError):  # known as the repository's problem
                    await self._refs(repository, fresh=True)
            except Exception:
                _log.exception("refs_poll_failed", repository=repository.url)

    async def _until_due(self, repository: _Repository) -> None:
        """Sleep until a poke, or an interval after the last listing, whoever made that."""
        delay = self._delay()
        rest = delay
        while rest > 0 and not repository.poked.is_set():
            await self._nap(repository, rest)
            if repository.retimed.is_set():
                repository.retimed.clear()
                delay = self._delay()
            rest = repository.attempted_at + delay - self._clock()
        repository.poked.clear()

    def _delay(self) -> float:
        timing = self._timing
        return timing.interval + self._uniform(0.0, timing.jitter) if timing.interval > 0 else inf

    async def _nap(self, repository: _Repository, seconds: float) -> None:
        waits: set[asyncio.Future[object]] = {
            asyncio.ensure_future(repository.poked.wait()),
            asyncio.ensure_future(repository.retimed.wait()),
        }
        if seconds < inf:
            waits.add(asyncio.ensure_future(self._sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
