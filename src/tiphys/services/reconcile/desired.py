"""The desired state of an application: its source at a revision, rendered and made ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tiphys.core.app.spec import effective_source, project_name
from tiphys.core.app.targets import (
    Place,
    Targets,
    local_manifests,
    managed_namespace,
    prepare,
)
from tiphys.core.diff.canonical import manifest_hash
from tiphys.core.manifest.tracking import Tracking, instance_name
from tiphys.core.settings import Settings
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.places import place_of
from tiphys.core.source.revision import is_commit
from tiphys.model.application import Application, ApplicationSource
from tiphys.model.errors import RenderError, RepositoryError, UnsupportedSourceError
from tiphys.model.repository import Asked, Repository
from tiphys.model.repository import Place as SourcePlace
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.clusters.reaching import view_of
from tiphys.services.reconcile.memory import AppMemory, Known, Prepared
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import RenderService
from tiphys.services.sources.refs import RefWatcher


@dataclass(frozen=True, slots=True)
class Wanted:
    """The desired state. With an `error` there is none: `revision` is then the asked one.

    Two with one `digest` were rendered to equal manifests.
    `repository_failed` tells a repository that could not be asked from a source that is wrong;
    `unsupported` says that the spec asks for what this version refuses, naming the field.
    `commit` is what the revision meant, also where it could not be rendered.
    `local`: somebody handed the manifests over with a sync, and no revision is behind them.
    """

    revision: str
    source_type: str
    targets: Targets
    hashes: dict[ResourceKey, str]
    digest: str = ""
    error: str = ""
    repository_failed: bool = False
    unsupported: bool = False
    local: bool = False
    commit: str = ""

    @property
    def failure(self) -> str:
        """The error as a condition says it; empty where there is none."""
        what = "local manifests" if self.local else "target state"
        return f"Failed to load {what}: {self.error}" if self.error else ""


class DesiredState:
    """Asks Git and the renderer; both answer from memory where that is certain."""

    def __init__(
        self,
        refs: RefWatcher,
        render: RenderService,
        clusters: Clusters,
        *,
        namespace: str,
    ) -> None:
        self._refs = refs
        self._render = render
        self._clusters = clusters
        self._namespace = namespace

    def instance(self, app: Application) -> str:
        return instance_name(app.namespace, app.name, self._namespace)

    def context(self, app: Application) -> BuildContext:
        """Raises DestinationError."""
        discovery = self._view(app).discovery
        return BuildContext(
            instance=self.instance(app),
            namespace=app.spec.destination.namespace,
            project=project_name(app.spec),
            kube_version=discovery.server_version,
            api_versions=tuple(discovery.versions()),
        )

    def _view(self, app: Application) -> ClusterView:
        return view_of(self._clusters, app.spec.destination)

    async def load(
        self,
        app: Application,
        memory: AppMemory,
        settings: Settings,
        *,
        level: CompareLevel,
        hard: bool = False,
        source: ApplicationSource | None = None,
        revision: str = "",
        local: Sequence[str] | None = None,
    ) -> Wanted:
        """`source` and `revision` are an operation's, where it names its own.

        `local` are manifests that take the source's place. None stands for those of the last
        operation: what somebody synced from a folder stays wanted until the next sync.
        """
        local = _handed_over(app) if local is None else local
        if local:
            return self._local(app, memory, settings, local)
        source = source or effective_source(app.spec)
        asked = revision or self._asked(app, source, level)
        commit = ""
        try:
            fresh = level >= CompareLevel.FORCE_RESOLVE
            if not fresh and not is_commit(asked):
                self._require_reachable(source)
            commit = await self._refs.resolve(
                _place(source), Asked(asked, source.tag_prefix), fresh=fresh
            )
            rendered = await self._render.render(self._job(app, source, commit), fresh=hard)
            prepared = self._prepare(app, memory, settings, rendered.manifests, rendered.digest)
        except UnsupportedSourceError as error:
            return Wanted(asked, "", Targets(), {}, error=str(error), unsupported=True)
        except (RepositoryError, RenderError) as error:
            text = f"failed to generate manifest for source 1 of 1: {error}"
            failed = isinstance(error, RepositoryError)
            return Wanted(
                asked, "", Targets(), {}, error=text, repository_failed=failed, commit=commit
            )
        memory.known = Known(rendered.digest, rendered.tool)
        return Wanted(
            rendered.revision,
            rendered.tool,
            prepared.targets,
            prepared.hashes,
            rendered.digest,
            commit=rendered.revision,
        )

    def _local(
        self, app: Application, memory: AppMemory, settings: Settings, texts: Sequence[str]
    ) -> Wanted:
        memory.known = None
        try:
            manifests = local_manifests(texts)
        except ValueError as error:
            return Wanted("", "", Targets(), {}, error=str(error), local=True)
        digest = manifest_hash({"items": list(manifests)})
        try:
            prepared = self._prepare(app, memory, settings, manifests, f"local {digest}")
        except RenderError as error:
            return Wanted("", "", Targets(), {}, error=str(error), local=True)
        return Wanted("", "", prepared.targets, prepared.hashes, local=True)

    async def newest(self, app: Application, source: ApplicationSource | None = None) -> str:
        """The commit that the target revision has, as far as it is known without asking Git.

        Raises RepositoryError.
        """
        source = source or effective_source(app.spec)
        self._require_reachable(source)
        return await self._refs.resolve(
            _place(source), Asked(source.target_revision, source.tag_prefix)
        )

    async def equal(self, app: Application, commit: str, digest: str) -> bool:
        """Whether another commit of the source has the manifests of this digest.

        What cannot be rendered any more equals nothing.
        """
        try:
            source = effective_source(app.spec)
            rendered = await self._render.render(self._job(app, source, commit))
        except (RepositoryError, RenderError):
            return False
        return rendered.digest == digest

    async def unchanged(self, app: Application, memory: AppMemory, commit: str) -> bool:
        """Whether the commit certainly renders what was compared last. Raises RepositoryError."""
        known = memory.known
        if known is None:
            return False
        job = self._job(app, effective_source(app.spec), commit)
        return await self._render.unchanged(job, known.digest)

    def _job(self, app: Application, source: ApplicationSource, revision: str) -> RenderJob:
        return RenderJob(source, Repository(source.repo_url), revision, self.context(app))

    def _require_reachable(self, source: ApplicationSource) -> None:
        """What was listed before a repository went away is no answer. Asking again is left to
        the watcher, so that no pass waits for a repository that does not answer.
        """
        problem = self._refs.problem(_place(source))
        if problem is not None:
            raise problem

    async def touched(
        self, apps: Mapping[str, Application], url: str, commits: Mapping[str, str]
    ) -> set[str]:
        """Of the named applications those whose own folder differs from what was compared.

        Only a hint for who comes first: a render may read more than its folder. Raises
        RepositoryError.
        """
        return await self._render.touched(
            SourcePlace(Repository(url)),
            {
                name: (app.status.sync.revision, commits[name], effective_source(app.spec).path)
                for name, app in apps.items()
            },
        )

    def _asked(self, app: Application, source: ApplicationSource, level: CompareLevel) -> str:
        """A recent comparison stays with the revision that was compared before."""
        compared = app.status.sync.revision
        if level is CompareLevel.RECENT and is_commit(compared):
            return compared
        return source.target_revision

    def _prepare(
        self,
        app: Application,
        memory: AppMemory,
        settings: Settings,
        manifests: Sequence[Manifest],
        digest: str,
    ) -> Prepared:
        view = self._view(app)
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


def _place(source: ApplicationSource) -> SourcePlace:
    return place_of(source, Repository(source.repo_url))


def _handed_over(app: Application) -> Sequence[str]:
    state = app.status.operation_state
    sync = state.operation.sync if state else None
    return sync.manifests if sync else ()
