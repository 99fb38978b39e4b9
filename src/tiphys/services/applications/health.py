"""The health of an application's objects, read anew for one look.

The controller keeps it in its index and leaves it out of the stored status, which would change
with every pod. Only what can have a judgement, or may be missing, is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.core.health import JUDGED_KINDS, judge
from tiphys.model.application import Application
from tiphys.model.errors import EvaluationError, KubeError, ObjectNotFoundError
from tiphys.model.resource import GroupKind, GroupVersionKind, Manifest
from tiphys.model.status import HealthCode, HealthStatus, SyncCode
from tiphys.services.live.judging import PENDING, HealthScripts
from tiphys.services.live.ports import Discovery, KubeReader

_ELSEWHERE = "appTree"
# One application's objects are not worth more of an API server's attention than this.
_AT_ONCE = 10


async def healths_of(
    manifests: Sequence[Manifest], scripts: HealthScripts | None
) -> Sequence[HealthStatus | None]:
    """By the scripts of the settings too, where they can be asked."""
    if scripts is None:
        return [judge(manifest) for manifest in manifests]
    try:
        return await scripts.judge(manifests)
    except EvaluationError as error:
        unknown = HealthStatus(HealthCode.UNKNOWN, f"the health script cannot be run: {error}")
        said = [scripts.now(manifest) for manifest in manifests]
        return [unknown if health is PENDING else health for health in said]


async def with_health(
    application: Application,
    reader: KubeReader,
    discovery: Discovery,
    scripts: HealthScripts | None = None,
) -> Application:
    """The application as it is read by users; what cannot be asked for has no health."""
    status = application.to_manifest().get("status") or {}
    resources = status.get("resources") or ()
    if status.get("resourceHealthSource") != _ELSEWHERE or not any(
        _asked_for(resource, scripts) for resource in resources
    ):
        return application
    if not discovery.preferred():
        try:
            await discovery.refresh()
        except KubeError:
            # The cluster is away, and the stored status says so.
            return application
    turn = asyncio.Semaphore(_AT_ONCE)

    async def judged(resource: Mapping[str, Any]) -> Mapping[str, Any]:
        if not _asked_for(resource, scripts):
            return resource
        async with turn:
            health = await _health(resource, reader, discovery, scripts)
        return {**resource, "health": health} if health else resource

    found = await asyncio.gather(*map(judged, resources))
    manifest = application.to_manifest()
    return Application({**manifest, "status": {**status, "resources": list(found)}})


def _asked_for(resource: Mapping[str, Any], scripts: HealthScripts | None) -> bool:
    if resource.get("health"):
        return False
    kind = GroupKind(resource.get("group") or "", resource.get("kind") or "")
    scripted = scripts is not None and scripts.script(kind) is not None
    return scripted or kind in JUDGED_KINDS or resource.get("status") != SyncCode.SYNCED


async def _health(
    resource: Mapping[str, Any],
    reader: KubeReader,
    discovery: Discovery,
    scripts: HealthScripts | None,
) -> dict[str, Any]:
    kind = GroupVersionKind(
        resource.get("group") or "", resource.get("version") or "", resource.get("kind") or ""
    )
    served = discovery.find(kind)
    if served is None:
        return {"status": HealthCode.MISSING.value}
    namespace = resource.get("namespace") or "" if served.namespaced else ""
    try:
        live = await reader.get(served, namespace, resource.get("name") or "")
    except ObjectNotFoundError:
        return {"status": HealthCode.MISSING.value}
    except KubeError:
        return {}
    (health,) = await healths_of([live], scripts)
    if health is None:
        return {}
    shown = {"status": health.status.value}
    return {**shown, "message": health.message} if health.message else shown
