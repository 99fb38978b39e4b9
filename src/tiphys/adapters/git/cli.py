"""GitRepositories by the `git` program for the network and libgit2 for reading.

One bare repository per normal form of a URL and project of its Secret. A commit is fetched at
depth one and pinned under `refs/tiphys/`, so that repacking keeps it; history comes only for an
abbreviated commit, for a question about it, or from servers that hand out nothing but refs.
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

from tiphys.adapters.git import modules
from tiphys.adapters.git.access import Tokens
from tiphys.adapters.git.large import LargeFiles, tidy
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.pace import Pace
from tiphys.adapters.git.process import (
    Finished,
    GitRunError,
    GitSettings,
    run_git,
)
from tiphys.adapters.git.remote import Remote
from tiphys.adapters.git.store import HISTORY, PINS, Store
from tiphys.adapters.git.transport import local_options
from tiphys.adapters.git.tree import Contents, GitTree, Graft
from tiphys.core.source.revision import is_commit
from tiphys.core.source.url import RepositoryUrl, Transport, normal_form, parse_repository_url
from tiphys.model.errors import (
    RepositoryError,
    RevisionNotFoundError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import Anonymous, Repository

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
    modules: set[str] = field(default_factory=set)
    """Clones of submodules, which nobody else may tidy."""
    asked: bool = False
    """By itself, and not only as a submodule."""
    recent: OrderedDict[tuple[str, Repository], GitTree] = field(default_factory=OrderedDict)

    def opened(self, asked: tuple[str, Repository], reader: GitTree) -> None:
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
class _Wanted:
    url: RepositoryUrl
    repository: Repository
    kept: _Kept
    commit: str


def clone_key(repository: Repository) -> str:
    """Whoever reads a clone could have made it: another project's Secret has another one, and so
    has the same URL without any credentials.
    """
    key = normal_form(repository.url)
    if repository.project:
        key += f"\nproject {repository.project}"
    return key if isinstance(repository.credentials, Anonymous) else f"{key}\ncredentials"


class GitCli:
    """Keeps its repositories under `root`; two processes never share one root."""

    def __init__(
        self,
        root: Path,
        settings: GitSettings | None = None,
        *,
        metrics: GitMetrics | None = None,
        tokens: Tokens | None = None,
        pace: Pace | None = None,
        find: modules.FindRepository | None = None,
    ) -> None:
        self._root = root.resolve()
        self._settings = settings or GitSettings()
        self._metrics = metrics or GitMetrics(CollectorRegistry())
        self._remote = Remote(self._root, self._settings, self._metrics, tokens=tokens, pace=pace)
        self._find_repository = find
        self._repositories: dict[str, _Kept] = {}

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        return await self._remote.refs(self._parse(repository.url), repository)

    async def tree(self, repository: Repository, commit: str) -> GitTree:
        self._kept(repository).asked = True
        return await self._tree(repository, commit, ())

    async def _tree(self, repository: Repository, commit: str, below: tuple[str, ...]) -> GitTree:
        """`below` are the clones that this one is a submodule of."""
        parsed = self._parse(repository.url)
        kept = self._kept(repository)
        asked = commit.lower()
        if (known := kept.recent.get((asked, repository))) is not None:
            kept.recent.move_to_end((asked, repository))
            return known
        found = await self._find(kept, asked)
        if found is None:
            found = await self._in_turn(_Wanted(parsed, repository, kept, asked))
        wanted = _Wanted(parsed, repository, kept, found)
        large = self._large(wanted)
        plain = await asyncio.to_thread(self._open, wanted, large, {})
        grafts = await self._grafts(wanted, plain, below)
        reader = await asyncio.to_thread(self._open, wanted, large, grafts) if grafts else plain
        if not any(isinstance(each, RepositoryError) for each in grafts.values()):
            kept.opened((asked, repository), reader)
        kept.readers.add(reader)
        return reader

    def _open(
        self, wanted: _Wanted, large: Contents | None, grafts: Mapping[str, Graft]
    ) -> GitTree:
        return GitTree(
            wanted.kept.store.path,
            wanted.commit,
            grafts=grafts,
            large=large,
            modules=self._settings.submodules,
        )

    def _large(self, wanted: _Wanted) -> Contents | None:
        if not wanted.repository.lfs or wanted.url.transport is Transport.FILE:
            return None
        folder, loop = wanted.kept.store.large, asyncio.get_running_loop()
        files = LargeFiles(folder, wanted.url, wanted.repository, self._remote.accesses, loop)
        return files.contents

    async def _grafts(
        self, wanted: _Wanted, plain: GitTree, below: tuple[str, ...]
    ) -> Mapping[str, Graft]:
        """Submodules by path. One that cannot be had is an error for those who look at it only."""
        there = await asyncio.to_thread(plain.oids, [modules.FILE])
        if not self._settings.submodules or there[modules.FILE] is None:
            return {}
        store = wanted.kept.store.path
        found = await modules.declared(self._settings, store, wanted.commit)
        paths = [each.path for each in found]
        commits = await asyncio.to_thread(plain.modules, paths)
        grafts: dict[str, Graft] = {}
        for module in found:
            if module.path in commits:
                commit = commits[module.path]
                grafts[module.path] = await self._graft(wanted, module, commit, below)
        return grafts

    async def _graft(
        self, wanted: _Wanted, module: modules.Declared, commit: str, below: tuple[str, ...]
    ) -> Graft:
        if module.skipped:
            return None
        try:
            repository = modules.module_repository(wanted.repository, module, self._find_repository)
            chain = (*below, clone_key(wanted.repository))
            if len(chain) > modules.DEEPEST or clone_key(repository) in chain:
                raise RepositoryError("it is nested too deeply, or in itself")
            wanted.kept.modules.add(clone_key(repository))
            return await self._tree(repository, commit, chain)
        except RepositoryError as error:
            return modules.described(error, module.path)

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        """Forget the revisions that nobody uses, and repack; of submodules too, unless they are
        repositories of somebody, who tidies them.
        """
        kept = self._kept(repository)
        await self._tidy(kept, in_use)
        for key in kept.modules:
            module = self._repositories.get(key)
            if module is not None and not module.asked:
                await self._tidy(module, ())

    async def _tidy(self, kept: _Kept, in_use: Collection[str]) -> None:
        await asyncio.to_thread(tidy, kept.store.large)
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
        """Runs of Git end with their callers; what is left is the folder of private files."""
        await asyncio.to_thread(self._remote.close)

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

    def _kept(self, repository: Repository) -> _Kept:
        key = clone_key(repository)
        if key not in self._repositories:
            self._repositories[key] = _Kept(Store(self._root, key))
        return self._repositories[key]

    async def _find(self, repository: _Kept, asked: str) -> str | None:
        commit = repository.abbreviations.get(asked, asked)
        if not is_commit(commit):
            return None
        return await asyncio.to_thread(repository.store.find, commit)

    async def _in_turn(self, wanted: _Wanted) -> str:
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

    async def _fetch(self, wanted: _Wanted) -> str:
        kept, asked = wanted.kept, wanted.commit
        if not kept.prepared:
            await asyncio.to_thread(kept.store.prepare)
            kept.prepared = True
        try:
            if is_commit(asked):
                depth = ("--depth", str(max(wanted.repository.depth, 1)))
                refspecs = (f"+{asked}:{PINS}{asked}",)
                if await self._ask(wanted, depth, refspecs) and (
                    found := await self._find(kept, asked)
                ):
                    return found
            return await self._deepen(wanted)
        except BaseException:
            # A run that was ended may have left locks: they are cleared before the next.
            kept.prepared = False
            raise

    async def _deepen(self, wanted: _Wanted) -> str:
        for depth in _DEPTHS:
            if not await self._ask(wanted, ("--prune", *depth), _ALL_REFS):
                await self._ask(wanted, ("--prune",), _ALL_REFS)
            if found := await self._complete(wanted.kept, wanted.commit):
                return found
        raise RevisionNotFoundError(
            f"Failed to checkout revision {wanted.commit}: the repository has no such commit",
            url=wanted.url.text,
        )

    async def _ask(
        self, wanted: _Wanted, arguments: tuple[str, ...], refspecs: tuple[str, ...]
    ) -> bool:
        store = wanted.kept.store.path
        return await self._remote.fetch(
            wanted.url, wanted.repository, store, wanted.commit, arguments, refspecs
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
