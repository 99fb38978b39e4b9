"""From a source and a revision to manifests, with as few renders as what was read allows.

A render is looked for by what it read before the renderer is asked, so that a commit that touches
one application of a thousand renders one. Tracking is stamped later, by whoever compares.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import orjson
from prometheus_client import CollectorRegistry, Counter
from xxhash import xxh3_128_hexdigest

from tiphys.core.source.overrides import unreadable
from tiphys.core.source.paths import application_path
from tiphys.core.source.places import place_kind, place_of
from tiphys.core.source.remotes import may_move
from tiphys.core.source.revision import is_commit
from tiphys.model.errors import RenderError
from tiphys.model.render import ReadSet, RenderRequest, ToolKind
from tiphys.model.repository import Place, RepositoryKind
from tiphys.model.resource import Manifest
from tiphys.services.render.archive import restore, store
from tiphys.services.render.counted import counted
from tiphys.services.render.failures import Failures, Pause
from tiphys.services.render.job import RenderJob
from tiphys.services.render.links import LinkCheck
from tiphys.services.render.memory import Capabilities, Remembered, RenderMemory, read_paths
from tiphys.services.render.overlay import overlay_of
from tiphys.services.render.ports import (
    Decoder,
    Plugins,
    Remotes,
    RenderArchive,
    Renderer,
    TreeReader,
    Verifier,
)
from tiphys.services.render.rounds import Finished, Rounds
from tiphys.services.render.survey import Survey, Undecoded, plugin_request, survey
from tiphys.services.render.trees import Trees
from tiphys.services.sources.ports import Upstream

_DECODED_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Rendered:
    """`revision` is whole: a commit, a chart's version, a digest. Two results with one digest have
    equal manifests of one tool. `warnings` are what the source's user should know, `problems` what
    speaks against the revision: signatures that its project asks for. `moving`: what is remote
    in it may lead to something else another time, and nobody tells when. `found`: no one named
    the tool.
    """

    manifests: tuple[Manifest, ...]
    tool: ToolKind
    revision: str
    digest: str
    from_cache: bool
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    moving: bool = False
    reads: ReadSet = field(default_factory=ReadSet)
    found: bool = False


@dataclass(frozen=True, slots=True)
class _Looked:
    """`known` hold but for what is remote; `seen` is which render was the newest of the key: a
    newer one is worth another look.
    """

    wanted: Survey
    trees: Trees
    known: Sequence[Remembered]
    seen: int

    def attempt(self, job: RenderJob) -> tuple[object, ...]:
        """What a failure is remembered by: also by whom it is asked, and what that one may do."""
        wanted = self.wanted
        beside = tuple((name, tree.commit) for name, tree in sorted(self.trees.mounted.items()))
        may = job.context.project, tuple(job.surroundings.source_repos)
        return wanted.key, wanted.revision, beside, Capabilities.of(wanted.options), may


class RenderService:
    """Times are seconds of `clock`; `engine_version` sets renders of other engines apart.

    With an `archive` nothing that is unchanged is rendered after a restart. `plugins` are asked
    what is theirs; they render as part of the `renderer`.
    """

    def __init__(
        self,
        upstream: Upstream,
        renderer: Renderer,
        decoder: Decoder,
        remotes: Remotes | None = None,
        *,
        plugins: Plugins | None = None,
        verifier: Verifier | None = None,
        memory: RenderMemory | None = None,
        archive: RenderArchive | None = None,
        engine_version: str = "",
        errors_kept_for: float = 20.0,
        pause: Pause | None = None,
        clock: Callable[[], float] = time.monotonic,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._upstream = upstream
        self._decoder = decoder
        self._remotes = remotes
        self._plugins = plugins
        self._verifier = verifier
        self._rounds = Rounds(renderer, remotes)
        self._memory = RenderMemory() if memory is None else memory
        self._archive = archive
        self._engine = engine_version
        self._links = LinkCheck()
        self._failures = Failures(errors_kept_for, pause or Pause(), clock)
        self._decoded: OrderedDict[str, Sequence[Any]] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        registry = registry or CollectorRegistry()
        self._renders = Counter(
            "tiphys_renders_total", "Sources rendered.", ("tool", "result"), registry=registry
        )
        self._hits = Counter(
            "tiphys_render_hits_total",
            "Renders that were not needed.",
            ("tool",),
            registry=registry,
        )

    async def render(self, job: RenderJob, *, fresh: bool = False) -> Rendered:
        """Raises RepositoryError and RenderError with their kinds.

        `fresh` renders anew whatever is remembered, errors included.
        """
        looked = await self._look(job)
        problems = await self._problems(looked.wanted, job)
        rendered = await self._found_or_made(looked, job, fresh=fresh)
        return replace(rendered, problems=problems) if problems else rendered

    async def _found_or_made(self, looked: _Looked, job: RenderJob, *, fresh: bool) -> Rendered:
        wanted = looked.wanted
        if not fresh and (known := await self._first(looked.known, job)):
            return self._hit(wanted, known)
        async with self._turns.setdefault(wanted.key, asyncio.Lock()):
            if not fresh and self._memory.latest(wanted.key) != looked.seen:
                found = await asyncio.to_thread(self._find, wanted, looked.trees, job)
                if known := await self._first(found, job):
                    return self._hit(wanted, known)
            return await self._render(looked, job, fresh=fresh)

    async def known(self, job: RenderJob) -> Rendered | None:
        """What `render` would answer without asking the renderer; None when it would."""
        looked = await self._look(job)
        known = await self._first(looked.known, job)
        if known is None:
            return None
        problems = await self._problems(looked.wanted, job)
        return replace(_rendered(looked.wanted, known, from_cache=True), problems=problems)

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        """Whether it is certain, without a render, that the job's manifests have this digest, and
        that nothing speaks against its revision.
        """
        known = await self.known(job)
        return known is not None and known.digest == digest and not known.problems

    async def whole(self, place: Place, revision: str) -> str:
        """The whole commit of one that is abbreviated; what is none is whole already."""
        abbreviated = place_kind(place) is RepositoryKind.GIT and not is_commit(revision)
        return (await self._upstream.tree(place, revision)).commit if abbreviated else revision

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        """Names whose folder differs between two commits, given as (old, new, path).

        Where there are no commits, all. A cheap look at tree ids, all paths of a commit at once.
        Raises RepositoryError.
        """
        if place_kind(place) is not RepositoryKind.GIT:
            return set(folders)
        ids: dict[tuple[str, str], str | None] = {}
        places = {name: (old, new, _clean(path)) for name, (old, new, path) in folders.items()}
        paths: dict[str, set[str]] = {}
        for old, new, path in places.values():
            for commit in (old, new):
                paths.setdefault(commit, set()).add(path)
        for commit in paths:
            if is_commit(commit):
                tree = await self._upstream.tree(place, commit)
                found = await asyncio.to_thread(tree.oids, sorted(paths[commit]))
                ids |= {(commit, path): oid for path, oid in found.items()}
        return {
            name
            for name, (old, new, path) in places.items()
            if (old, path) not in ids or ids[old, path] != ids.get((new, path))
        }

    # -- looking ------------------------------------------------------------------------------

    async def _look(self, job: RenderJob) -> _Looked:
        main = await self._upstream.tree(
            _place(job),
            job.revision,
            media_types=job.surroundings.tools.oci_media_types,
        )
        looked = await self._surveyed(job, main)
        if looked.wanted.found and await self._is_a_plugin_s(looked, job):
            looked = await self._surveyed(job, main, plugin=True)
        if looked.wanted.refs:
            trees = looked.trees.beside(await self._beside(looked.wanted, job))
            known = await asyncio.to_thread(self._find, looked.wanted, trees, job)
            looked = replace(looked, trees=trees, known=known)
        return looked

    async def _surveyed(self, job: RenderJob, main: TreeReader, *, plugin: bool = False) -> _Looked:
        while True:
            looked = await asyncio.to_thread(self._try, job, Trees(main), plugin=plugin)
            if isinstance(looked, _Looked):
                return looked
            await self._decode(looked)

    async def _is_a_plugin_s(self, looked: _Looked, job: RenderJob) -> bool:
        """Plugins are asked before the files in the source's folder decide on a tool."""
        plugins = self._plugins
        if plugins is None or not plugins.present():
            return False
        return await plugins.supports(plugin_request(job, looked.wanted), looked.trees)

    def _try(self, job: RenderJob, trees: Trees, *, plugin: bool = False) -> _Looked | Undecoded:
        wanted = survey(
            job,
            trees,
            self._decoded,
            engine=self._engine,
            plugin=plugin,
            identity=None if self._plugins is None else self._plugins.identity,
        )
        if isinstance(wanted, Undecoded):
            return wanted
        seen = self._memory.latest(wanted.key)
        known = () if wanted.refs else self._find(wanted, trees, job)
        return _Looked(wanted, trees, known, seen)

    async def _beside(self, wanted: Survey, job: RenderJob) -> Mapping[str, TreeReader]:
        """The trees that `$ref` paths lead into."""
        return {
            name: await self._upstream.tree(Place(ref.repository), ref.commit)
            for name in wanted.refs
            if (ref := job.refs.get(name)) is not None
        }

    async def _decode(self, undecoded: Undecoded) -> None:
        for oid, (name, data) in undecoded.texts.items():
            try:
                self._decoded[oid] = await self._decoder.decode_yaml(data)
            except RenderError as error:
                raise unreadable(name, str(error)) from None
            while len(self._decoded) > _DECODED_KEPT:
                self._decoded.popitem(last=False)

    def _find(self, wanted: Survey, trees: Trees, job: RenderJob) -> Sequence[Remembered]:
        look = partial(
            self._memory.matching,
            wanted.key,
            trees.oids,
            Capabilities.of(wanted.options),
            lambda: counted(trees.main, job.generate_paths),
        )
        known = look()
        if known or self._archive is None or not self._memory.first_look(wanted.key):
            return known
        for render in restore(self._archive, wanted.key):
            self._memory.keep(wanted.key, render)
        return look()

    async def _first(self, known: Sequence[Remembered], job: RenderJob) -> Remembered | None:
        """The first of which everything remote is as it was, and permitted to this job."""
        for render in known:
            for remote, digest in render.remotes.items():
                if self._remotes is None or await self._remotes.digest(remote, job) != digest:
                    break
            else:
                return render
        return None

    async def _problems(self, wanted: Survey, job: RenderJob) -> tuple[str, ...]:
        if self._verifier is None:
            return ()
        return await self._verifier.problems(job, wanted.revision, wanted.refs)

    def _hit(self, wanted: Survey, known: Remembered) -> Rendered:
        self._hits.labels(wanted.tool).inc()
        return _rendered(wanted, known, from_cache=True)

    # -- rendering ----------------------------------------------------------------------------

    async def _render(self, looked: _Looked, job: RenderJob, *, fresh: bool) -> Rendered:
        wanted, attempt = looked.wanted, looked.attempt(job)
        if not job.surroundings.tools.allow_oob_symlinks:
            await asyncio.to_thread(self._links.check, job, looked.trees.main, wanted.path)
        if not fresh and (failed := self._failures.find(attempt)):
            raise failed
        try:
            finished, looked_for = await self._produce(looked, job, fresh=fresh)
        except RenderError as error:
            self._renders.labels(wanted.tool, "failed").inc()
            self._failures.keep(attempt, error)
            raise
        self._failures.clear(attempt)
        self._renders.labels(wanted.tool, "rendered").inc()
        made = await asyncio.to_thread(self._remember, looked, job, finished, looked_for)
        return _rendered(wanted, made, from_cache=False)

    async def _produce(
        self, looked: _Looked, job: RenderJob, *, fresh: bool
    ) -> tuple[Finished, ReadSet]:
        """Also what was looked for before the renderer was asked."""
        wanted, trees = looked.wanted, looked.trees
        overlay = await overlay_of(job, wanted, trees, self._decoder)
        request = RenderRequest(
            wanted.path,
            wanted.options,
            application=job.context.instance,
            overlay=overlay.files,
            repository=job.repository,
        )
        finished = await self._rounds.render(request, trees.over(overlay.files), job, fresh=fresh)
        return finished, overlay.reads

    def _remember(
        self, looked: _Looked, job: RenderJob, finished: Finished, looked_for: ReadSet
    ) -> Remembered:
        """Blocking."""
        wanted, trees, result = looked.wanted, looked.trees, finished.result
        text = orjson.dumps(result.manifests, option=orjson.OPT_SORT_KEYS)
        reads = replace(
            result.reads,
            listings=result.reads.listings | looked_for.listings,
            absent=result.reads.absent | looked_for.absent,
        )
        made = Remembered(
            result.manifests,
            xxh3_128_hexdigest(wanted.tool.encode() + text),
            len(text),
            reads,
            trees.oids(read_paths(reads)),
            Capabilities.of(wanted.options),
            result.warnings,
            finished.remotes,
            counted(trees.main, job.generate_paths),
        )
        self._memory.keep(wanted.key, made)
        if self._archive is not None:
            store(self._archive, wanted.key, made)
        return made


def _place(job: RenderJob) -> Place:
    helm, repository = job.source.helm, job.repository
    if helm is not None and helm.pass_credentials:
        repository = replace(repository, pass_credentials=True)
    return place_of(job.source, repository)


def _clean(path: str) -> str:
    """A path that leads nowhere stays as it is: whoever renders it says so."""
    try:
        return application_path(path)
    except RenderError:
        return path


def _rendered(wanted: Survey, render: Remembered, *, from_cache: bool) -> Rendered:
    return Rendered(
        render.manifests,
        wanted.tool,
        wanted.revision,
        render.digest,
        from_cache,
        render.warnings,
        reads=render.reads,
        moving=any(may_move(remote) for remote in render.remotes),
        found=wanted.found,
    )
