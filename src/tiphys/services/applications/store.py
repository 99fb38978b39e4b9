"""Applications where they are stored: read, listed, written and watched in their namespaces.

An application that is absent, and one in a namespace that holds none, are answered like a
forbidden one, as the contract does: nobody learns what there is by asking.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from tiphys.core.project.namespaces import matches_any
from tiphys.model.application import Application
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    KubeUnreachableError,
    ObjectNotFoundError,
    ResourceGoneError,
)
from tiphys.model.live import PatchKind, Propagation, WatchEvent, WatchVerb
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ApiResource, Manifest, key_of
from tiphys.services.applications.settings import SettingsReader
from tiphys.services.applications.values import AppName
from tiphys.services.live.ports import KubeReader, KubeWriter

MANAGER = "argocd"

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, _VERBS)


class AppStore:
    """`settings` say which namespaces hold applications besides the control plane's, `home`."""

    def __init__(self, reader: KubeReader, writer: KubeWriter, settings: SettingsReader) -> None:
        self._reader = reader
        self._writer = writer
        self._settings = settings
        self.home = settings.namespace

    async def place(self, name: AppName) -> AppName:
        """The name with its namespace. Raises ApiError where no applications may be."""
        if not await self.may_hold(name.namespace):
            raise permission_denied()
        return name._replace(namespace=name.namespace or self.home)

    async def may_hold(self, namespace: str) -> bool:
        if namespace in ("", self.home):
            return True
        return matches_any(await self._settings.namespaces(), namespace)

    async def read(self, name: AppName) -> Application:
        place = await self.place(name)
        try:
            found = await self._reader.get(APPLICATIONS, place.namespace, place.name)
        except ObjectNotFoundError:
            raise permission_denied() from None
        return Application(found)

    async def list(self, selector: str, namespace: str) -> Sequence[Application]:
        """By name; of all namespaces that hold applications unless one is named."""
        if namespace:
            if not await self.may_hold(namespace):
                raise permission_denied()
            return await self._list(selector, namespace)
        if not await self._settings.namespaces():
            return await self._list(selector, self.home)
        found = await self._list(selector, "")
        return [app for app in found if await self.may_hold(app.namespace)]

    async def _list(self, selector: str, namespace: str) -> Sequence[Application]:
        found = await self._reader.list(APPLICATIONS, namespace=namespace, label_selector=selector)
        return sorted(map(Application, found.items), key=lambda app: (app.name, app.namespace))

    async def create(self, manifest: Manifest) -> Application:
        """Raises ObjectExistsError."""
        return Application(await self._writer.create(APPLICATIONS, manifest, manager=MANAGER))

    async def replace(self, manifest: Manifest) -> Application:
        """Raises ConflictError where somebody else wrote since this version was read."""
        return Application(await self._writer.replace(APPLICATIONS, manifest, manager=MANAGER))

    async def update(self, name: AppName, change: Callable[[Application], Manifest]) -> Application:
        """Read, change, write, again as long as somebody else wrote in between."""
        while True:
            wanted = change(await self.read(name))
            try:
                return await self.replace(wanted)
            except ConflictError:
                continue

    async def merge(self, name: AppName, metadata: Mapping[str, object]) -> Application:
        """Merges into the metadata; a resourceVersion in it is the precondition."""
        place = await self.place(name)
        return Application(
            await self._writer.patch(
                APPLICATIONS,
                place.namespace,
                place.name,
                PatchKind.MERGE,
                {"metadata": metadata},
                manager=MANAGER,
            )
        )

    async def delete(self, application: Application) -> None:
        """Raises ConflictError where another application has the name by now."""
        await self._writer.delete(
            APPLICATIONS,
            application.namespace,
            application.name,
            uid=application.uid,
            # Its objects are the controller's business, not the garbage collector's.
            propagation=Propagation.BACKGROUND,
        )

    async def watch(self, name: AppName, resource_version: str) -> AsyncIterator[WatchEvent]:
        """Changes of one application after a version, without end; none is missed."""
        place = await self.place(name)
        version = resource_version
        while True:
            try:
                async for event in self._reader.watch(
                    APPLICATIONS, resource_version=version, namespace=place.namespace
                ):
                    version = version_of(event.manifest) or version
                    if (
                        event.verb is not WatchVerb.BOOKMARK
                        and key_of(event.manifest).name == place.name
                    ):
                        yield event
            except (ResourceGoneError, KubeUnreachableError):
                live = await self._again(place)
                yield live
                version = version_of(live.manifest)

    async def _again(self, place: AppName) -> WatchEvent:
        """The application as it is now, after a watch that lost its place."""
        try:
            return WatchEvent(WatchVerb.MODIFIED, (await self.read(place)).to_manifest())
        except ApiError:
            gone = {"metadata": {"name": place.name, "namespace": place.namespace}}
            return WatchEvent(WatchVerb.DELETED, gone)


def permission_denied() -> ApiError:
    return ApiError(ApiCode.PERMISSION_DENIED, "permission denied")


def version_of(manifest: Manifest) -> str:
    return str((manifest.get("metadata") or {}).get("resourceVersion") or "")
