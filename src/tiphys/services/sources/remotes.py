"""What lies outside of a source's trees, as far as its project permits it.

A remote's digest is asked again only after an interval, so that looking whether a render still
holds costs no request. Whether the project permits it is looked at each time, for a render is
found by what it read, whoever asks.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, assert_never
from weakref import WeakValueDictionary

from tiphys.core.source.places import opened_key
from tiphys.core.source.remotes import ChartAt, FileAt, TreeAt, Ways, way_to
from tiphys.core.source.revision import is_commit
from tiphys.model.errors import RepositoryError
from tiphys.model.render import EntryKind, Remote, TreeEntry
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import Fetched, TreeReader
from tiphys.services.sources.ports import Upstream, WebFiles
from tiphys.services.sources.refs import PollTiming, RefWatcher

V = TypeVar("V")

CONTENT: Final = "content"
"""The name of the file in a file's tree."""
_FILE_SIZE: Final = 10 << 20
_FILES_KEPT: Final = 64 << 20
"""Bytes of all files together."""
_KNOWN: Final = 10_000


@dataclass(frozen=True, slots=True)
class RemoteTiming:
    """Seconds for which an answer is good: of branches, ranges and files; and of what should
    never change, the archive of a chart's version.
    """

    moving: float = 180.0
    fixed: float = 86_400.0


class FileTree:
    """TreeReader over one file."""

    def __init__(self, data: bytes) -> None:
        self._digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        root = TreeEntry(EntryKind.FOLDER, self._digest, children={CONTENT: EntryKind.FILE})
        self._entries = {"": root, CONTENT: TreeEntry(EntryKind.FILE, self._digest, data)}
        self.size = len(data)

    @property
    def commit(self) -> str:
        return self._digest

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        return {path: self._entries.get(path) for path in paths}

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        if not path:
            return dict(self._entries)
        return {path: self._entries[path]} if path in self._entries else {}

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        return {path: self._digest if path in self._entries else None for path in paths}


@dataclass(frozen=True, slots=True)
class _File:
    tree: FileTree
    etag: str
    at: float


class SourceRemotes:
    """Implements Remotes of services.render. Times are seconds of `clock`."""

    def __init__(
        self,
        upstream: Upstream,
        files: WebFiles,
        timing: RemoteTiming | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream
        # Nobody watches here: listings are kept for a while, for each login by itself.
        self._refs = RefWatcher(upstream, PollTiming(0, 0), clock=clock, key=opened_key)
        self._web = files
        self._timing = timing or RemoteTiming()
        self._clock = clock
        self._files: OrderedDict[tuple[str, bool], _File] = OrderedDict()
        self._held = 0
        self._charts: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._trees: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[str, bool], asyncio.Lock] = WeakValueDictionary()

    async def digest(self, remote: Remote, job: RenderJob, *, fresh: bool = False) -> str:
        way = way_to(remote, ways_of(job))
        match way:
            case ChartAt():
                version = await self._resolved(way, fresh=fresh)
                digest, at = self._charts.get((opened_key(way.place), version), ("", 0.0))
                if digest and not fresh and self._clock() - at < self._timing.fixed:
                    return digest
                return (await self._chart(way, version)).digest
            case TreeAt():
                commit = await self._commit(way, fresh=fresh)
                if (opened_key(way.place), commit) not in self._trees:
                    # Whoever names a commit has to be able to read it: others may have.
                    await self._tree(way, commit)
                return commit
            case FileAt():
                return (await self._file(way, fresh=fresh)).commit
            case _:
                assert_never(way)

    async def fetch(self, remote: Remote, job: RenderJob) -> Fetched:
        way = way_to(remote, ways_of(job))
        match way:
            case ChartAt():
                return await self._chart(way, await self._resolved(way, fresh=False))
            case TreeAt():
                commit = await self._commit(way, fresh=False)
                return Fetched(commit, await self._tree(way, commit))
            case FileAt():
                tree = await self._file(way, fresh=False)
                return Fetched(tree.commit, tree)
            case _:
                assert_never(way)

    async def _resolved(self, way: ChartAt | TreeAt, *, fresh: bool) -> str:
        return await self._refs.resolve(way.place, way.asked, fresh=fresh, kept=self._timing.moving)

    async def _commit(self, way: TreeAt, *, fresh: bool) -> str:
        found = await self._resolved(way, fresh=fresh)
        if is_commit(found):
            return found.lower()
        return (await self._upstream.tree(way.place, found)).commit

    async def _tree(self, way: TreeAt, commit: str) -> TreeReader:
        tree = await self._upstream.tree(way.place, commit)
        _note(self._trees, (opened_key(way.place), commit), None)
        return tree

    async def _chart(self, way: ChartAt, version: str) -> Fetched:
        tree = await self._upstream.tree(way.place, version)
        _note(self._charts, (opened_key(way.place), version), (tree.commit, self._clock()))
        return Fetched(tree.commit, tree)

    async def _file(self, way: FileAt, *, fresh: bool) -> FileTree:
        """What one project may read of this machine is kept apart from what others may."""
        key = (way.url, way.near)
        asked = self._clock()
        async with self._turns.setdefault(key, asyncio.Lock()):
            known = self._files.get(key)
            good = known is not None and self._clock() - known.at < self._timing.moving
            if known is not None and (known.at > asked or (good and not fresh)):
                return known.tree
            etag = known.etag if known is not None else ""
            found = await self._web.get(way, etag=etag, limit=_FILE_SIZE)
            if found is not None:
                return self._keep(key, _File(FileTree(found.data), found.etag, self._clock()))
            if known is None:
                raise RepositoryError("the server sent no content", url=way.url)
            return self._keep(key, _File(known.tree, known.etag, self._clock()))

    def _keep(self, key: tuple[str, bool], file: _File) -> FileTree:
        before = self._files.pop(key, None)
        self._held += file.tree.size - (before.tree.size if before is not None else 0)
        self._files[key] = file
        while self._held > _FILES_KEPT:
            _, gone = self._files.popitem(last=False)
            self._held -= gone.tree.size
        return file.tree


def _note(known: OrderedDict[tuple[str, str], V], key: tuple[str, str], value: V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _KNOWN:
        known.popitem(last=False)


def ways_of(job: RenderJob) -> Ways:
    around, helm = job.surroundings, job.source.helm
    return Ways(
        job.context.project,
        job.repository,
        around.source_repos,
        around.repositories,
        around.templates,
        around.tools.values_file_schemes,
        around.certificates,
        around.known_hosts,
        pass_credentials=helm is not None and helm.pass_credentials,
    )
