"""From a source and a commit to manifests, with as few renders as what was read allows.

A render is looked for by what it read before the renderer is asked, so that a commit that touches
one application of a thousand renders one. Tracking is stamped later, by whoever compares.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

import orjson
from prometheus_client import CollectorRegistry, Counter
from xxhash import xxh3_128_hexdigest

from tiphys.core.source.paths import application_path
from tiphys.core.source.places import place_kind, place_of
from tiphys.core.source.revision import is_commit
from tiphys.model.errors import RenderError
from tiphys.model.render import RenderRequest, ToolKind
from tiphys.model.repository import Place, RepositoryKind
from tiphys.model.resource import Manifest
from tiphys.services.render.archive import restore, store
from tiphys.services.render.job import RenderJob
from tiphys.services.render.memory import Capabilities, Remembered, RenderMemory, remembered
from tiphys.services.render.ports import Decoder, Remotes, RenderArchive, Renderer, TreeReader
from tiphys.services.render.survey import Survey, survey
from tiphys.services.sources.ports import Upstream

_ERRORS_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Rendered:
    """`revision` is whole: a commit, a chart's version, a digest. Two results with one digest have
    equal manifests of one tool. `warnings` are what the source's user should know.
    """

    manifests: tuple[Manifest, ...]
    tool: ToolKind
    revision: str
    digest: str
    from_cache: bool
    warnings: tuple[str, ...] = ()


class RenderService:
    """Times are seconds of `clock`; `engine_version` sets renders of other engines apart.

    With an `archive` nothing that is unchanged is rendered after a restart.
    """

    def __init__(
        self,
        upstream: Upstream,
        renderer: Renderer,
        decoder: Decoder,
        remotes: Remotes | None = None,
        *,
        memory: RenderMemory | None = None,
        archive: RenderArchive | None = None,
        engine_version: str = "",
        errors_kept_for: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._upstream = upstream
        self._renderer = renderer
        self._decoder = decoder
        self._remotes = remotes
        self._memory = RenderMemory() if memory is None else memory
        self._archive = archive
        self._engine = engine_version
        self._errors = _Errors(errors_kept_for, clock)
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
        tree = await self._tree(job)
        wanted, known, seen = await asyncio.to_thread(self._look, job, tree)
        if known is not None and not fresh:
            return self._hit(wanted, known)
        async with self._turns.setdefault(wanted.key, asyncio.Lock()):
            if not fresh and self._memory.latest(wanted.key) != seen:
                known = await asyncio.to_thread(self._find, wanted, tree)
                if known is not None:
                    return self._hit(wanted, known)
            return await self._render(wanted, tree, job, fresh=fresh)

    async def known(self, job: RenderJob) -> Rendered | None:
        """What `render` would answer without asking the renderer; None when it would."""
        tree = await self._tree(job)
        wanted, known, _ = await asyncio.to_thread(self._look, job, tree)
        return None if known is None else _rendered(wanted, known, from_cache=True)

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        """Whether it is certain, without a render, that the job's manifests have this digest."""
        known = await self.known(job)
        return known is not None and known.digest == digest

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        """Names whose folder differs between two commits, given as (old, new, path).

        Where there are no commits, all. A cheap look at tree ids, all paths of a commit at once.
        Raises RepositoryError.
        """
        if place_kind(place) is not RepositoryKind.GIT:
            return set(folders)
        ids: dict[tuple[str, str], str | None] = {}
        places = {name: (old, new, _clean(path)) for name, (old, new, path) in folders.items()}
        for commit in {commit for old, new, _ in places.values() for commit in (old, new)}:
            paths = {path for old, new, path in places.values() if commit in (old, new)}
            if is_commit(commit):
                tree = await self._upstream.tree(place, commit)
                found = await asyncio.to_thread(tree.oids, sorted(paths))
                ids |= {(commit, path): oid for path, oid in found.items()}
        return {
            name
            for name, (old, new, path) in places.items()
            if (old, path) not in ids or ids[old, path] != ids.get((new, path))
        }

    async def _tree(self, job: RenderJob) -> TreeReader:
        return await self._upstream.tree(
            place_of(job.source, job.repository),
            job.revision,
            media_types=job.surroundings.tools.oci_media_types,
        )

    def _look(self, job: RenderJob, tree: TreeReader) -> tuple[Survey, Remembered | None, int]:
        """Also which render was the newest of its key: a newer one is worth another look."""
        wanted = survey(job, tree, engine=self._engine)
        seen = self._memory.latest(wanted.key)
        return wanted, self._find(wanted, tree), seen

    def _find(self, wanted: Survey, tree: TreeReader) -> Remembered | None:
        capabilities = Capabilities.of(wanted.options)
        known = self._memory.find(wanted.key, tree.oids, capabilities)
        if known is not None or self._archive is None or not self._memory.first_look(wanted.key):
            return known
        for render in restore(self._archive, wanted.key):
            self._memory.keep(wanted.key, render)
        return self._memory.find(wanted.key, tree.oids, capabilities)

    def _hit(self, wanted: Survey, known: Remembered) -> Rendered:
        self._hits.labels(wanted.tool).inc()
        return _rendered(wanted, known, from_cache=True)

    async def _render(
        self, wanted: Survey, tree: TreeReader, job: RenderJob, *, fresh: bool
    ) -> Rendered:
        attempt = (wanted.key, wanted.revision, Capabilities.of(wanted.options))
        if not fresh and (failed := self._errors.find(attempt)):
            raise failed
        request = RenderRequest(wanted.path, wanted.options, application=job.context.instance)
        try:
            result = await self._renderer.render(request, tree)
        except RenderError as error:
            self._renders.labels(wanted.tool, "failed").inc()
            self._errors.keep(attempt, error)
            raise
        self._renders.labels(wanted.tool, "rendered").inc()
        text = orjson.dumps(result.manifests, option=orjson.OPT_SORT_KEYS)
        made = await asyncio.to_thread(
            remembered,
            result,
            digest=xxh3_128_hexdigest(wanted.tool.encode() + text),
            size=len(text),
            oids=tree.oids,
            capabilities=attempt[2],
        )
        self._memory.keep(wanted.key, made)
        if self._archive is not None:
            await asyncio.to_thread(store, self._archive, wanted.key, made)
        return _rendered(wanted, made, from_cache=False)


def _clean(path: str) -> str:
    """A path that leads nowhere stays as it is: whoever renders it says so."""
    try:
        return application_path(path)
    except RenderError:
        return path


def _rendered(wanted: Survey, render: Remembered, *, from_cache: bool) -> Rendered:
    return Rendered(
        render.manifests, wanted.tool, wanted.revision, render.digest, from_cache, render.warnings
    )


class _Errors:
    """Failures of late: what cannot be rendered is not tried again by everyone who asks."""

    def __init__(self, kept_for: float, clock: Callable[[], float]) -> None:
        self._kept_for = kept_for
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str, Capabilities], tuple[float, RenderError]] = (
            OrderedDict()
        )

    def find(self, attempt: tuple[str, str, Capabilities]) -> RenderError | None:
        until, error = self._kept.get(attempt, (0.0, None))
        return error if self._clock() < until else None

    def keep(self, attempt: tuple[str, str, Capabilities], error: RenderError) -> None:
        self._kept[attempt] = (self._clock() + self._kept_for, error)
        self._kept.move_to_end(attempt)
        if len(self._kept) > _ERRORS_KEPT:
            self._kept.popitem(last=False)
