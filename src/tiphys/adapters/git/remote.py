"""Asks servers: one run of Git a question, with what opens the repository, and again where the
fault may pass.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Final

from tiphys.adapters.git import errors
from tiphys.adapters.git.access import Access, Accesses, Tokens
from tiphys.adapters.git.certificate import explained
from tiphys.adapters.git.errors import FailedError, Failure, Step
from tiphys.adapters.git.listing import parse_listing
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.pace import Pace
from tiphys.adapters.git.private import PrivateFolders
from tiphys.adapters.git.process import Finished, GitRunError, GitSettings, run_git
from tiphys.core.source.ratelimit import rest
from tiphys.core.source.url import RepositoryUrl
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Repository

_FETCH: Final = (
    "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
)  # fmt: skip
_RECEIVED: Final = "<= Recv header: "


class Remote:
    """`now` is Unix time, for servers that name a point in time."""

    def __init__(
        self,
        root: Path,
        settings: GitSettings,
        metrics: GitMetrics,
        *,
        tokens: Tokens | None = None,
        pace: Pace | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._private = PrivateFolders(root)
        self.accesses = Accesses(self._private, settings.environment, tokens)
        self._pace = pace or Pace(settings)
        self._now = now
        self._listings = asyncio.Semaphore(settings.listings_at_once)
        self._fetches = asyncio.Semaphore(settings.fetches_at_once)

    def close(self) -> None:
        self._private.close()

    async def refs(self, url: RepositoryUrl, repository: Repository) -> Mapping[str, str]:
        async def attempt() -> bytes:
            opening = self.accesses.open(url, repository, unasked=True)
            async with self._listings, opening as access:
                self._metrics.listed(url.text)
                done = await self._run(
                    access, ["ls-remote", "--quiet", "--", url.text], self._settings.list_timeout
                )
                if isinstance(done, Finished) and done.status == 0:
                    return done.output
                failure = await self._failure(done, access, url, repository)
            raise FailedError(failure)

        def error(failure: Failure) -> RepositoryError:
            return errors.from_listing(failure, url.text)

        try:
            return parse_listing(await self._pace.run(_counted(url, repository), attempt, error))
        except RepositoryError:
            self._metrics.list_failed(url.text)
            raise

    async def fetch(
        self,
        url: RepositoryUrl,
        repository: Repository,
        store: Path,
        asked: str,
        arguments: tuple[str, ...],
        refspecs: tuple[str, ...],
    ) -> bool:
        """False where the server hands out refs only. `asked` is what errors call the revision."""
        place = ("--git-dir", str(store))
        words = [*place, *_FETCH, *arguments, "--", url.text, *refspecs]

        async def attempt() -> bool:
            async with self._fetches, self.accesses.open(url, repository) as access:
                self._metrics.fetched(url.text)
                done = await self._run(access, words, self._settings.fetch_timeout)
                if isinstance(done, Finished) and done.status == 0:
                    return True
                said = done.errors if isinstance(done, Finished) else ""
                if errors.needs_a_ref(said):
                    return False
                failure = await self._failure(done, access, url, repository)
            raise FailedError(failure)

        def error(failure: Failure) -> RepositoryError:
            return errors.from_fetching(failure, url.text, asked)

        return await self._pace.run(_counted(url, repository), attempt, error)

    async def _run(
        self, access: Access, arguments: list[str], seconds: float
    ) -> Finished | GitRunError:
        try:
            return await run_git(self._settings, arguments, timeout_seconds=seconds, access=access)
        except GitRunError as error:
            return error

    async def _failure(
        self,
        done: Finished | GitRunError,
        access: Access,
        url: RepositoryUrl,
        repository: Repository,
    ) -> Failure:
        if isinstance(done, GitRunError):
            return Failure(Step.OTHER, str(done), passing=done.timed_out)
        pause = rest(*last_answer(access.answers()), self._now())
        failure = errors.failure_of(done.errors, logged_in=access.logged_in, rest=pause)
        if failure.step is Step.LOGIN:
            self.accesses.refused(repository)
        if failure.step is Step.TLS:
            return await explained(failure, url, repository)
        return failure


def _counted(url: RepositoryUrl, repository: Repository) -> Hashable:
    return (url.host, url.port, repository.credentials)


def last_answer(trace: str) -> tuple[int, dict[str, str]]:
    """Status and headers of the last answer that Git traced; 0 where there was none."""
    status, headers = 0, dict[str, str]()
    for line in trace.splitlines():
        _, found, text = line.partition(_RECEIVED)
        if not found:
            continue
        if text.startswith("HTTP/"):
            word = text.split(" ")[1:2]
            status, headers = int(word[0]) if word and word[0].isdigit() else 0, {}
        else:
            name, _, value = text.partition(":")
            headers[name.strip().lower()] = value.strip()
    return status, headers
