"""The desired state of an application: its sources at their revisions, rendered and made ready.

Sources are resolved and rendered side by side, and joined in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xxhash import xxh3_128_hexdigest

from tiphys.core.app.asking import Asking, asked_before, asked_by_spec, is_rendered
from tiphys.core.app.plugged import kept_types, left_by_plugin
from tiphys.core.app.targets import (
    Place,
    local_manifests,
    managed_namespace,
    prepare,
)
from tiphys.core.diff.canonical import manifest_hash
from tiphys.core.manifest.tracking import Tracking
from tiphys.core.settings import Settings
from tiphys.core.source.places import place_key
from tiphys.core.source.revision import settled
from tiphys.model.application import Application
from tiphys.model.errors import RenderError, RepositoryError, UnsupportedSourceError
from tiphys.model.repository import Asked
from tiphys.model.repository import Place as SourcePlace
from tiphys.model.resource import Manifest
from tiphys.model.source import ApplicationSource
from tiphys.model.status import CompareLevel
from tiphys.services.reconcile.jobs import RenderJobs
from tiphys.services.reconcile.memory import AppMemory, Known, Prepared
from tiphys.services.reconcile.wanted import UNSIGNED, Wanted, handed_over, not_loaded
from tiphys.services.render.around import SourceError
from tiphys.services.render.rendering import Rendering
from tiphys.services.render.service import Rendered
from tiphys.services.render.several import problems_of, side_by_side, warnings_of
from tiphys.services.sources.refs import RefWatcher
from tiphys.services.turns.whereabouts import repository_group, waiting_for

__all__ = ["DesiredState", "Wanted"]


class DesiredState:
    """Asks places and the renderer; both answer from memory where that is certain."""

    def __init__(self, refs: RefWatcher, render: Rendering, jobs: RenderJobs) -> None:
        self._refs = refs
        self._render = render
        self._jobs = jobs

    def instance(self, app: Application) -> str:
        return self._jobs.instance(app)

    def place(self, app: Application, source: ApplicationSource) -> SourcePlace:
        """Where a source comes from, with what opens it. Raises RepositoryError."""
        return self._jobs.place(app, source)

    async def load(
        self,
        app: Application,
        memory: AppMemory,
        settings: Settings,
        *,
        level: CompareLevel,
        hard: bool = False,
        asking: Asking | None = None,
        local: Sequence[str] | None = None,
    ) -> Wanted:
        """`asking` is an operation's, where it names its own sources and revisions.

        `local` are manifests that take the sources' place. None stands for those of the last
        operation: what somebody synced from a folder stays wanted until the next sync.
        """
        local = _handed_over(app) if local is None else local
        if asking is None:
            # A recent comparison stays with the revisions that were compared before.
            recent = level is CompareLevel.RECENT
            asking = asked_before(app.spec, app.status) if recent else asked_by_spec(app.spec)
        kept = kept_types(asking, app.status)
        if local:
            wanted = self._local(app, memory, settings, asking, local)
        else:
            wanted = await self._loaded(app, memory, settings, asking, kept, level, hard=hard)
        return wanted if wanted.types else replace(wanted, types=kept)

    async def _loaded(
        self,
        app: Application,
        memory: AppMemory,
        settings: Settings,
        asking: Asking,
        kept: Sequence[str],
        level: CompareLevel,
        *,
        hard: bool,
    ) -> Wanted:
        commits: tuple[str, ...] = ()
        try:
            fresh = level >= CompareLevel.FORCE_RESOLVE
            places, commits = await self._resolved(app, asking, fresh=fresh)
            rendered = await self._rendered(app, asking, places, commits, fresh=hard)
            _require_plugins(rendered, kept)
            return self._ready(app, memory, settings, asking, commits, rendered)
        except SourceError as failed:
            if isinstance(failed.error, UnsupportedSourceError):
                text = str(failed.error)
                return Wanted(asking, asking.revisions, (), error=text, unsupported=True)
            return not_loaded(asking, failed.number, failed.error, commits=commits)
        except RenderError as error:
            if not asking.several:
                return not_loaded(asking, 1, error, commits=commits)
            return Wanted(asking, asking.revisions, (), error=str(error), commits=commits)

    def _ready(
        self,
        app: Application,
        memory: AppMemory,
        settings: Settings,
        asking: Asking,
        commits: tuple[str, ...],
        rendered: Sequence[Rendered | None],
    ) -> Wanted:
        digests = tuple(one.digest if one else "" for one in rendered)
        manifests = [manifest for one in rendered if one for manifest in one.manifests]
        digest = _joined(digests)
        prepared = self._prepare(app, memory, settings, manifests, digest)
        memory.known = Known(digests, commits)
        return Wanted(
            asking,
            commits,
            tuple(one.tool.value if one else "" for one in rendered),
            prepared.targets,
            prepared.hashes,
            digest,
            warnings=warnings_of(rendered),
            problems=problems_of(rendered),
            moving=any(one.moving for one in rendered if one),
            commits=commits,
        )

    def _local(
        self,
        app: Application,
        memory: AppMemory,
        settings: Settings,
        asking: Asking,
        texts: Sequence[str],
    ) -> Wanted:
        memory.known = None
        try:
            if self._jobs.signed(app, asking):
                return handed_over(asking, UNSIGNED)
            manifests = local_manifests(texts)
        except (ValueError, RepositoryError) as error:
            return handed_over(asking, str(error))
        digest = manifest_hash({"items": list(manifests)})
        try:
            prepared = self._prepare(app, memory, settings, manifests, f"local {digest}")
        except RenderError as error:
            return handed_over(asking, str(error))
        return replace(handed_over(asking), targets=prepared.targets, hashes=prepared.hashes)

    # -- what is known of other revisions -----------------------------------------------------

    async def newest(self, app: Application, asking: Asking) -> tuple[str, ...]:
        """What the sources' target revisions lead to, as far as it is known without asking anyone.

        Raises RepositoryError.
        """
        targets = tuple(source.target_revision for source in asking.sources)
        wanted = replace(asking, revisions=targets)
        try:
            return (await self._resolved(app, wanted, fresh=False))[1]
        except SourceError as failed:
            raise failed.error from None

    async def equal(self, app: Application, revisions: Sequence[str], digest: str) -> bool:
        """Whether the sources at other revisions have the manifests of this digest.

        What cannot be rendered any more equals nothing.
        """
        asking = asked_by_spec(app.spec)
        if len(revisions) != len(asking.sources):
            return False
        try:
            places = self._places(app, asking)
            rendered = await self._rendered(app, asking, places, revisions, fresh=False)
        except (SourceError, RenderError):
            return False
        return _joined([one.digest if one else "" for one in rendered]) == digest

    async def unchanged(
        self, app: Application, memory: AppMemory, moved: Mapping[int, str]
    ) -> bool:
        """Whether sources, by their index, certainly render at new revisions what was compared
        last. Raises RepositoryError and RenderError.
        """
        known, asking = memory.known, asked_by_spec(app.spec)
        count = len(asking.sources)
        if known is None or len(known.revisions) != count or max(moved, default=0) >= count:
            return False
        revisions = [moved.get(at, before) for at, before in enumerate(known.revisions)]
        try:
            places = self._places(app, asking)
        except SourceError as failed:
            raise failed.error from None
        jobs = self._jobs.jobs(app, asking, places, revisions)
        # Sources that lend their files move all that may read them.
        lent = any(asking.sources[at].ref for at in moved)
        concerned = [
            (job, known.digests[at])
            for at, job in enumerate(jobs)
            if job is not None and (lent or at in moved)
        ]
        for job, digest in concerned:
            with waiting_for(repository_group(job.repository.url)):
                if not await self._render.unchanged(job, digest):
                    return False
        return True

    async def touched(
        self,
        apps: Mapping[str, Application],
        place: SourcePlace,
        moved: Mapping[str, Mapping[int, str]],
    ) -> set[str]:
        """Of the named applications those of which a source's own folder differs from what was
        compared; `moved` are their sources in this place, by index, with the new revision.

        Only a hint for who comes first: a render may read more than its folder. Raises
        RepositoryError.
        """
        folders, key = {}, place_key(place)
        for name, app in apps.items():
            asking, before = asked_by_spec(app.spec), asked_before(app.spec, app.status)
            here = [at for at, one in enumerate(asking.sources) if self._is_at(key, app, one)]
            for at, revision in moved[name].items():
                if at in here and is_rendered(asking.sources[at], several=asking.several):
                    source = asking.sources[at]
                    folders[f"{at} {name}"] = (before.revisions[at], revision, source.path)
        found = await self._render.touched(place, folders)
        return {one.partition(" ")[2] for one in found}

    def _is_at(self, key: str, app: Application, source: ApplicationSource) -> bool:
        try:
            return place_key(self._jobs.place(app, source)) == key
        except RepositoryError:
            return False

    # -- one source after the other, side by side ---------------------------------------------

    def _places(self, app: Application, asking: Asking) -> tuple[SourcePlace, ...]:
        places = []
        for number, source in enumerate(asking.sources, 1):
            try:
                places.append(self._jobs.place(app, source))
            except RepositoryError as error:
                raise SourceError(number, error) from None
        return tuple(places)

    async def _resolved(
        self, app: Application, asking: Asking, *, fresh: bool
    ) -> tuple[tuple[SourcePlace, ...], tuple[str, ...]]:
        places = self._places(app, asking)
        found = await side_by_side(
            [
                self._resolve(place, Asked(revision, source.tag_prefix), fresh=fresh)
                for source, place, revision in zip(
                    asking.sources, places, asking.revisions, strict=True
                )
            ]
        )
        return places, tuple(found)

    async def _resolve(self, place: SourcePlace, asked: Asked, *, fresh: bool) -> str:
        known = settled(place, asked)
        if known is not None:
            return known
        if not fresh:
            self._require_reachable(place)
        with waiting_for(repository_group(place.repository.url)):
            found = await self._refs.resolve(place, asked, fresh=fresh)
            return await self._render.whole(place, found)

    def _require_reachable(self, place: SourcePlace) -> None:
        """What was listed before a repository went away is no answer. Asking again is left to
        the watcher, so that no pass waits for a repository that does not answer.
        """
        problem = self._refs.problem(place)
        if problem is not None:
            raise problem

    async def _rendered(
        self,
        app: Application,
        asking: Asking,
        places: Sequence[SourcePlace],
        revisions: Sequence[str],
        *,
        fresh: bool,
    ) -> Sequence[Rendered | None]:
        jobs = self._jobs.jobs(app, asking, places, revisions)

        async def render(at: int) -> Rendered | None:
            job = jobs[at]
            if job is None:
                return None
            with waiting_for(repository_group(job.repository.url)):
                return await self._render.render(job, fresh=fresh)

        return await side_by_side([render(at) for at in range(len(jobs))])

    def _prepare(
        self,
        app: Application,
        memory: AppMemory,
        settings: Settings,
        manifests: Sequence[Manifest],
        digest: str,
    ) -> Prepared:
        view = self._jobs.view(app)
        where = Place(
            self.instance(app),
            app.spec.destination.namespace,
            view.server,
            Tracking.of(settings),
        )
        scopes = tuple(view.discovery.versions())
        namespace = managed_namespace(app.spec)
        made_from = (digest, where, settings.resources, scopes, namespace)
        known = memory.prepared
        if known is not None and known.made_from == made_from:
            return known
        targets = prepare(manifests, where, view.discovery.scope, settings.resources)
        targets = replace(targets, namespace=namespace)
        # An object from Git of the same name counts, so it comes last.
        every = (*((namespace,) if namespace else ()), *targets.objects, *targets.hooks)
        hashes = {target.key: manifest_hash(target.manifest) for target in every}
        memory.prepared = Prepared(made_from, targets, hashes)
        return memory.prepared


def _require_plugins(rendered: Sequence[Rendered | None], kept: Sequence[str]) -> None:
    """Raises SourceError where the files decided on a tool for what was a plugin's."""
    for index, one in enumerate(rendered):
        if one is not None and one.found and (left := left_by_plugin(kept, index, one.tool)):
            raise SourceError(index + 1, RenderError(left))


def _joined(digests: Sequence[str]) -> str:
    return digests[0] if len(digests) == 1 else xxh3_128_hexdigest("\n".join(digests).encode())


def _handed_over(app: Application) -> Sequence[str]:
    state = app.status.operation_state
    sync = state.operation.sync if state else None
    return sync.manifests if sync else ()
