"""Applications of a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tiphys.core.app.spec import project_name
from tiphys.core.pods.chosen import Wanted
from tiphys.core.pods.lines import ZERO, LogLine, stamp
from tiphys.core.project import effective_project, matching_windows
from tiphys.core.project.windows import can_sync
from tiphys.model.application import Application, encode
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.names import ANNOTATION_DELETION_APPROVED
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.applications.values import (
    AppEvent,
    AppName,
    Asked,
    EventKind,
    Looking,
    SyncCommand,
    TreeNode,
    Windows,
    WindowState,
)
from tiphys.services.pods.logs import Entry, LogQuery
from tiphys.services.projects.zones import utc_offset
from tiphys.services.remote.ports import Remote

if TYPE_CHECKING:
    from tiphys.services.applications.explain import Explained
    from tiphys.services.applications.managed import Managed
    from tiphys.services.remote.comparing import RemoteComparing

_SERVICE = "application.ApplicationService"
_AGAIN_SECONDS = 1.0
_LASTING = frozenset({ApiCode.UNAVAILABLE, ApiCode.INTERNAL, ApiCode.UNKNOWN})
"""Ends of a stream that say nothing of the application."""


class RemoteApplications:
    """All methods raise ApiError. `address` is where the server is found by browsers; `sources`
    renders folders of this machine.
    """

    def __init__(
        self,
        remote: Remote,
        *,
        address: str,
        sources: SourceCheck,
        now: Callable[[], datetime],
    ) -> None:
        self._remote = remote
        self._address = address
        self._sources = sources
        self._now = now
        self._versions: dict[tuple[str, str, ResourceKey], str] = {}

    # Looking.

    async def get(self, name: AppName) -> Application:
        return Application(await self._call("Get", **_query(name)))

    async def refresh(self, name: AppName, *, hard: bool) -> Application:
        kind = "hard" if hard else "normal"
        return Application(await self._call("Get", **_query(name), refresh=kind))

    async def list(self, *, selector: str = "", namespace: str = "") -> Sequence[Application]:
        request = _given(selector=selector, appNamespace=namespace)
        found = await self._call("List", **request)
        return [Application(item) for item in found.get("items") or ()]

    async def watch(self, name: AppName, resource_version: str) -> AsyncIterator[AppEvent]:
        """Without end: where the stream breaks it goes on from what was seen last."""
        version = resource_version
        while True:
            request = {**_query(name), "resourceVersion": version}
            try:
                async with aclosing(self._stream("Watch", request)) as events:
                    async for event in events:
                        found = _event(event)
                        version = found.application.metadata.resource_version or version
                        yield found
            except ApiError as error:
                if error.code not in _LASTING:
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)

    async def tree(self, application: Application) -> Sequence[TreeNode]:
        found = await self._call("ResourceTree", **_resources(application))
        return self._nodes(application, found.get("nodes") or ())

    async def orphans(self, application: Application) -> Sequence[TreeNode]:
        found = await self._call("ResourceTree", **_resources(application))
        return self._nodes(application, found.get("orphanedNodes") or ())

    async def logs(self, name: AppName, wanted: Wanted, query: LogQuery) -> AsyncIterator[Entry]:
        request = {
            **_query(name),
            "namespace": wanted.namespace,
            "group": wanted.group,
            "kind": wanted.kind,
            "resourceName": wanted.name,
            "container": query.request.container,
            "sinceSeconds": query.request.since_seconds or 0,
            "tailLines": query.request.tail_lines or 0,
            "follow": query.request.follow,
            "previous": query.request.previous,
            "untilTime": query.until.text if query.until is not None else "",
            "filter": query.filter.text,
            "matchCase": query.filter.match_case,
        }
        async with aclosing(self._stream("PodLogs", request)) as entries:
            async for entry in entries:
                at = stamp(str(entry.get("timeStampStr") or "")) or ZERO
                pod, content = str(entry.get("podName") or ""), str(entry.get("content") or "")
                yield Entry(LogLine(at, content, pod), last=bool(entry.get("last")))

    async def windows(self, application: Application) -> Windows:
        """As its project has them, without what global projects add, as the contract's client."""
        request = {"name": project_name(application.spec)}
        found = await self._remote.call("project.ProjectService/Get", request)
        project = effective_project(AppProject(found))
        if not project.spec.sync_windows:
            return Windows()
        assigned = matching_windows(
            project.spec.sync_windows, application.name, application.spec.destination
        )
        automatic, manual = (
            can_sync(
                assigned, manual=by_hand, started_at=None, now=self._now(), offset=utc_offset
            ).allowed
            for by_hand in (False, True)
        )
        state = WindowState.MANUAL if manual else WindowState.DENIED
        return Windows(WindowState.ALLOWED if automatic else state, assigned)

    async def url(self) -> str:
        """Where the UI is: as the settings say, else where the server itself is."""
        settings = await self._remote.call("cluster.SettingsService/Get", {})
        return str(settings.get("url") or self._address)

    # Comparing.

    async def explain(self, application: Application) -> Sequence[Explained]:
        return await self._comparing().explain(application)

    async def managed(
        self, application: Application, asked: Asked, looking: Looking | None = None
    ) -> Sequence[Managed]:
        return await self._comparing().managed(application, asked, looking or Looking())

    async def desired(self, application: Application, asked: Asked) -> Sequence[Manifest]:
        return await self._comparing().desired(application, asked)

    async def manifests(self, application: Application, asked: Asked) -> Sequence[Manifest]:
        return await self._comparing().manifests(application, asked)

    # Changing.

    async def create(
        self, application: Application, *, upsert: bool, validate: bool
    ) -> Application:
        body = application.to_manifest()
        return Application(
            await self._call("Create", application=body, upsert=upsert, validate=validate)
        )

    async def update_spec(
        self, name: AppName, spec: Mapping[str, Any], *, validate: bool
    ) -> Application:
        """Answers the new spec under the application's name."""
        stored = await self._call("UpdateSpec", **_query(name), spec=spec, validate=validate)
        metadata = {"name": name.name, "namespace": name.namespace}
        return Application({"metadata": metadata, "spec": stored})

    async def patch(self, name: AppName, kind: str, patch: Any) -> Application:
        text = json.dumps(patch)
        return Application(await self._call("Patch", **_query(name), patch=text, patchType=kind))

    async def approve_deletion(self, name: AppName) -> None:
        manifest = (await self.get(name)).to_manifest()
        stamp = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = manifest["metadata"]
        annotations = {
            **(metadata.get("annotations") or {}), ANNOTATION_DELETION_APPROVED: stamp
        }  # fmt: skip
        changed = {**manifest, "metadata": {**metadata, "annotations": annotations}}
        await self._call("Update", application=changed, validate=False)

    async def delete(
        self, name: AppName, *, cascade: bool = True, propagation: str | None = None
    ) -> None:
        """What is usual is left to the server."""
        request = _query(name)
        if not cascade:
            request["cascade"] = False
        if propagation is not None:
            request["propagationPolicy"] = propagation
        await self._call("Delete", **request)

    # Asking the controller.

    async def sync(self, name: AppName, command: SyncCommand) -> Application:
        return Application(await self._call("Sync", **_query(name), **_sync(command)))

    async def rollback(self, name: AppName, entry: int, *, prune: bool) -> Application:
        return Application(await self._call("Rollback", **_query(name), id=entry, prune=prune))

    async def terminate(self, name: AppName) -> None:
        await self._call("TerminateOperation", **_query(name))

    # One live object.

    async def live_keys(self, application: Application) -> Sequence[ResourceKey]:
        found = await self._call("ManagedResources", **_resources(application))
        return [
            key_of_item(item)
            for item in found.get("items") or ()
            if manifest_of(item.get("liveState")) is not None and not item.get("hook")
        ]

    async def get_object(self, application: Application, key: ResourceKey) -> Manifest:
        request = await self._object(application, key)
        found = await self._call("GetResource", **request)
        return manifest_of(found.get("manifest")) or {}

    async def patch_object(
        self, application: Application, key: ResourceKey, kind: str, patch: Any
    ) -> Manifest:
        request = await self._object(application, key)
        request |= {"patch": json.dumps(patch), "patchType": kind}
        return manifest_of((await self._call("PatchResource", **request)).get("manifest")) or {}

    async def delete_object(
        self, application: Application, key: ResourceKey, *, force: bool, orphan: bool
    ) -> None:
        request = await self._object(application, key)
        await self._call("DeleteResource", **request, force=force, orphan=orphan)

    # How it works.

    async def _object(self, application: Application, key: ResourceKey) -> dict[str, Any]:
        return {
            **_query(_name(application)),
            "namespace": key.namespace,
            "resourceName": key.name,
            "group": key.group,
            "kind": key.kind,
            "version": await self._version(application, key),
            "project": application.spec.project,
        }

    async def _version(self, application: Application, key: ResourceKey) -> str:
        """The version that the server knows the object in."""
        for one in application.status.resources:
            if ResourceKey(one.group, one.kind, one.namespace, one.name) == key:
                return one.version
        at = (application.namespace, application.name, key)
        if at not in self._versions:
            await self.tree(application)
        return self._versions.get(at, "")

    def _nodes(
        self, application: Application, items: Sequence[Mapping[str, Any]]
    ) -> Sequence[TreeNode]:
        uids = {str(item.get("uid") or "") for item in items}
        nodes = [_node(item, uids) for item in items]
        for node in nodes:
            self._versions[application.namespace, application.name, node.key] = node.version
        return nodes

    def _comparing(self) -> RemoteComparing:
        from tiphys.services.remote.comparing import RemoteComparing

        return RemoteComparing(self._remote, self._sources)

    async def _call(self, method: str, **request: Any) -> dict[str, Any]:
        return await self._remote.call(f"{_SERVICE}/{method}", request)

    def _stream(
        self, method: str, request: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        return self._remote.stream(f"{_SERVICE}/{method}", request)


def resources_of(application: Application) -> dict[str, Any]:
    """What a question about an application's objects begins with."""
    return _resources(application)


def key_of_item(item: Mapping[str, Any]) -> ResourceKey:
    return ResourceKey(*(str(item.get(name) or "") for name in _KEY))


def manifest_of(text: Any) -> Manifest | None:
    """An object that comes as a JSON text; None where there is none."""
    found = json.loads(text) if text else None
    return found or None


_KEY = ("group", "kind", "namespace", "name")


def _name(application: Application) -> AppName:
    return AppName(application.namespace, application.name)


def _query(name: AppName) -> dict[str, Any]:
    return _given(name=name.name, appNamespace=name.namespace)


def _resources(application: Application) -> dict[str, Any]:
    return _given(
        applicationName=application.name,
        appNamespace=application.namespace,
        project=application.spec.project,
    )


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _event(event: Mapping[str, Any]) -> AppEvent:
    return AppEvent(EventKind(event.get("type") or "MODIFIED"), Application(event["application"]))


def _node(item: Mapping[str, Any], uids: set[str]) -> TreeNode:
    parents = [str(one.get("uid") or "") for one in item.get("parentRefs") or ()]
    health = item.get("health") or {}
    judged = None
    if health.get("status"):
        judged = HealthStatus(HealthCode(health["status"]), str(health.get("message") or ""))
    return TreeNode(
        uid=str(item.get("uid") or ""),
        group=str(item.get("group") or ""),
        version=str(item.get("version") or ""),
        kind=str(item.get("kind") or ""),
        namespace=str(item.get("namespace") or ""),
        name=str(item.get("name") or ""),
        parent=next((uid for uid in parents[:1] if uid in uids), ""),
        created_at=str(item.get("createdAt") or ""),
        health=judged,
    )


def _sync(command: SyncCommand) -> dict[str, Any]:
    request: dict[str, Any] = {
        "dryRun": command.dry_run,
        "prune": command.prune,
        "resources": [encode(one) for one in command.resources],
        "manifests": list(command.manifests),
        "infos": [encode(one) for one in command.info],
    }
    if command.revisions:
        # Of one source the first is the revision; of several the server reads the pairs.
        request["revision"] = command.revisions.get(0, "")
        request["revisions"] = list(command.revisions.values())
        request["sourcePositions"] = [index + 1 for index in command.revisions]
    if command.strategy is not None:
        request["strategy"] = encode(command.strategy)
    if command.retry is not None:
        request["retryStrategy"] = encode(command.retry)
    if command.sync_options is not None:
        request["syncOptions"] = {"items": list(command.sync_options)}
    return request
