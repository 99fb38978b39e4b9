"""The objects of an application, desired against live, as a server knows them.

The server compares what the application asks for; what else is asked for (a revision, a folder)
is compared here, from what the server says came of the last desired state.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tiphys.core.app.asking import asked_before
from tiphys.core.app.spec import project_name
from tiphys.core.app.targets import Place, prepare
from tiphys.core.diff.carried import carried_over
from tiphys.core.diff.explain import differences, explained
from tiphys.core.diff.normalise import encode as encoded
from tiphys.core.diff.types import OPAQUE
from tiphys.core.manifest.hooks import is_hook, is_skipped
from tiphys.core.manifest.tracking import Tracking, instance_name
from tiphys.core.project import effective_project
from tiphys.core.settings.filters import ResourceFilter
from tiphys.core.settings.settings import TrackingMethod
from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.resource import GroupKind, Manifest, ResourceKey
from tiphys.model.status import SyncCode
from tiphys.services.applications import explain
from tiphys.services.applications.managed import Managed
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.applications.values import Asked, AtRevision, Batches, LocalFiles, Looking
from tiphys.services.remote.applications import key_of_item, manifest_of, resources_of
from tiphys.services.remote.folders import archive
from tiphys.services.remote.ports import Remote
from tiphys.services.render.around import Around, SourceError, named

_SERVICE = "application.ApplicationService"
_CHUNK = 1024


class RemoteComparing:
    """Raises ApiError, and RenderError for folders of this machine."""

    def __init__(self, remote: Remote, sources: SourceCheck) -> None:
        self._remote = remote
        self._sources = sources

    async def explain(self, application: Application) -> Sequence[explain.Explained]:
        """Of the objects that the status calls OutOfSync."""
        late = {
            ResourceKey(one.group, one.kind, one.namespace, one.name)
            for one in application.status.resources
            if one.status == SyncCode.OUT_OF_SYNC
        }
        if not late:
            return ()
        found = await self._items(application)
        told = [explain.explained(one) for one in map(_managed, found) if one.key in late]
        return [one for one in told if one is not None]

    async def managed(
        self, application: Application, asked: Asked, looking: Looking
    ) -> Sequence[Managed]:
        items = await self._items(application)
        found = [_managed(item) for item in items]
        if asked != AtRevision():
            manifests = await self.manifests(application, asked)
            desired = await self._placed(application, manifests, items)
            found = list(_compared(found, desired))
        if looking.server_side:
            found = await self._server_side(application, found, looking.batches)
        return sorted(found, key=lambda one: str(one.key))

    async def desired(self, application: Application, asked: Asked) -> Sequence[Manifest]:
        """What is wanted; of what was compared last as it would be applied."""
        if asked != AtRevision():
            return await self.manifests(application, asked)
        found = await self.managed(application, asked, Looking())
        return [one.target for one in found if one.target is not None]

    async def manifests(self, application: Application, asked: Asked) -> Sequence[Manifest]:
        """What the sources say, as their tools give it; of a server with masked Secrets."""
        match asked:
            case AtRevision(named=revisions):
                return await self._at(application, revisions)
            case LocalFiles(include=None):
                return await self._rendered(application, asked)
            case LocalFiles():
                return await self._sent(application, asked)

    # -- the server -----------------------------------------------------------------------------

    async def _items(self, application: Application) -> Sequence[Mapping[str, Any]]:
        request = resources_of(application)
        found = await self._remote.call(f"{_SERVICE}/ManagedResources", request)
        items: Sequence[Mapping[str, Any]] = found.get("items") or ()
        return items

    async def _at(
        self, application: Application, revisions: Mapping[int, str]
    ) -> Sequence[Manifest]:
        request = _about(application)
        if application.spec.sources:
            request["revisions"] = list(revisions.values())
            request["sourcePositions"] = [index + 1 for index in revisions]
        elif 0 in revisions:
            request["revision"] = revisions[0]
        return _manifests(await self._remote.call(f"{_SERVICE}/GetManifests", request))

    async def _sent(self, application: Application, files: LocalFiles) -> Sequence[Manifest]:
        data = await asyncio.to_thread(archive, files)
        method = f"{_SERVICE}/GetManifestsWithFiles"
        return _manifests(await self._remote.upload(method, _parts(application, data)))

    async def _server_side(
        self, application: Application, objects: Sequence[Managed], batches: Batches
    ) -> list[Managed]:
        """Asked of the API server, as many objects at once as a batch holds."""
        pairs = [one for one in objects if one.live is not None and one.target is not None]
        turn = asyncio.Semaphore(batches.at_once or len(pairs) or 1)

        async def batch(some: Sequence[Managed]) -> Sequence[Managed]:
            async with turn:
                return await self._dry_run(application, some)

        parts = await asyncio.gather(*map(batch, _batches(pairs, batches.size)))
        found = {one.key: one for part in parts for one in part}
        return [found.get(one.key, one) for one in objects]

    async def _dry_run(
        self, application: Application, objects: Sequence[Managed]
    ) -> Sequence[Managed]:
        request = {
            "appName": application.name,
            "appNamespace": application.namespace,
            "project": application.spec.project,
            "liveResources": [_live_item(one) for one in objects],
            "targetManifests": [json.dumps(one.target) for one in objects],
        }
        answer = await self._remote.call(f"{_SERVICE}/ServerSideDiff", request)
        items = {key_of_item(item): item for item in answer.get("items") or ()}
        return [
            _judged(
                one,
                manifest_of(items[one.key].get("liveState")),
                manifest_of(items[one.key].get("targetState")),
                modified=bool(items[one.key].get("modified")),
            )
            for one in objects
            if one.key in items
        ]

    # -- rendered here --------------------------------------------------------------------------

    async def _rendered(self, application: Application, files: LocalFiles) -> Sequence[Manifest]:
        asking = asked_before(application.spec, application.status)
        around = await self._around(application)
        try:
            return (await self._sources.render(asking, around, files)).manifests
        except SourceError as error:
            raise named(asking, error) from None

    async def _around(self, application: Application) -> Around:
        """What a render may know: the cluster, the project, the settings of tools."""
        name, destination = project_name(application.spec), application.spec.destination
        cluster, detailed, settings = await asyncio.gather(
            self._remote.call(
                "cluster.ClusterService/Get",
                {"name": destination.name} if destination.name else {"server": destination.server},
            ),
            self._remote.call("project.ProjectService/GetDetailedProject", {"name": name}),
            self._settings(),
        )
        info = cluster.get("info") or {}
        context = BuildContext(
            instance=_instance(application, settings),
            namespace=destination.namespace,
            project=name,
            kube_version=str(info.get("serverVersion") or cluster.get("serverVersion") or ""),
            api_versions=tuple(info.get("apiVersions") or ()),
        )
        options = (settings.get("kustomizeOptions") or {}).get("BuildOptions")
        tools = ToolSettings(kustomize_build_options=str(options or ""))
        return Around(context, effective_project(AppProject(detailed.get("project") or {})), tools)

    async def _placed(
        self,
        application: Application,
        manifests: Sequence[Manifest],
        items: Sequence[Mapping[str, Any]],
    ) -> Mapping[ResourceKey, Manifest]:
        """In their namespaces, each once, and tracked, like the server does it."""
        settings = await self._settings()
        scopes = {
            GroupKind(key.group, key.kind): bool(key.namespace) for key in map(key_of_item, items)
        }
        destination = application.spec.destination
        where = Place(
            _instance(application, settings),
            destination.namespace,
            destination.server,
            _tracking(settings),
        )
        targets = prepare(manifests, where, scopes.get, ResourceFilter())
        return {one.key: one.manifest for one in (*targets.objects, *targets.hooks)}

    async def _settings(self) -> dict[str, Any]:
        return await self._remote.call("cluster.SettingsService/Get", {})


def _managed(item: Mapping[str, Any]) -> Managed:
    target, live = manifest_of(item.get("targetState")), manifest_of(item.get("liveState"))
    either = target or live or {}
    one = Managed(
        key_of_item(item),
        target,
        live,
        hook=bool(item.get("hook")) or is_hook(either),
        skipped=is_skipped(either),
        modified=True,
    )
    if target is None or live is None:
        return one
    normalised = manifest_of(item.get("normalizedLiveState")) or live
    predicted = manifest_of(item.get("predictedLiveState")) or normalised
    return _judged(one, normalised, predicted, modified=bool(item.get("modified")))


def _compared(
    objects: Sequence[Managed], desired: Mapping[ResourceKey, Manifest]
) -> Iterator[Managed]:
    """The same objects with something else desired of them."""
    known = {one.key: one for one in objects}
    for key in {**known, **desired}:
        one, target = known.get(key), desired.get(key)
        if one is None:
            yield Managed(key, target, None, modified=True, hook=is_hook(target or {}))
        elif target is None or one.live is None or one.compared is None:
            if target is not None or one.live is not None:
                yield _bare(one, target)
        else:
            predicted = carried_over(one.target, target, one.predicted)
            changed = replace(one, target=target)
            yield _judged(changed, one.compared, predicted, modified=predicted != one.compared)


def _bare(one: Managed, target: Manifest | None) -> Managed:
    """Without a prediction: a side is missing, or nobody compared the two so far."""
    if target is not None and one.live is not None:
        predicted = carried_over({}, target, one.live)
        return _judged(
            replace(one, target=target), one.live, predicted, modified=predicted != one.live
        )
    return replace(one, target=target, modified=True, predicted=None, compared=None, differences=())


def _judged(
    one: Managed, live: Manifest | None, predicted: Manifest | None, *, modified: bool
) -> Managed:
    found = tuple(
        explained(each, one.live or {}) for each in differences(predicted or {}, live or {}, OPAQUE)
    )
    return replace(
        one,
        modified=modified,
        predicted=predicted,
        compared=live,
        differences=found if modified else (),
    )


def _live_item(one: Managed) -> dict[str, Any]:
    key = one.key
    return {
        "group": key.group,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "liveState": json.dumps(one.live),
        "targetState": json.dumps(one.target),
    }


def _batches(objects: Sequence[Managed], size: int) -> Sequence[Sequence[Managed]]:
    """Runs that are together no larger than `size` bytes; a larger object goes alone."""
    parts: list[list[Managed]] = []
    left = 0
    for one in objects:
        own = len(encoded(one.target or {})) + len(encoded(one.live or {}))
        if not parts or (size and own > left):
            parts.append([])
            left = size
        parts[-1].append(one)
        left -= own
    return parts


def _about(application: Application) -> dict[str, Any]:
    return {
        "name": application.name,
        "appNamespace": application.namespace,
        "project": application.spec.project,
    }


def _manifests(answer: Mapping[str, Any]) -> Sequence[Manifest]:
    return [json.loads(text) for text in answer.get("manifests") or ()]


def _parts(application: Application, data: bytes) -> Iterator[Mapping[str, Any]]:
    import base64

    yield {"query": {**_about(application), "checksum": hashlib.sha256(data).hexdigest()}}
    for at in range(0, len(data), _CHUNK):
        yield {"chunk": {"chunk": base64.b64encode(data[at : at + _CHUNK]).decode()}}


def _instance(application: Application, settings: Mapping[str, Any]) -> str:
    plane = str(settings.get("controllerNamespace") or application.namespace)
    return instance_name(application.namespace, application.name, plane)


def _tracking(settings: Mapping[str, Any]) -> Tracking:
    plain = Tracking()
    method = settings.get("trackingMethod")
    known = {str(one.value) for one in TrackingMethod}
    return Tracking(
        TrackingMethod(method) if method in known else plain.method,
        str(settings.get("appLabelKey") or plain.label),
        str(settings.get("installationID") or ""),
    )
