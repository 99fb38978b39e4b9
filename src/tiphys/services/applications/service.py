"""The calls on applications, straight on the API server of the cluster that they live in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    KubeUnreachableError,
    ObjectExistsError,
    ObjectNotFoundError,
    RepositoryError,
    ResourceGoneError,
)
from tiphys.model.live import PatchKind, Propagation, WatchEvent, WatchVerb
from tiphys.model.names import (
    ANNOTATION_REFRESH,
    ANNOTATION_REFRESH_TIMESTAMP,
    API_GROUP,
)
from tiphys.model.resource import ApiResource, Manifest, key_of
from tiphys.services.applications.health import with_health
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.applications.tree import live_tree
from tiphys.services.applications.validation import check_repository, check_sources, check_spec
from tiphys.services.applications.values import (
    AppEvent,
    AppName,
    EventKind,
    SyncCommand,
    TreeNode,
)
from tiphys.services.applications.writing import (
    deletion_finalizers,
    for_creation,
    operation_of,
    same,
    upserted,
    with_operation,
)
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter

if TYPE_CHECKING:
    from tiphys.services.applications.explain import Explained

MANAGER = "argocd"

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, _VERBS)
PROJECTS = ApiResource(API_GROUP, "v1alpha1", "AppProject", "appprojects", True, _VERBS)
_CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
_SETTINGS = "argocd-cm"


class Applications:
    """`namespace` is the control plane's. All methods raise ApiError and KubeError."""

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        discovery: Discovery,
        sources: SourceCheck,
        *,
        namespace: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._discovery = discovery
        self._sources = sources
        self._namespace = namespace
        self._clock = clock

    async def get(self, name: AppName) -> Application:
        """With the health of its objects, which the stored status leaves out.

        An absent application is answered like a forbidden one, as the contract does.
        """
        return await self._with_health(await self._read(name))

    async def _with_health(self, application: Application) -> Application:
        return await with_health(application, self._reader, self._discovery)

    async def _read(self, name: AppName) -> Application:
        if name.namespace not in ("", self._namespace):
            raise _permission_denied()
        try:
            manifest = await self._reader.get(APPLICATIONS, self._namespace, name.name)
        except ObjectNotFoundError:
            raise _permission_denied() from None
        return Application(manifest)

    async def list(self, *, selector: str = "") -> Sequence[Application]:
        """By name."""
        found = await self._reader.list(
            APPLICATIONS, namespace=self._namespace, label_selector=selector
        )
        return sorted(map(Application, found.items), key=lambda application: application.name)

    async def create(
        self, application: Application, *, upsert: bool, validate: bool
    ) -> Application:
        """Answers the stored application, which may have been there before."""
        manifest = for_creation(application, self._namespace)
        await self._check(Application(manifest), validate=validate)
        try:
            return Application(await self._writer.create(APPLICATIONS, manifest, manager=MANAGER))
        except ObjectExistsError:
            pass
        stored = await self._reader.get(APPLICATIONS, self._namespace, application.name)
        if same(manifest, stored):
            return Application(stored)
        if not upsert:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                "existing application spec is different, use upsert flag to force update",
            )
        name = AppName(self._namespace, application.name)
        return await self._update(name, lambda live: upserted(manifest, live.to_manifest()))

    async def refresh(self, name: AppName, *, hard: bool) -> Application:
        """Asks for a comparison and waits, without a limit of its own, until it is done."""
        await self._read(name)
        kind = "hard" if hard else "normal"
        stamp = self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        annotations = {ANNOTATION_REFRESH: kind, ANNOTATION_REFRESH_TIMESTAMP: stamp}
        patched = await self._writer.patch(
            APPLICATIONS,
            self._namespace,
            name.name,
            PatchKind.MERGE,
            {"metadata": {"annotations": annotations}},
            manager=MANAGER,
        )
        async for event in self.watch(name, _version(patched)):
            if event.kind is EventKind.DELETED:
                raise _permission_denied()
            if ANNOTATION_REFRESH not in event.application.metadata.annotations:
                return event.application
        raise ApiError(ApiCode.UNKNOWN, "application refresh deadline exceeded")

    async def sync(self, name: AppName, command: SyncCommand) -> Application:
        """Writes the operation that the controller then takes up."""
        application = await self._read(name)
        if application.metadata.deletion_timestamp:
            raise ApiError(ApiCode.FAILED_PRECONDITION, "application is deleting")
        revision = await self._revision(application, command)

        def ask(live: Application) -> Manifest:
            if live.operation is not None:
                raise ApiError(
                    ApiCode.FAILED_PRECONDITION, "another operation is already in progress"
                )
            return with_operation(live.to_manifest(), operation_of(live, command, revision))

        return await self._update(name, ask)

    async def delete(
        self, name: AppName, *, cascade: bool = True, propagation: str | None = None
    ) -> None:
        """Starts a deletion; `propagation` None leaves it to the finalizer that is there."""
        while True:
            application = await self._read(name)
            finalizers = deletion_finalizers(application, cascade=cascade, propagation=propagation)
            try:
                if finalizers is not None:
                    await self._finalizers(application, finalizers)
                await self._writer.delete(
                    APPLICATIONS,
                    self._namespace,
                    name.name,
                    uid=application.uid,
                    # Its objects are the controller's business, not the garbage collector's.
                    propagation=Propagation.BACKGROUND,
                )
            except ConflictError:
                continue
            except ObjectNotFoundError:
                return
            return

    async def watch(self, name: AppName, resource_version: str) -> AsyncIterator[AppEvent]:
        """Changes of one application after a version, without end; none is missed."""
        version = resource_version
        while True:
            try:
                async for event in self._reader.watch(
                    APPLICATIONS, resource_version=version, namespace=self._namespace
                ):
                    version = _version(event.manifest) or version
                    if (
                        event.verb is not WatchVerb.BOOKMARK
                        and key_of(event.manifest).name == name.name
                    ):
                        yield await self._told(event)
            except (ResourceGoneError, KubeUnreachableError):
                live = await self._again(name)
                yield live
                version = live.application.metadata.resource_version

    async def _told(self, event: WatchEvent) -> AppEvent:
        kind, application = EventKind(event.verb.value), Application(event.manifest)
        if kind is EventKind.DELETED:
            return AppEvent(kind, application)
        return AppEvent(kind, await self._with_health(application))

    async def tree(self, application: Application) -> Sequence[TreeNode]:
        """The live objects of an application with their dependants."""
        return await live_tree(application, self._reader, self._discovery)

    async def explain(self, application: Application) -> Sequence[Explained]:
        """Why its objects are OutOfSync."""
        # Loads what compares, which no other call needs.
        from tiphys.services.applications.explain import explain

        return await explain(
            application, self._sources, self._reader, self._discovery, namespace=self._namespace
        )

    async def project(self, name: str) -> AppProject | None:
        try:
            return AppProject(await self._reader.get(PROJECTS, self._namespace, name))
        except ObjectNotFoundError:
            return None

    async def url(self) -> str:
        """Where the UI is, empty when the settings do not say."""
        try:
            settings = await self._reader.get(_CONFIG_MAPS, self._namespace, _SETTINGS)
        except ObjectNotFoundError:
            return ""
        return str((settings.get("data") or {}).get("url") or "").rstrip("/")

    async def _check(self, application: Application, *, validate: bool) -> None:
        if not application.name:
            raise ApiError(ApiCode.UNKNOWN, "resource name may not be empty")
        check_spec(application, await self.project(application.spec.project))
        if validate:
            await check_repository(application, self._reader, self._namespace)
            await check_sources(application, self._sources)

    async def _update(
        self, name: AppName, change: Callable[[Application], Manifest]
    ) -> Application:
        """Read, change, write, again as long as somebody else wrote in between."""
        while True:
            wanted = change(await self._read(name))
            try:
                return Application(
                    await self._writer.replace(APPLICATIONS, wanted, manager=MANAGER)
                )
            except ConflictError:
                continue

    async def _finalizers(self, application: Application, finalizers: Sequence[str]) -> None:
        metadata = {
            "finalizers": list(finalizers),
            "resourceVersion": application.metadata.resource_version,
        }
        await self._writer.patch(
            APPLICATIONS,
            self._namespace,
            application.name,
            PatchKind.MERGE,
            {"metadata": metadata},
            manager=MANAGER,
        )

    async def _revision(self, application: Application, command: SyncCommand) -> str:
        source = application.spec.source
        if source is None:
            check_spec(application, await self.project(application.spec.project))
            raise ApiError(ApiCode.INVALID_ARGUMENT, "the application has no spec.source")
        target = source.target_revision
        asked = command.revision or target
        policy = application.spec.sync_policy
        automated = policy.automated if policy else None
        if (
            automated is not None
            and automated.enabled is not False
            and not command.dry_run
            and asked not in (target, target or "HEAD")
        ):
            raise ApiError(
                ApiCode.FAILED_PRECONDITION,
                f"Cannot sync to {asked}: auto-sync currently set to {target or 'HEAD'}",
            )
        try:
            return await self._sources.resolve(source, asked)
        except RepositoryError as error:
            raise ApiError(ApiCode.FAILED_PRECONDITION, str(error)) from None

    async def _again(self, name: AppName) -> AppEvent:
        """The application as it is now, after a watch that lost its place."""
        try:
            return AppEvent(EventKind.MODIFIED, await self.get(name))
        except ApiError:
            gone = Application({"metadata": {"name": name.name, "namespace": self._namespace}})
            return AppEvent(EventKind.DELETED, gone)


def _permission_denied() -> ApiError:
    return ApiError(ApiCode.PERMISSION_DENIED, "permission denied")


def _version(manifest: Manifest) -> str:
    return str((manifest.get("metadata") or {}).get("resourceVersion") or "")
