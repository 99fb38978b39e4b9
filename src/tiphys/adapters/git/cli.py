"""GitRepositories and GitHistory by the `git` program for the network and libgit2 for reading.

History comes only for an abbreviated commit, for a question about it, or from servers that hand
out nothing but refs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from tiphys.adapters.git import history, modules
from tiphys.adapters.git.access import Tokens
from tiphys.adapters.git.clones import ALL_REFS, WHOLE, Clones, Wanted, clone_key
from tiphys.adapters.git.large import LargeFiles
from tiphys.adapters.git.largeserver import LargeServer, configured_url
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.pace import Pace
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.git.remote import Remote
from tiphys.adapters.git.store import HISTORY, PINS
from tiphys.adapters.git.tree import Contents, GitTree, Graft
from tiphys.core.source.references import references
from tiphys.core.source.url import Transport
from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.integrity import SignedObject
from tiphys.model.repository import CommitInfo, Repository

_TAGS: Final = "refs/tags/"
_TAG: Final = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")


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
        submodules: Callable[[], bool] = lambda: True,
    ) -> None:
        """`find` knows what opens a submodule's URL. `submodules` says whether they are part of
        trees; the settings can forbid it, too.
        """
        root = root.resolve()
        self._settings = settings or GitSettings()
        metrics = metrics or GitMetrics(CollectorRegistry())
        self._remote = Remote(root, self._settings, metrics, tokens=tokens, pace=pace)
        self._clones = Clones(root, self._settings, metrics, self._remote)
        self._find_repository = find
        self._wants_submodules = submodules

    def _submodules(self) -> bool:
        return self._settings.submodules and self._wants_submodules()

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        refs = await self._remote.refs(self._clones.parse(repository.url), repository)
        self._clones.kept(repository).listed = refs
        return refs

    async def tree(self, repository: Repository, commit: str) -> GitTree:
        self._clones.kept(repository).asked = True
        return await self._tree(repository, commit, ())

    async def _tree(self, repository: Repository, commit: str, below: tuple[str, ...]) -> GitTree:
        """`below` are the clones that this one is a submodule of."""
        wanted = self._clones.wanted(repository, commit.lower())
        kept = wanted.kept
        asked = (wanted.commit, repository, self._submodules())
        if (known := kept.recent.get(asked)) is not None:
            kept.recent.move_to_end(asked)
            return known
        wanted = replace(wanted, commit=await self._clones.commit(wanted))
        large = self._large(wanted)
        plain = await asyncio.to_thread(self._open, wanted, large, {})
        grafts = await self._grafts(wanted, plain, below)
        reader = await asyncio.to_thread(self._open, wanted, large, grafts) if grafts else plain
        if not any(isinstance(each, RepositoryError) for each in grafts.values()):
            kept.opened(asked, reader)
        kept.readers.add(reader)
        return reader

    def _open(self, wanted: Wanted, large: Contents | None, grafts: Mapping[str, Graft]) -> GitTree:
        return GitTree(
            wanted.kept.store.path,
            wanted.commit,
            grafts=grafts,
            large=large,
            modules=self._submodules(),
        )

    def _large(self, wanted: Wanted) -> Contents | None:
        if not wanted.repository.lfs or wanted.url.transport is Transport.FILE:
            return None
        folder, loop = wanted.kept.store.large, asyncio.get_running_loop()
        server = LargeServer(
            wanted.url,
            wanted.repository,
            self._remote.accesses,
            partial(configured_url, self._settings, wanted.kept.store.path, wanted.commit),
            self._find_repository,
        )
        return LargeFiles(folder, server, loop).contents

    async def _grafts(
        self, wanted: Wanted, plain: GitTree, below: tuple[str, ...]
    ) -> Mapping[str, Graft]:
        """Submodules by path. One that cannot be had is an error for those who look at it only."""
        there = await asyncio.to_thread(plain.oids, [modules.FILE])
        if not self._submodules() or there[modules.FILE] is None:
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
        self, wanted: Wanted, module: modules.Declared, commit: str, below: tuple[str, ...]
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

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        wanted = await self._here(repository, commit)
        kept, at = wanted.kept, wanted.commit
        who = await asyncio.to_thread(history.author_of, kept.store.path, at)
        form = "--format=%(trailers:only,unfold)"
        shown = await self._clones.local(kept, "show", "--no-patch", form, "--end-of-options", at)
        refs = kept.listed if kept.listed is not None else await self.refs(repository)
        tags = [ref for ref, found in refs.items() if found == at and ref.startswith(_TAGS)]
        return CommitInfo(
            *who,
            tags=tuple(sorted(ref.removeprefix(_TAGS) for ref in tags)),
            references=references(shown.output.decode("utf-8", "replace")),
        )

    async def changed(self, repository: Repository, before: str, after: str) -> Sequence[str]:
        first, second = [await self._here(repository, each) for each in (before, after)]
        path = first.kept.store.path
        return await asyncio.to_thread(history.changed, path, first.commit, second.commit)

    async def signed(
        self,
        repository: Repository,
        commit: str,
        *,
        tag: str = "",
        lineage: bool = False,
        past: Collection[str] = (),
    ) -> Sequence[SignedObject]:
        wanted = await self._here(repository, commit)
        tagged = await self._tag(wanted, tag) if tag else None
        found = () if tagged is None else (tagged,)
        if lineage:
            return (*found, *await self._lineage(wanted, past))
        if found:
            return found
        path = wanted.kept.store.path
        return (await asyncio.to_thread(history.signed_commit, path, wanted.commit),)

    async def _here(self, repository: Repository, commit: str) -> Wanted:
        """With its whole name, and its objects in the clone."""
        wanted = self._clones.wanted(repository, commit.lower())
        wanted.kept.asked = True
        return replace(wanted, commit=await self._clones.commit(wanted))

    async def _tag(self, wanted: Wanted, tag: str) -> SignedObject | None:
        """Fetched as it is: its commit was asked for by its own name, which has no signature."""
        if not _TAG.fullmatch(tag) or ".." in tag:
            raise RevisionNotFoundError(f"{tag!r} is no name of a tag", url=wanted.url.text)
        ref = f"{HISTORY}tags/{tag}"
        path = wanted.kept.store.path
        async with wanted.kept.network:
            await self._clones.ask(wanted, ("--depth", "1"), (f"+{_TAGS}{tag}:{ref}",))
            return await asyncio.to_thread(history.tag_object, path, ref, wanted.commit)

    async def _lineage(self, wanted: Wanted, past: Collection[str]) -> Sequence[SignedObject]:
        path, commit = wanted.kept.store.path, wanted.commit
        found = await asyncio.to_thread(history.lineage, path, commit, past)
        if found is not None:
            return found
        async with wanted.kept.network:
            pin = (f"+{commit}:{PINS}{commit}",)
            if not await self._clones.ask(wanted, WHOLE, pin):
                await self._clones.ask(wanted, WHOLE, ALL_REFS)
        found = await asyncio.to_thread(history.lineage, path, commit, past)
        if found is None:
            raise RepositoryError(
                f"the history of {commit} is not complete on the server", url=wanted.url.text
            )
        return found

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        """Forget the revisions that nobody uses, and repack; of submodules too, unless they are
        repositories of somebody, who tidies them.
        """
        kept = self._clones.kept(repository)
        await self._clones.tidy(kept, in_use)
        await self._clones.sweep()
        for key in kept.modules:
            module = self._clones.known(key)
            if module is not None and not module.asked:
                await self._clones.tidy(module, ())

    async def aclose(self) -> None:
        """Runs of Git end with their callers; what is left is the folder of private files."""
        await asyncio.to_thread(self._remote.close)
