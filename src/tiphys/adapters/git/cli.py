"""GitRepositories by the `git` program for the network and libgit2 for reading.

One bare repository per normal form of a URL. A commit is fetched at depth one and pinned under
`refs/tiphys/`, so that repacking keeps it; history comes only for an abbreviated commit, or from
servers that hand out nothing but refs.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from weakref import WeakSet

from prometheus_client import CollectorRegistry

from tiphys.adapters.git import errors
from tiphys.adapters.git.listing import parse_listing
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.process import (
    Finished,
    GitRunError,
    GitSettings,
    run_git,
)
from tiphys.adapters.git.store import HISTORY, PINS, Store
from tiphys.adapters.git.transport import local_options, remote_options
from tiphys.adapters.git.tree import GitTree
from tiphys.core.source.revision import is_commit
from tiphys.core.source.url import RepositoryUrl, Transport, normal_form, parse_repository_url
from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import Repository

_FETCH: Final = (
    "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
)  # fmt: skip
_ALL_REFS: Final = (f"+refs/heads/*:{HISTORY}heads/*", f"+refs/tags/*:{HISTORY}tags/*")
_DEPTHS: Final = (("--depth", "64"), ("--depth", "2147483647"))
"""How history is deepened; the last is all of it."""
_READERS_KEPT: Final = 4
"""Open readers of one repository: every application of a commit shares one."""
_MANY_DROPPED: Final = 32
"""From so many dropped pins on, everything is packed anew: a geometric repack never forgets."""


@dataclass(eq=False)
class _Kept:
    store: Store
    network: asyncio.Lock = field(default_factory=asyncio.Lock)
    prepared: bool = False
    finished: int = 0
    dropped: int = 0
    failures: dict[str, tuple[int, RepositoryError]] = field(default_factory=dict)
    abbreviations: dict[str, str] = field(default_factory=dict)
    readers: WeakSet[GitTree] = field(default_factory=WeakSet)
    recent: OrderedDict[str, GitTree] = field(default_factory=OrderedDict)

    def opened(self, asked: str, reader: GitTree) -> None:
        self.readers.add(reader)
        self.recent[asked] = reader
        if len(self.recent) > _READERS_KEPT:
            self.recent.popitem(last=False)

    def failed(self, commit: str, error: RepositoryError) -> None:
        if len(self.failures) > 1000:
            self.failures.clear()
        everything = isinstance(error, RepositoryUnreachableError)
        self.failures["" if everything else commit] = (self.finished, error)

    def failure_since(self, arrived: int, commit: str) -> RepositoryError | None:
        """The error of an attempt that ended while the caller waited for its turn."""
        for asked in ("", commit):
            if asked in self.failures and self.failures[asked][0] > arrived:
                return self.failures[asked][1]
        return None


class GitCli:
    """Keeps its repositories under `root`; two processes never share one root."""

    def __init__(
        self,
        root: Path,
        settings: GitSettings | None = None,
        *,
        metrics: GitMetrics | None = None,
    ) -> None:
        self._root = root.resolve()
        self._settings = settings or GitSettings()
        self._metrics = metrics or GitMetrics(CollectorRegistry())
        self._repositories: dict[str, _Kept] = {}
        self._listings = asyncio.Semaphore(self._settings.listings_at_once)
        self._fetches = asyncio.Semaphore(self._settings.fetches_at_once)

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        parsed = self._parse(repository.url)
        options = await remote_options(parsed)
        self._metrics.listed(parsed.text)
        try:
            return parse_listing(await self._list(parsed, options))
        except RepositoryError:
            self._metrics.list_failed(parsed.text)
            raise

    async def tree(self, repository: Repository, commit: str) -> GitTree:
        parsed = self._parse(repository.url)
        kept = self._kept(repository.url)
        asked = commit.lower()
        if asked in kept.recent:
            kept.recent.move_to_end(asked)
            return kept.recent[asked]
        found = await self._find(kept, asked)
        if found is None:
            found = await self._in_turn(parsed, kept, asked)
        reader = await asyncio.to_thread(GitTree, kept.store.path, found)
        kept.opened(asked, reader)
        return reader

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        """Forget the revisions that nobody uses, and repack."""
        kept = self._kept(repository.url)
        async with kept.network:
            if not await asyncio.to_thread(kept.store.exists):
                return
            used = frozenset(in_use) | {reader.commit for reader in kept.readers}
            kept.dropped += await asyncio.to_thread(kept.store.drop, used)
            if kept.dropped < _MANY_DROPPED:
                await self._local(kept, "repack", "-q", "-d", "--geometric=2")
                return
            await self._local(kept, "repack", "-q", "-a", "-d")
            await self._local(kept, "prune", "--expire=now")
            kept.dropped = 0

    async def aclose(self) -> None:
        """Nothing outlives a call: a run of Git ends with its caller."""

    def _parse(self, url: str) -> RepositoryUrl:
        parsed = parse_repository_url(url)
        ours = parsed.transport is Transport.FILE and (
            Path(parsed.path).resolve().is_relative_to(self._root)
        )
        if ours:
            raise UnsupportedRepositoryError(
                f"repository URL '{parsed.text}' is refused: it is a copy kept by Tiphys",
                url=parsed.text,
            )
        return parsed

    def _kept(self, url: str) -> _Kept:
        key = normal_form(url)
        if key not in self._repositories:
            self._repositories[key] = _Kept(Store(self._root, key))
        return self._repositories[key]

    async def _find(self, repository: _Kept, asked: str) -> str | None:
        commit = repository.abbreviations.get(asked, asked)
        if not is_commit(commit):
            return None
        return await asyncio.to_thread(repository.store.find, commit)

    async def _in_turn(self, url: RepositoryUrl, repository: _Kept, asked: str) -> str:
        """Fetch when it is this caller's turn, unless the one before did, or failed to."""
        arrived = repository.finished
        async with repository.network:
            found = await self._find(repository, asked)
            if found is not None:
                return found
            if failure := repository.failure_since(arrived, asked):
                raise failure
            try:
                return await self._fetch(url, repository, asked)
            except RepositoryError as error:
                repository.finished += 1
                repository.failed(asked, error)
                self._metrics.fetch_failed(url.text)
                raise

    async def _fetch(self, url: RepositoryUrl, repository: _Kept, asked: str) -> str:
        options = await remote_options(url)
        if not repository.prepared:
            await asyncio.to_thread(repository.store.prepare)
            repository.prepared = True
        try:
            if is_commit(asked):
                refspecs = (f"+{asked}:{PINS}{asked}",)
                done = await self._remote(
                    url, repository, options, ("--depth", "1"), refspecs, asked
                )
                if done.status == 0 and (found := await self._find(repository, asked)):
                    return found
                if done.status != 0 and not errors.needs_a_ref(done.errors):
                    raise errors.from_fetching(done.errors, url.text, asked)
            return await self._deepen(url, repository, options, asked)
        except BaseException:
            # A run that was ended may have left locks: they are cleared before the next.
            repository.prepared = False
            raise

    async def _deepen(
        self, url: RepositoryUrl, repository: _Kept, options: list[str], asked: str
    ) -> str:
        for depth in _DEPTHS:
            done = await self._remote(
                url, repository, options, ("--prune", *depth), _ALL_REFS, asked
            )
            if done.status != 0 and errors.needs_a_ref(done.errors):
                done = await self._remote(url, repository, options, ("--prune",), _ALL_REFS, asked)
            if done.status != 0:
                raise errors.from_fetching(done.errors, url.text, asked)
            if found := await self._complete(repository, asked):
                return found
        raise RevisionNotFoundError(
            f"Failed to checkout revision {asked}: the repository has no such commit", url=url.text
        )

    async def _complete(self, repository: _Kept, asked: str) -> str | None:
        done = await self._local(
            repository,
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{asked}^{{commit}}",
        )
        if done.status != 0:
            return None
        repository.abbreviations[asked] = done.output.decode("ascii").strip()
        return await self._find(repository, asked)

    async def _list(self, url: RepositoryUrl, options: list[str]) -> bytes:
        arguments = [*options, "ls-remote", "--quiet", "--", url.text]
        try:
            async with self._listings:
                done = await run_git(
                    self._settings, arguments, timeout_seconds=self._settings.list_timeout
                )
        except GitRunError as error:
            raise RepositoryUnreachableError(
                f"failed to list refs: {error}", url=url.text
            ) from None
        if done.status != 0:
            raise errors.from_listing(done.errors, url.text)
        return done.output

    async def _remote(
        self,
        url: RepositoryUrl,
        repository: _Kept,
        options: list[str],
        how: tuple[str, ...],
        refspecs: tuple[str, ...],
        asked: str,
    ) -> Finished:
        place = ("--git-dir", str(repository.store.path))
        self._metrics.fetched(url.text)
        try:
            async with self._fetches:
                return await run_git(
                    self._settings,
                    [*options, *place, *_FETCH, *how, "--", url.text, *refspecs],
                    timeout_seconds=self._settings.fetch_timeout,
                )
        except GitRunError as error:
            raise RepositoryUnreachableError(
                f"Failed to checkout revision {asked}: {error}", url=url.text
            ) from None

    async def _local(self, repository: _Kept, *arguments: str) -> Finished:
        place = ("--git-dir", str(repository.store.path))
        try:
            return await run_git(
                self._settings,
                [*local_options(), *place, *arguments],
                timeout_seconds=self._settings.local_timeout,
            )
        except GitRunError as error:
            raise RepositoryError(f"git {arguments[0]}: {error}") from None
