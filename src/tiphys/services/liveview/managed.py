"""ResourceDiff of each object of an application, made when somebody asks.

The controller compares all the time and keeps only what differs; the whole texts are put together
from the desired state in its memory and the manifests of its index, and leave masked.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tiphys.core.diff.compare import Comparison
from tiphys.core.diff.normalise import encode
from tiphys.core.manifest.tracking import instance_name
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, DestinationError, ManifestDecodeError
from tiphys.model.live import LiveObject
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.services.applications.managed import Managed, managed_of
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.clusters.reaching import view_of
from tiphys.services.compare import Ask, Comparisons
from tiphys.services.projects.rules import Permission, ProjectRules
from tiphys.services.reconcile.judging import Judging
from tiphys.services.reconcile.memory import AppMemory, Memories, Prepared
from tiphys.services.reconcile.store import ApplicationStore

_AT_ONCE = 100
"""So many objects are compared together: their manifests are in memory for so long."""

_BEGUN = secrets.token_hex(8)
"""Versions of another process mean nothing to this one."""


class ManagedObjects:
    """`settings` are the present ones."""

    def __init__(
        self,
        store: ApplicationStore,
        memories: Memories,
        clusters: Clusters,
        rules: ProjectRules,
        judging: Judging,
        comparisons: Comparisons,
        settings: Callable[[], Settings],
    ) -> None:
        self._store = store
        self._memories = memories
        self._clusters = clusters
        self._rules = rules
        self._judging = judging
        self._comparisons = comparisons
        self._settings = settings

    def version(self, key: str) -> str:
        """Of the answer as it would be now, without making it; empty where there is none."""
        found = self._seen(key)
        if found is None:
            return ""
        app, memory, prepared, view, permission = found
        live = self._live(app, prepared, view, permission)
        mask = ",".join(sorted(self._settings().masked_annotations))
        digest = hashlib.blake2b(f"{memory.looks} {mask}".encode(), digest_size=16)
        for at, one in live.items():
            known = (one.uid, one.resource_version) if one is not None else None
            digest.update(f"{at} {known}".encode())
        return f"{_BEGUN}-{digest.hexdigest()}"

    async def managed(self, key: str) -> Sequence[Mapping[str, Any]] | None:
        """None while the application was not compared by this process. Raises ApiError."""
        found = self._seen(key)
        if found is None:
            return None
        app, memory, prepared, view, permission = found
        rules = self._judging.rules(app, memory)
        targets = {one.key: one.manifest for one in prepared.targets.objects}
        hooks = {one.key: one.manifest for one in prepared.targets.hooks}
        live = self._live(app, prepared, view, permission)
        shown: list[Mapping[str, Any]] = []
        keys = list(live)
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            manifests = {at: await self._manifest(at, live[at], view) for at in some}
            asks = [
                Ask(at, targets[at], found)
                for at, found in manifests.items()
                if found is not None and at in targets
            ]
            answers = await self._comparisons.compare(
                asks, rules, discovery=view.discovery, writer=view.writer
            )
            compared = {ask.key: answer for ask, answer in zip(asks, answers, strict=True)}
            for at, manifest in manifests.items():
                target = targets.get(at) or hooks.get(at)
                if target is None and manifest is None:
                    continue
                answer = compared.get(at)
                if answer is not None and not isinstance(answer, Comparison):
                    raise ApiError(ApiCode.UNKNOWN, f"error comparing {at}: {answer}")
                one = managed_of(at, target, manifest, answer, rules.masked)
                shown.append(resource_diff(one))
        return shown

    def _seen(
        self, key: str
    ) -> tuple[Application, AppMemory, Prepared, ClusterView, Permission] | None:
        app = self._store.get(key)
        if app is None:
            return None
        memory = self._memories.of(key)
        try:
            view = view_of(self._clusters, app.spec.destination)
            permission = self._rules.permission(app)
        except (DestinationError, ManifestDecodeError):
            return None
        if memory.prepared is None or permission is None:
            return None
        return app, memory, memory.prepared, view, permission

    def _live(
        self,
        app: Application,
        prepared: Prepared,
        view: ClusterView,
        permission: Permission,
    ) -> Mapping[ResourceKey, LiveObject | None]:
        """What is desired or tracked, and permitted, by key; None where it is not live."""
        wanted: Iterable[ResourceKey] = prepared.targets.keys
        instance = instance_name(app.namespace, app.name, self._store.namespace)
        found: dict[ResourceKey, LiveObject | None] = {
            one.key: one for one in view.index.tracked(instance)
        }
        for at in wanted:
            found.setdefault(at, view.index.get(at))
        return {at: found[at] for at in sorted(found) if permission.live(at)}

    async def _manifest(
        self, at: ResourceKey, known: LiveObject | None, view: ClusterView
    ) -> Manifest | None:
        if known is None and view.index.complete([at.group_kind]):
            return None
        return await view.index.manifest(at)


def resource_diff(one: Managed) -> dict[str, Any]:
    """The contract's ResourceDiff; a side that is missing is the text `null`."""
    either = one.live or {}
    normal = one.compared if one.compared is not None else one.live
    predicted = one.predicted if one.predicted is not None else one.target
    shown = {
        "group": one.key.group,
        "kind": one.key.kind,
        "namespace": one.key.namespace,
        "name": one.key.name,
        "targetState": _text(one.target),
        "liveState": _text(one.live),
        "hook": one.hook,
        "normalizedLiveState": _text(normal),
        "predictedLiveState": _text(predicted),
        "resourceVersion": str((either.get("metadata") or {}).get("resourceVersion") or ""),
        "modified": one.modified,
    }
    return {name: value for name, value in shown.items() if value}


def _text(manifest: Manifest | None) -> str:
    return "null" if manifest is None else encode(manifest).decode()
