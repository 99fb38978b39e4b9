"""An index over a cluster in memory, and the objects that its tests speak of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.fakes.kube import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    FakeCluster,
)
from tiphys.model.live import LiveChange
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import GroupKind, Manifest, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.live.index import ClusterIndex

CONFIG_MAP = CONFIG_MAPS.group_kind
DEPLOYMENT = DEPLOYMENTS.group_kind


def config_map(name: str, *, app: str = "", data: str = "1", **metadata: Any) -> dict[str, Any]:
    if app:
        tracking = f"{app}:/ConfigMap:shop/{name}"
        metadata["annotations"] = {ANNOTATION_TRACKING_ID: tracking}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "data": {"value": data},
    }


def owned(api_version: str, kind: str, name: str, owner: Manifest) -> dict[str, Any]:
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    metadata = {"name": name, "namespace": "shop", "ownerReferences": [reference]}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def deployment(name: str, *, app: str) -> dict[str, Any]:
    tracking = {ANNOTATION_TRACKING_ID: f"{app}:apps/Deployment:shop/{name}"}
    metadata = {"name": name, "namespace": "shop", "uid": f"d-{name}", "annotations": tracking}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def replica_set(name: str, uid: str, owner: Manifest) -> dict[str, Any]:
    manifest = owned("apps/v1", "ReplicaSet", name, owner)
    manifest["metadata"]["uid"] = uid
    return manifest


KEY = ResourceKey("", "ConfigMap", "shop", "web")


def judge(manifest: Manifest) -> HealthStatus | None:
    if manifest["kind"] != "ConfigMap":
        return None
    if manifest["data"]["value"] == "odd":
        raise KeyError("status")
    return HealthStatus(HealthCode.HEALTHY, manifest["data"]["value"])


class Heard:
    """What a listener was told, batch by batch."""

    def __init__(self, index: ClusterIndex) -> None:
        self.batches: list[tuple[LiveChange, ...]] = []
        index.subscribe(lambda batch: self.batches.append(tuple(batch)))

    @property
    def changes(self) -> list[LiveChange]:
        return [change for batch in self.batches for change in batch]

    def of(self, key: ResourceKey) -> list[LiveChange]:
        return [change for change in self.changes if change.key == key]


@asynccontextmanager
async def indexed(
    cluster: FakeCluster,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    excluded: Callable[[GroupKind], bool] = lambda kind: False,
) -> AsyncIterator[ClusterIndex]:
    index = ClusterIndex(cluster, cluster, judge=judge, clock=clock, excluded=excluded)
    await index.start()
    try:
        await asyncio.wait_for(index.ready(), 5)
        yield index
    finally:
        await index.close()


async def until(condition: Callable[[], object]) -> None:
    """Waits for what has to come true soon."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come true within five seconds")


async def settle() -> None:
    """Long enough for a watch event and a batch to pass in memory."""
    await asyncio.sleep(0.15)
