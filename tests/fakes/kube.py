"""A cluster in memory behind the ports of services.live: reads, writes, watches, discovery.

It is held to the same contract tests as the real client on the real API server. It has objects,
versions, uids, preconditions and watches, and none of the controllers, defaults or admission.
"""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.patching import patched
from tiphys.core.diff.schema import TypeSchema
from tiphys.model.errors import (
    ConflictError,
    ForbiddenError,
    InvalidObjectError,
    KubeError,
    ObjectExistsError,
    ObjectNotFoundError,
    ResourceGoneError,
)
from tiphys.model.live import ObjectList, PatchKind, Propagation, WatchEvent, WatchVerb
from tiphys.model.names import MANAGER_CONTROLLER
from tiphys.model.resource import (
    ApiResource,
    GroupKind,
    GroupVersionKind,
    Manifest,
    ResourceKey,
)

VERBS = frozenset({"get", "list", "watch", "create", "update", "patch", "delete"})
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]*[a-z0-9])?")
_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")


def api(
    group: str, version: str, kind: str, plural: str, *, namespaced: bool = True
) -> ApiResource:
    return ApiResource(group, version, kind, plural, namespaced, VERBS)


NAMESPACES = api("", "v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAPS = api("", "v1", "ConfigMap", "configmaps")
SECRETS = api("", "v1", "Secret", "secrets")
SERVICES = api("", "v1", "Service", "services")
ENDPOINTS = api("", "v1", "Endpoints", "endpoints")
PODS = api("", "v1", "Pod", "pods")
CLAIMS = api("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
EVENTS = api("", "v1", "Event", "events")
DEPLOYMENTS = api("apps", "v1", "Deployment", "deployments")
REPLICA_SETS = api("apps", "v1", "ReplicaSet", "replicasets")
STATEFUL_SETS = api("apps", "v1", "StatefulSet", "statefulsets")
CRDS = api(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
BUILT_IN = (
    NAMESPACES,
    CONFIG_MAPS,
    SECRETS,
    SERVICES,
    ENDPOINTS,
    PODS,
    CLAIMS,
    EVENTS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    CRDS,
)


@dataclass
class _Log:
    """Everything that happened, for watches to follow; `begins` is where it was cut off."""

    events: list[tuple[int, GroupKind, WatchVerb, Manifest]] = field(default_factory=list)
    begins: int = 0


class FakeCluster:
    """KubeReader, KubeWriter and Discovery at once; `calls` are the requests, as (verb, key)."""

    def __init__(self, resources: Iterable[ApiResource] = BUILT_IN) -> None:
        self.resources: list[ApiResource] = list(resources)
        self.objects: dict[ResourceKey, dict[str, Any]] = {}
        self.calls: list[tuple[str, ResourceKey]] = []
        self.forbidden: set[GroupKind] = set()
        self.fail: Callable[[str, ResourceKey], KubeError | None] = lambda verb, key: None
        self.warn: Callable[[str, ResourceKey], Sequence[str]] = lambda verb, key: ()
        self.latest = 100
        self._uids = 0
        self._log = _Log()
        self._news = asyncio.Condition()
        self._cut = 0

    # What tests do to it.

    def seed(self, *manifests: Mapping[str, Any]) -> None:
        """Objects that are there, as if someone else had created them."""
        for manifest in manifests:
            self._store(self._resource_of(manifest), dict(manifest), WatchVerb.ADDED)

    def change(self, manifest: Mapping[str, Any]) -> Manifest:
        """Someone else replaces an object, keeping its uid."""
        resource = self._resource_of(manifest)
        old = self.objects[_key(resource, manifest)]
        meta = {**manifest["metadata"], **_born(old)}
        return self._store(resource, {**manifest, "metadata": meta}, WatchVerb.MODIFIED)

    def vanish(self, key: ResourceKey) -> None:
        """Someone else deletes an object."""
        self._delete(key)

    def compact(self) -> None:
        """Forgets history: watches from before now have to list again."""
        self._log = _Log(begins=self.latest)
        self.cut_watches()

    def restore(self, version: int, *manifests: Mapping[str, Any]) -> None:
        """The cluster comes back from a backup: older versions, and only these objects."""
        self.latest = version
        self.objects.clear()
        self.seed(*manifests)
        self._log = _Log(begins=self.latest)
        self.cut_watches()

    def cut_watches(self) -> None:
        """Every open watch ends, as a server ends it."""
        self._cut += 1
        self._wake()

    # KubeReader

    async def get(self, resource: ApiResource, namespace: str, name: str) -> Manifest:
        key = ResourceKey(resource.group, resource.kind, namespace, name)
        self._called("get", key)
        return self._read(resource, key)

    async def list(
        self, resource: ApiResource, *, namespace: str = "", label_selector: str = ""
    ) -> ObjectList:
        self._called("list", ResourceKey(resource.group, resource.kind, namespace, ""))
        self._served(resource)
        items = [
            copy.deepcopy(manifest)
            for key, manifest in sorted(self.objects.items())
            if key.group_kind == resource.group_kind
            and namespace in ("", key.namespace)
            and _selected(manifest, label_selector)
        ]
        return ObjectList(tuple(items), str(self.latest))

    async def watch(
        self,
        resource: ApiResource,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        self._called("watch", ResourceKey(resource.group, resource.kind, namespace, ""))
        self._served(resource)
        at, cut = int(resource_version), self._cut
        if at > self.latest:
            raise ResourceGoneError(f"too large resource version: {at}", status=504)
        yield WatchEvent(WatchVerb.BOOKMARK, {"metadata": {"resourceVersion": resource_version}})
        while True:
            if at < self._log.begins:
                raise ResourceGoneError(f"too old resource version: {at}", status=410)
            for version, kind, verb, manifest in list(self._log.events):
                if version > at and kind == resource.group_kind:
                    place = manifest["metadata"].get("namespace", "")
                    if namespace in ("", place) and _selected(manifest, label_selector):
                        yield WatchEvent(verb, copy.deepcopy(manifest))
            at = max(at, self.latest)
            if cut != self._cut:
                return
            async with self._news:
                while self.latest <= at and cut == self._cut:
                    await self._news.wait()

    # KubeWriter

    async def create(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest:
        key = _key(resource, manifest)
        self._called("create", key)
        self._warned("create", key, warnings)
        self._served(resource)
        if not _NAME.fullmatch(key.name):
            raise InvalidObjectError(f'"{key.name}" is invalid', status=422, reason="Invalid")
        if key in self.objects:
            raise ObjectExistsError(
                f'{resource.plural} "{key.name}" already exists', status=409, reason="AlreadyExists"
            )
        return self._store(resource, dict(manifest), WatchVerb.ADDED, dry_run=dry_run)

    async def patch(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        kind: PatchKind,
        body: Any,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
        force: bool = False,
    ) -> Manifest:
        key = ResourceKey(resource.group, resource.kind, namespace, name)
        self._called("patch", key)
        self._warned("patch", key, warnings)
        if kind is PatchKind.APPLY and key not in self.objects:
            return self._store(resource, dict(body), WatchVerb.ADDED, dry_run=dry_run)
        old = self._read(resource, key)
        new = patched(old, kind, body)
        asked = (new.get("metadata") or {}).get("uid", old["metadata"]["uid"])
        if asked != old["metadata"]["uid"]:
            raise InvalidObjectError(
                f'metadata.uid: Invalid value: "{asked}": field is immutable',
                status=422,
                reason="Invalid",
            )
        self._precondition(key, new)
        return self._update(resource, old, new, dry_run=dry_run)

    async def replace(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest:
        key = _key(resource, manifest)
        self._called("update", key)
        self._warned("update", key, warnings)
        old = self._read(resource, key)
        self._precondition(key, manifest)
        return self._update(resource, old, dict(manifest), dry_run=dry_run)

    async def delete(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        grace_seconds: int | None = None,
    ) -> None:
        key = ResourceKey(resource.group, resource.kind, namespace, name)
        self._called("delete", key)
        old = self._read(resource, key)
        if old["metadata"]["uid"] != uid:
            raise ConflictError(
                "the UID in the precondition differs", status=409, reason="Conflict"
            )
        if old["metadata"].get("finalizers"):
            stamp = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
            self._update(resource, old, {**old, "metadata": {**old["metadata"], **stamp}})
        else:
            self._delete(key)

    # Discovery

    async def refresh(self) -> None:
        self._called("discover", ResourceKey("", "", "", ""))

    def preferred(self) -> Sequence[ApiResource]:
        first: dict[GroupKind, ApiResource] = {}
        for resource in self.resources:
            first.setdefault(resource.group_kind, resource)
        return list(first.values())

    def find(self, kind: GroupVersionKind) -> ApiResource | None:
        return next((found for found in self.resources if found.gvk == kind), None)

    def scope(self, kind: GroupKind) -> bool | None:
        found = [one.namespaced for one in self.resources if one.group_kind == kind]
        return found[0] if found else None

    def versions(self) -> Sequence[str]:
        names = {one.gvk.api_version for one in self.resources}
        return sorted(names | {f"{one.gvk.api_version}/{one.kind}" for one in self.resources})

    @property
    def server_version(self) -> str:
        return "v1.36.3"

    async def schema(self, kind: GroupVersionKind) -> TypeSchema | None:
        return None

    # How it works.

    def _called(self, verb: str, key: ResourceKey) -> None:
        self.calls.append((verb, key))
        error = self.fail(verb, key)
        if error is not None:
            raise error
        if key.group_kind in self.forbidden:
            raise ForbiddenError(f"cannot {verb} {key.group_kind}", status=403, reason="Forbidden")

    def _warned(self, verb: str, key: ResourceKey, warnings: MutableSequence[str] | None) -> None:
        if warnings is not None:
            warnings.extend(self.warn(verb, key))

    def _served(self, resource: ApiResource) -> None:
        if resource not in self.resources:
            raise ObjectNotFoundError(
                "the server could not find the requested resource", status=404
            )

    def _read(self, resource: ApiResource, key: ResourceKey) -> dict[str, Any]:
        self._served(resource)
        if key not in self.objects:
            raise ObjectNotFoundError(
                f'{resource.plural} "{key.name}" not found', status=404, reason="NotFound"
            )
        return copy.deepcopy(self.objects[key])

    def _precondition(self, key: ResourceKey, new: Manifest) -> None:
        old = self.objects[key]["metadata"]
        meta = new.get("metadata") or {}
        for name in ("resourceVersion", "uid"):
            if meta.get(name, old[name]) != old[name]:
                raise ConflictError(
                    f"the object has been modified: {name}", status=409, reason="Conflict"
                )

    def _update(
        self, resource: ApiResource, old: Manifest, new: dict[str, Any], *, dry_run: bool = False
    ) -> Manifest:
        meta = {**new["metadata"], **_born(old)}
        meta["resourceVersion"] = old["metadata"]["resourceVersion"]
        new = {**new, "metadata": meta}
        if new == old or dry_run:
            return new
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._delete(_key(resource, new))
            return new
        return self._store(resource, new, WatchVerb.MODIFIED)

    def _store(
        self,
        resource: ApiResource,
        new: dict[str, Any],
        verb: WatchVerb,
        *,
        dry_run: bool = False,
    ) -> Manifest:
        meta = dict(new.get("metadata") or {})
        if dry_run:
            return copy.deepcopy({**new, "metadata": {**meta, "uid": "dry-run"}})
        self.latest += 1
        if verb is WatchVerb.ADDED:
            self._uids += 1
            meta.setdefault("uid", f"uid-{self._uids}")
            meta.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        meta["resourceVersion"] = str(self.latest)
        stored = copy.deepcopy({**new, "metadata": meta})
        self.objects[_key(resource, stored)] = stored
        self._happened(resource.group_kind, verb, stored)
        return copy.deepcopy(stored)

    def _delete(self, key: ResourceKey) -> None:
        self.latest += 1
        old = self.objects.pop(key)
        last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.latest)}}
        self._happened(key.group_kind, WatchVerb.DELETED, last)

    def _happened(self, kind: GroupKind, verb: WatchVerb, manifest: Manifest) -> None:
        self._log.events.append((self.latest, kind, verb, manifest))
        if kind == _CRD:
            self._define(manifest, gone=verb is WatchVerb.DELETED)
        self._wake()

    def _define(self, definition: Manifest, *, gone: bool) -> None:
        """A custom kind is served as soon as its definition is there."""
        spec = definition["spec"]
        kind = GroupKind(spec["group"], spec["names"]["kind"])
        self.resources = [one for one in self.resources if one.group_kind != kind]
        if gone:
            return
        for version in spec["versions"]:
            plural, namespaced = spec["names"]["plural"], spec["scope"] == "Namespaced"
            self.resources.append(
                api(kind.group, version["name"], kind.kind, plural, namespaced=namespaced)
            )

    def _resource_of(self, manifest: Mapping[str, Any]) -> ApiResource:
        group, _, version = str(manifest["apiVersion"]).rpartition("/")
        found = self.find(GroupVersionKind(group, version, str(manifest["kind"])))
        assert found is not None, f"{manifest['kind']} is not served"
        return found

    def _wake(self) -> None:
        async def notify() -> None:
            async with self._news:
                self._news.notify_all()

        try:
            task = asyncio.get_running_loop().create_task(notify())
        except RuntimeError:
            # Seeded before there is a loop: no one watches yet.
            return
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)


_tasks: set[asyncio.Task[None]] = set()


def _key(resource: ApiResource, manifest: Mapping[str, Any]) -> ResourceKey:
    meta = manifest.get("metadata") or {}
    return ResourceKey(
        resource.group, resource.kind, meta.get("namespace") or "", meta.get("name") or ""
    )


def _born(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an object has for life."""
    return {name: manifest["metadata"][name] for name in ("uid", "creationTimestamp")}


def _selected(manifest: Mapping[str, Any], selector: str) -> bool:
    """`a=b,c=d`, and `a` for any value of a."""
    labels = (manifest.get("metadata") or {}).get("labels") or {}
    wanted = [part.partition("=") for part in selector.split(",") if part]
    return all(
        labels.get(name) == value if equals else name in labels for name, equals, value in wanted
    )
