"""The calls on applications, straight on the API server of the cluster that they live in.

Each is one use case; the rules behind it stand in the modules of this package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tiphys.core.app.spec import project_name
from tiphys.core.project import namespace_permitted
from tiphys.core.settings.overrides import ResourceOverrides
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    DestinationError,
    KubeError,
    ObjectNotFoundError,
    SettingsError,
)
from tiphys.model.live import WatchEvent
from tiphys.model.names import (
    ANNOTATION_HYDRATE,
    ANNOTATION_HYDRATE_TIMESTAMP,
    ANNOTATION_REFRESH,
    ANNOTATION_REFRESH_TIMESTAMP,
)
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.services.access.auditing import Reason
from tiphys.services.applications.desired import Desired, require_source
from tiphys.services.applications.destinations import Destinations, Reached
from tiphys.services.applications.editing import Editing
from tiphys.services.applications.health import with_health
from tiphys.services.applications.operating import Operating
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.applications.projects import PROJECTS, ProjectReader
from tiphys.services.applications.settings import SettingsReader
from tiphys.services.applications.store import APPLICATIONS, AppStore, permission_denied
from tiphys.services.applications.surroundings import Surroundings
from tiphys.services.applications.tree import live_tree, shown
from tiphys.services.applications.validation import (
    check_sources,
    check_spec,
    no_destination,
    no_project,
)
from tiphys.services.applications.values import (
    LOCAL,
    Actor,
    AppEvent,
    AppName,
    EventKind,
    Looking,
    SyncCommand,
    TreeNode,
    Windows,
)
from tiphys.services.applications.writing import deletion_finalizers
from tiphys.services.live.judging import HealthScripts
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter

if TYPE_CHECKING:
    from tiphys.core.pods.chosen import Wanted
    from tiphys.services.applications.desired import Asked
    from tiphys.services.applications.explain import Explained
    from tiphys.services.applications.managed import Comparing, Managed
    from tiphys.services.applications.planning import Planned
    from tiphys.services.applications.results import Result
    from tiphys.services.clusters.ports import Connect
    from tiphys.services.evaluate.ports import Evaluator
    from tiphys.services.pods.logs import Entry, LogQuery
    from tiphys.services.pods.ports import Pods
    from tiphys.services.projects.rules import Permission

__all__ = ["APPLICATIONS", "PROJECTS", "Applications"]


class Applications:
    """`namespace` is the control plane's. All methods raise ApiError and KubeError.

    Applications are read and written by `reader` and `writer`, their objects where they are:
    `connect` reaches the other clusters. `evaluator` is for rules with jq expressions. A process
    that lives longer than one command gives the `surroundings` that it follows. Calls that change
    something are done for an actor, who is told apart where there is an API server.
    """

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        discovery: Discovery,
        sources: SourceCheck,
        *,
        namespace: str,
        connect: Connect | None = None,
        evaluator: Evaluator,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        surroundings: Surroundings | None = None,
    ) -> None:
        self._reader = reader
        self._sources = sources
        self._namespace = namespace
        self._clock = clock
        self._evaluator = evaluator
        around = surroundings or Surroundings()
        self._settings = around.settings or SettingsReader(reader, namespace)
        self._destinations = Destinations(
            lambda cluster: Reached(cluster, reader, writer, discovery),
            self._settings,
            reader,
            connect,
            around.clusters,
        )
        self._projects = ProjectReader(reader, self._settings, self._destinations, around.rules)
        self._store = AppStore(reader, writer, self._settings)
        self._editing = Editing(self._store, writer, self._check)
        self._operating = Operating(
            self._store, self._desired(), self._settings.sync_rules, self._projects.asks_signatures
        )

    # Looking.

    async def get(self, name: AppName) -> Application:
        """With the health of its objects, which the stored status leaves out."""
        return await self._with_health(await self._store.read(name))

    async def list(self, *, selector: str = "", namespace: str = "") -> Sequence[Application]:
        """By name."""
        return await self._store.list(selector, namespace)

    async def watch(self, name: AppName, resource_version: str) -> AsyncIterator[AppEvent]:
        """Changes of one application after a version, without end; none is missed."""
        async for event in self._store.watch(name, resource_version):
            yield await self._told(event)

    async def refresh(self, name: AppName, *, hard: bool) -> Application:
        """Asks for a comparison and waits, without a limit of its own, until it is done."""
        await self._store.read(name)
        asked = await self.ask_refresh(name, hard=hard)
        async for event in self.watch(name, asked.metadata.resource_version):
            if event.kind is EventKind.DELETED:
                raise permission_denied()
            if ANNOTATION_REFRESH not in event.application.metadata.annotations:
                return event.application
        raise ApiError(ApiCode.UNKNOWN, "application refresh deadline exceeded")

    async def ask_refresh(self, name: AppName, *, hard: bool, hydrate: bool = False) -> Application:
        """Leaves the waiting to the caller. `hydrate`: to the hydrator, too, where there is one."""
        kind = "hard" if hard else "normal"
        stamp = self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        annotations = {ANNOTATION_REFRESH: kind, ANNOTATION_REFRESH_TIMESTAMP: stamp}
        if hydrate:
            annotations |= {ANNOTATION_HYDRATE: kind, ANNOTATION_HYDRATE_TIMESTAMP: stamp}
        return await self._store.merge(name, {"annotations": annotations})

    async def tree(self, application: Application) -> Sequence[TreeNode]:
        """The live objects of an application with their dependants."""
        reached = await self._destinations.reach(application.spec.destination)
        scripts = await self._scripts()
        nodes = await live_tree(application, reached.reader, reached.discovery, scripts)
        name = project_name(application.spec)
        project = await self._projects.effective(name, with_clusters=False)
        return nodes if project is None else shown(nodes, project)

    async def orphans(self, application: Application) -> Sequence[TreeNode]:
        """Live objects beside the application's that nobody wants, where its project asks."""
        from tiphys.services.applications.orphans import orphans

        name = project_name(application.spec)
        project = await self._projects.effective(name, with_clusters=False)
        if project is None or project.spec.orphaned_resources is None:
            return ()
        reached = await self._destinations.reach(application.spec.destination)
        others = await self._store.list("", "")
        return await orphans(application, project, others, reached)

    async def project(self, name: str) -> AppProject | None:
        return await self._projects.read(name)

    async def windows(self, application: Application) -> Windows:
        """Its sync windows, and what they let happen now."""
        return await self._projects.windows(application, self._clock())

    async def url(self) -> str:
        """Where the UI is, empty when the settings do not say."""
        return await self._settings.url()

    # Comparing; what compares is loaded when it is asked for, for most calls do without.

    async def explain(self, application: Application) -> Sequence[Explained]:
        """Why its objects are OutOfSync."""
        from tiphys.services.applications.explain import explain

        reached = await self._destinations.reach(application.spec.destination)
        comparing = await self._comparing(application, Looking())
        return await explain(application, self._desired(), comparing, reached)

    async def managed(
        self, application: Application, asked: Asked, looking: Looking | None = None
    ) -> Sequence[Managed]:
        """Its objects, desired against live."""
        reached = await self._destinations.reach(application.spec.destination)
        targets = await self._desired().targets(application, asked, reached)
        comparing = await self._comparing(application, looking or Looking())
        return await comparing.managed(application, targets, reached)

    async def result(self, application: Application, looking: Looking) -> Result:
        """What a comparison would say of it now."""
        from tiphys.services.applications.results import result

        reached = await self._destinations.reach(application.spec.destination)
        comparing = await self._comparing(application, looking)
        scripts = await self._scripts()
        return await result(application, self._desired(), comparing, reached, scripts)

    async def desired(self, application: Application, asked: Asked) -> Sequence[Manifest]:
        """What is wanted as it would be applied, hooks too, by key; Secrets are masked."""
        from tiphys.core.diff.mask import SecretMask

        reached = await self._destinations.reach(application.spec.destination)
        targets = await self._desired().targets(application, asked, reached)
        found = sorted((*targets.objects, *targets.hooks), key=lambda target: str(target.key))
        masked = (await self._settings.present()).masked_annotations
        return [
            SecretMask(target.manifest, annotations=masked).manifest(target.manifest)
            for target in found
        ]

    async def manifests(self, application: Application, asked: Asked) -> Sequence[Manifest]:
        """What the source says, as the tool gives it, unmasked: for a sync of it."""
        reached = await self._destinations.reach(application.spec.destination)
        return await self._desired().manifests(application, asked, reached)

    # Changing.

    async def create(
        self, application: Application, *, upsert: bool, validate: bool, by: Actor = LOCAL
    ) -> Application:
        """Answers the stored application, which may have been there before."""
        return await self._editing.create(application, upsert=upsert, validate=validate, by=by)

    async def update(
        self, application: Application, *, validate: bool, by: Actor = LOCAL
    ) -> Application:
        """Replaces spec, labels, annotations and finalizers."""
        return await self._editing.update(application, validate=validate, by=by)

    async def update_spec(
        self, name: AppName, spec: Mapping[str, Any], *, validate: bool, by: Actor = LOCAL
    ) -> Application:
        return await self._editing.update_spec(name, spec, validate=validate, by=by)

    async def patch(
        self, name: AppName, kind: str, patch: Any, *, by: Actor = LOCAL
    ) -> Application:
        """`kind` is `json` or `merge`."""
        return await self._editing.patch(name, kind, patch, by=by)

    async def approve_deletion(self, name: AppName) -> None:
        """Lets the controller delete and prune what asks a person first."""
        await self._editing.approve_deletion(name, self._clock())

    async def delete(
        self,
        name: AppName,
        *,
        cascade: bool = True,
        propagation: str | None = None,
        by: Actor = LOCAL,
    ) -> None:
        """Starts a deletion; `propagation` None leaves it to the finalizer that is there."""
        while True:
            application = await self._store.read(name)
            finalizers = deletion_finalizers(application, cascade=cascade, propagation=propagation)
            try:
                if finalizers is not None:
                    await self._finalizers(name, application, finalizers)
                await self._store.delete(application)
            except ConflictError:
                continue
            except ObjectNotFoundError:
                return
            by.tell(Reason.DELETED, application, "deleted application")
            return

    # Asking the controller.

    async def sync(self, name: AppName, command: SyncCommand, by: Actor = LOCAL) -> Application:
        """Writes the operation that the controller then takes up."""
        application = await self._store.read(name)
        require_source(application)
        await self._projects.require_open(application, self._clock())
        return await self._operating.sync(name, application, command, by)

    async def rollback(
        self, name: AppName, entry: int, *, prune: bool, dry_run: bool = False, by: Actor = LOCAL
    ) -> Application:
        return await self._operating.rollback(name, entry, prune=prune, dry_run=dry_run, by=by)

    async def terminate(self, name: AppName, by: Actor = LOCAL) -> None:
        await self._operating.terminate(name, by)

    async def plan(self, application: Application, command: SyncCommand) -> Planned:
        """What a sync would do now. Nothing is written."""
        from tiphys.core.manifest.tracking import Tracking
        from tiphys.services.applications.planning import Planner

        project = await self._projects.effective(project_name(application.spec))
        if project is None:
            raise no_project(application)
        try:
            reached = await self._destinations.reach(application.spec.destination)
        except DestinationError as error:
            raise no_destination(application, str(error)) from None
        planner = Planner(
            desired=self._desired(),
            comparing=await self._comparing(application, Looking()),
            tracking=Tracking.of(await self._settings.present()),
            reached=reached,
            project=project,
        )
        return await planner.plan(application, command, self._clock())

    # One live object.

    async def live_keys(self, application: Application) -> Sequence[ResourceKey]:
        """The objects of its status, hooks aside, that are live."""
        from tiphys.services.applications.objects import live_keys

        return await live_keys(
            application, await self._destinations.reach(application.spec.destination)
        )

    async def get_object(self, application: Application, key: ResourceKey) -> Manifest:
        """A Secret comes masked."""
        from tiphys.services.applications.objects import get_object

        reached = await self._acting(application)
        masked = (await self._settings.present()).masked_annotations
        return await get_object(application, key, reached, masked=masked)

    async def patch_object(
        self, application: Application, key: ResourceKey, kind: str, patch: Any
    ) -> Manifest:
        from tiphys.services.applications.objects import patch_object

        reached = await self._acting(application)
        masked = (await self._settings.present()).masked_annotations
        return await patch_object(application, key, kind, patch, reached, masked=masked)

    async def delete_object(
        self, application: Application, key: ResourceKey, *, force: bool, orphan: bool
    ) -> None:
        from tiphys.services.applications.objects import delete_object

        reached = await self._acting(application)
        await delete_object(application, key, reached, force=force, orphan=orphan)

    async def reach(self, application: Application, *, acting: bool) -> Reached:
        """Its cluster; `acting` for the account that its project names, where settings ask."""
        if acting:
            return await self._acting(application)
        return await self._destinations.reach(application.spec.destination)

    async def pods(self, application: Application, *, acting: bool) -> Pods:
        """The Pods of its cluster."""
        reached = await self._destinations.reach(application.spec.destination)
        account = await self._account(application, reached) if acting else ""
        return self._destinations.pods(reached, account)

    async def server_side_diff(
        self,
        application: Application,
        pairs: Sequence[tuple[Mapping[str, Any], str]],
        known: Mapping[ResourceKey, Mapping[str, Any]],
        permission: Permission | None,
    ) -> Sequence[Managed]:
        """What the API server would make of targets; never for another account than ours."""
        from tiphys.services.applications.serverdiff import server_side_diff

        reached = await self._destinations.reach(application.spec.destination)
        comparing = await self._comparing(application, Looking(server_side=True))
        return await server_side_diff(application, pairs, known, permission, comparing, reached)

    async def masked_annotations(self) -> Collection[str]:
        """The annotations of Secrets that nobody is shown."""
        return (await self._settings.present()).masked_annotations

    async def logs(self, name: AppName, wanted: Wanted, query: LogQuery) -> AsyncIterator[Entry]:
        """Of the Pods that are meant, and of those below what is meant."""
        from tiphys.core.pods.chosen import TreePart
        from tiphys.services.pods.logs import chosen_few, logs

        application = await self._store.read(name)
        nodes = await self.tree(application)
        parts = [TreePart(one.key, one.uid, (one.parent,) if one.parent else ()) for one in nodes]
        chosen = chosen_few(parts, wanted, await self._settings.general())
        pods = await self.pods(application, acting=True)
        async with aclosing(logs(chosen, pods, query, self._clock)) as entries:
            async for entry in entries:
                yield entry

    async def close(self) -> None:
        """Ends the connections to other clusters."""
        await self._destinations.close()

    # How it works.

    async def _acting(self, application: Application) -> Reached:
        """Its cluster, as the account that its project names where the settings ask for that."""
        reached = await self._destinations.reach(application.spec.destination)
        account = await self._account(application, reached)
        return self._destinations.acting_as(reached, account) if account else reached

    async def _account(self, application: Application, reached: Reached) -> str:
        """Empty where it is ourselves who act."""
        settings = await self._settings.present()
        if not settings.impersonation:
            return ""
        account = await self._projects.account(application, reached.server)
        if account is not None or not settings.impersonation_enforced:
            return account or ""
        raise ApiError(
            ApiCode.UNKNOWN,
            "no matching service account found for destination server "
            f"{reached.server} and namespace {application.spec.destination.namespace}",
        )

    def _desired(self) -> Desired:
        return Desired(self._sources, self._settings, self._projects)

    async def _comparing(self, application: Application, looking: Looking) -> Comparing:
        from tiphys.core.diff.rules import compare_rules
        from tiphys.core.manifest.annotations import compare_options
        from tiphys.services.applications.managed import Comparing
        from tiphys.services.compare import Comparisons, Eraser

        options = compare_options(application.to_manifest())
        rules = compare_rules(application.spec, options, await self._settings.present())
        if looking.server_side is not None:
            rules = replace(rules, server_side=looking.server_side)
        if looking.jq_timeout is not None:
            rules = replace(rules, jq_timeout=looking.jq_timeout)
        return Comparing(Comparisons(Eraser(self._evaluator)), rules, looking.batches)

    async def _with_health(self, application: Application) -> Application:
        try:
            reached = await self._destinations.reach(application.spec.destination)
        except DestinationError:
            # Its status says so; there is nothing to be asked.
            return application
        scripts = await self._scripts()
        return await with_health(application, reached.reader, reached.discovery, scripts)

    async def _scripts(self) -> HealthScripts:
        """Settings that cannot be read keep nobody from looking: then only our rules judge."""
        try:
            overrides = (await self._settings.present()).overrides
        except (SettingsError, KubeError):
            overrides = ResourceOverrides()
        return HealthScripts(self._evaluator, lambda: overrides)

    async def _told(self, event: WatchEvent) -> AppEvent:
        kind, application = EventKind(event.verb.value), Application(event.manifest)
        if kind is EventKind.DELETED:
            return AppEvent(kind, application)
        return AppEvent(kind, await self._with_health(application))

    async def _check(
        self, application: Application, before: Application | None, validate: bool
    ) -> None:
        if not application.name:
            raise ApiError(ApiCode.UNKNOWN, "resource name may not be empty")
        spec = application.spec
        project = await self._projects.effective(project_name(spec))
        space = application.namespace or self._namespace
        if project is None or not namespace_permitted(project, space, self._namespace):
            raise no_project(application)
        try:
            cluster = await self._destinations.resolve(spec.destination)
        except DestinationError as error:
            raise no_destination(application, str(error)) from None
        check_spec(application, project, cluster, self._namespace, before)
        if validate:
            reached = await self._destinations.reach(spec.destination)
            around = await self._desired().around(application, reached)
            await check_sources(application, self._sources, around)

    async def _finalizers(
        self, name: AppName, application: Application, finalizers: Sequence[str]
    ) -> None:
        version = application.metadata.resource_version
        await self._store.merge(name, {"finalizers": list(finalizers), "resourceVersion": version})
