"""Clones: one bare repository for whoever reads a URL with the same rights.

A commit is fetched at depth one and pinned under `refs/tiphys/`, so that repacking keeps it. One
fetch of a clone at a time; those who waited share what it brought, or why it failed.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from weakref import WeakSet

from tiphys.adapters.git.large import tidy
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.process import Finished, GitRunError, GitSettings, run_git
from tiphys.adapters.git.remote import Remote
from tiphys.adapters.git.store import HISTORY, PINS, Store, sweep
from tiphys.adapters.git.transport import local_options
from tiphys.adapters.git.tree import GitTree
from tiphys.core.source.revision import is_commit
from tiphys.core.source.url import RepositoryUrl, Transport, normal_form, parse_repository_url
from tiphys.model.errors import (
    RepositoryError,
    RevisionNotFoundError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import Anonymous, Repository

ALL_REFS: Final = (f"+refs/heads/*:{HISTORY}heads/*", f"+refs/tags/*:{HISTORY}tags/*")
WHOLE: Final = ("--depth", "2147483647")
_DEPTHS: Final = (("--depth", "64"), WHOLE)
"""How history is deepened; the last is all of it."""
_FORGOTTEN: Final = 7 * 86400.0
"""Seconds."""
_READERS_KEPT: Final = 4
"""Open readers of one repository: every application of a commit shares one."""
_MANY_DROPPED: Final = 32
"""From so many dropped pins on, everything is packed anew: a geometric repack never forgets."""


Asked = tuple[str, Repository, bool]
"""A commit as it was asked for, how it is read, and whether with submodules."""


@dataclass(eq=False)
class Kept:
    store: Store
    network: asyncio.Lock = field(default_factory=asyncio.Lock)
    prepared: bool = False
    finished: int = 0
    dropped: int = 0
    failures: dict[str, tuple[int, RepositoryError]] = field(default_factory=dict)
    abbreviations: dict[str, str] = field(default_factory=dict)
    readers: WeakSet[GitTree] = field(default_factory=WeakSet)
    modules: set[str] = field(default_factory=set)
    """Clones of submodules, which nobody else may tidy."""
    listed: Mapping[str, str] | None = None
    asked: bool = False
    """By itself, and not only as a submodule."""
    recent: OrderedDict[Asked, GitTree] = field(default_factory=OrderedDict)

    def opened(self, asked: Asked, reader: GitTree) -> None:
        self.readers.add(reader)
        self.recent[asked] = reader
        if len(self.recent) > _READERS_KEPT:
            self.recent.popitem(last=False)

    def failed(self, commit: str, error: RepositoryError) -> None:
        if len(self.failures) > 1000:
            self.failures.clear()
        everything = not isinstance(error, RevisionNotFoundError)
        self.failures["" if everything else commit] = (self.finished, error)

    def failure_since(self, arrived: int, commit: str) -> RepositoryError | None:
        """The error of an attempt that ended while the caller waited for its turn."""
        for asked in ("", commit):
            if asked in self.failures and self.failures[asked][0] > arrived:
                return self.failures[asked][1]
        return None


@dataclass(frozen=True, slots=True)
class Wanted:
    url: RepositoryUrl
    repository: Repository
    kept: Kept
    commit: str


def clone_key(repository: Repository) -> str:
    """Whoever reads a clone could have made it: another project's Secret has another one, and so
    has the same URL without any credentials.
    """
    key = normal_form(repository.url)
    if repository.project:
        key += f"\nproject {repository.project}"
    return key if isinstance(repository.credentials, Anonymous) else f"{key}\ncredentials"


class Clones:
    """Keeps its repositories under `root`; two processes never share one root."""

    def __init__(
        self, root: Path, settings: GitSettings, metrics: GitMetrics, remote: Remote
    ) -> None:
        self._root = root
        self._settings = settings
        self._metrics = metrics
        self._remote = remote
        self._kept: dict[str, Kept] = {}

    def wanted(self, repository: Repository, commit: str) -> Wanted:
        """Raises UnsupportedRepositoryError for a URL that is refused."""
        return Wanted(self.parse(repository.url), repository, self.kept(repository), commit)

    def parse(self, url: str) -> RepositoryUrl:
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

    def kept(self, repository: Repository) -> Kept:
        key = clone_key(repository)
        if key not in self._kept:
            self._kept[key] = Kept(Store(self._root, key))
        return self._kept[key]

    def known(self, key: str) -> Kept | None:
        return self._kept.get(key)

    async def commit(self, wanted: Wanted) -> str:
        """The whole name of a commit, which is here and pinned from now on."""
        found = await self._find(wanted.kept, wanted.commit)
        return await self._in_turn(wanted) if found is None else found

    async def ask(
        self, wanted: Wanted, arguments: tuple[str, ...], refspecs: tuple[str, ...]
    ) -> bool:
        """A fetch, in the caller's turn. False where the server hands out refs only."""
        kept = wanted.kept
        if not kept.prepared:
            await asyncio.to_thread(kept.store.prepare)
            kept.prepared = True
        try:
            return await self._remote.fetch(
                wanted.url, wanted.repository, kept.store.path, wanted.commit, arguments, refspecs
            )
        except BaseException:
            # A run that was ended may have left locks: they are cleared before the next.
            kept.prepared = False
            raise

    async def tidy(self, kept: Kept, in_use: Collection[str]) -> None:
        await asyncio.to_thread(tidy, kept.store.large)
        async with kept.network:
            if not await asyncio.to_thread(kept.store.exists):
                return
            used = frozenset(in_use) | {reader.commit for reader in kept.readers}
            kept.dropped += await asyncio.to_thread(kept.store.drop, used)
            if kept.dropped < _MANY_DROPPED:
                await self.local(kept, "repack", "-q", "-d", "--geometric=2")
                return
            await self.local(kept, "repack", "-q", "-a", "-d")
            await self.local(kept, "prune", "--expire=now")
            kept.dropped = 0

    async def sweep(self) -> None:
        """Remove the clones of repositories that nobody has asked for since this process began,
        and that were not fetched for days before.
        """
        known = {kept.store.path for kept in self._kept.values()}
        await asyncio.to_thread(sweep, self._root, known, time.time() - _FORGOTTEN)

    async def _find(self, repository: Kept, asked: str) -> str | None:
        commit = repository.abbreviations.get(asked, asked)
        if not is_commit(commit):
            return None
        return await asyncio.to_thread(repository.store.find, commit)

    async def _in_turn(self, wanted: Wanted) -> str:
        """Fetch when it is this caller's turn, unless the one before did, or failed to."""
        kept = wanted.kept
        arrived = kept.finished
        async with kept.network:
            found = await self._find(kept, wanted.commit)
            if found is not None:
                return found
            if failure := kept.failure_since(arrived, wanted.commit):
                raise failure
            try:
                return await self._fetch(wanted)
            except RepositoryError as error:
                kept.finished += 1
                kept.failed(wanted.commit, error)
                self._metrics.fetch_failed(wanted.url.text)
                raise

    async def _fetch(self, wanted: Wanted) -> str:
        asked = wanted.commit
        if is_commit(asked):
            depth = ("--depth", str(max(wanted.repository.depth, 1)))
            refspecs = (f"+{asked}:{PINS}{asked}",)
            if await self.ask(wanted, depth, refspecs) and (
                found := await self._find(wanted.kept, asked)
            ):
                return found
        return await self._deepen(wanted)

    async def _deepen(self, wanted: Wanted) -> str:
        for depth in _DEPTHS:
            if not await self.ask(wanted, ("--prune", *depth), ALL_REFS):
                await self.ask(wanted, ("--prune",), ALL_REFS)
            if found := await self._complete(wanted.kept, wanted.commit):
                return found
        raise RevisionNotFoundError(
            f"Failed to checkout revision {wanted.commit}: the repository has no such commit",
            url=wanted.url.text,
        )

    async def _complete(self, repository: Kept, asked: str) -> str | None:
        done = await self.local(
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

    async def local(self, repository: Kept, *arguments: str) -> Finished:
        place = ("--git-dir", str(repository.store.path))
        try:
            return await run_git(
                self._settings,
                [*local_options(), *place, *arguments],
                timeout_seconds=self._settings.local_timeout,
            )
        except GitRunError as error:
            raise RepositoryError(f"git {arguments[0]}: {error}") from None
