"""A fake cluster with the real index, and a sync to run on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from tests.fakes.kube import BUILT_IN, FakeCluster, api
from tests.fakes.sync import FakeOperationStore
from tiphys.core.health import judge
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import SyncPair, SyncRequest
from tiphys.core.sync.task import Plan
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.operation import Operation, OperationState, SyncOperation
from tiphys.model.resource import Manifest, ResourceKey, key_of
from tiphys.services.live.index import ClusterIndex
from tiphys.services.sync.ports import Answering, Cluster
from tiphys.services.sync.runner import Pace, SyncRunner

START = "2026-11-23T10:00:00Z"
JOBS = api("batch", "v1", "Job", "jobs")
HOOK = "argocd.argoproj.io/hook"
POLICY = "argocd.argoproj.io/hook-delete-policy"
WAVE = "argocd.argoproj.io/sync-wave"
FAST = Pace(recheck=30.0, unwatched=0.05, progress=0.05)


def fake_cluster() -> FakeCluster:
    return FakeCluster((*BUILT_IN, JOBS))


def manifest(
    kind: str = "ConfigMap",
    name: str = "a",
    *,
    api_version: str = "v1",
    namespace: str = "demo",
    annotations: Mapping[str, str] | None = None,
    **rest: Any,
) -> Manifest:
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def job(name: str = "migrate", phase: str = "PreSync", **annotations: str) -> Manifest:
    notes = {HOOK: phase, **annotations}
    return manifest("Job", name, api_version="batch/v1", annotations=notes)


def record(**changes: Any) -> OperationState:
    operation = Operation(sync=SyncOperation(revision="0123456789"))
    fields = {"operation": operation, "phase": "Running", "started_at": START, **changes}
    return OperationState(**fields)


def made_plan(
    cluster: FakeCluster,
    targets: Iterable[Manifest],
    *,
    hooks: Sequence[Manifest] = (),
    gone: Iterable[Manifest] = (),
    **changes: Any,
) -> Plan:
    """The plan as it would be made now; `gone` are live objects that are wanted no more."""
    kinds = {resource.gvk: resource for resource in cluster.resources}
    fields = {
        "namespace": "demo",
        "revision": "0123456789",
        "started_at": START,
        "prune": True,
        "kinds": kinds,
        "wave_delay": 0.0,
        **changes,
    }
    request = SyncRequest(**fields)
    pairs = [SyncPair(target, live_of(cluster, target)) for target in targets]
    pairs += [SyncPair(None, live) for one in gone if (live := live_of(cluster, one)) is not None]
    named = [
        type(hook)(hook.phase, hook.manifest, live_of(cluster, hook.manifest))
        for hook in hook_targets(request, hooks)
    ]
    return plan(request, pairs, named)


def live_of(cluster: FakeCluster, wanted: Manifest) -> Manifest | None:
    return cluster.objects.get(key_of(wanted))


class Bench:
    """What a test of the runner works with."""

    def __init__(self, cluster: FakeCluster, index: ClusterIndex) -> None:
        self.cluster = cluster
        self.ports = Cluster(cluster, cluster, cluster, index)
        self.index = index
        self.store = FakeOperationStore()
        self.waits: list[float] = []
        self.runner = SyncRunner(self.ports, pace=FAST, wait=self.wait)

    def answering(self, answering: Answering) -> None:
        """From now on there is somebody to ask whether the cluster is back."""
        self.ports = replace(self.ports, answering=answering)
        self.runner = SyncRunner(self.ports, pace=FAST, wait=self.wait)

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    async def run(self, made: Plan, stored: OperationState | None = None) -> OperationState:
        sync = self.runner.begin(made, stored or record(), self.store)
        async with asyncio.timeout(10):
            return await sync.run()

    def writes(self, *kinds: str) -> list[str]:
        verbs = {"create", "patch", "delete", "update"}
        return [
            f"{verb} {key.name}"
            for verb, key in self.cluster.calls
            if verb in verbs and (not kinds or key.kind in kinds)
        ]


@asynccontextmanager
async def bench(cluster: FakeCluster) -> AsyncIterator[Bench]:
    index = ClusterIndex(cluster, cluster, judge=judge)
    await index.start()
    await index.ready()
    try:
        yield Bench(cluster, index)
    finally:
        await index.close()


@asynccontextmanager
async def controller(
    cluster: FakeCluster, act: Callable[[ResourceKey, Manifest], Manifest | None]
) -> AsyncIterator[None]:
    """Somebody who looks at each object that is there and may change it, as controllers do."""

    async def loop() -> None:
        while True:
            for key, live in list(cluster.objects.items()):
                changed = act(key, live)
                if changed is not None and changed != live:
                    cluster.change(changed)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def completes(key: ResourceKey, live: Manifest) -> Manifest | None:
    """Every Job completes."""
    if key.kind != "Job":
        return None
    done = {"type": "Complete", "status": "True", "message": "all done"}
    return {**live, "status": {"conditions": [done]}}


def breaks(key: ResourceKey, live: Manifest) -> Manifest | None:
    """Every Job fails."""
    if key.kind != "Job":
        return None
    done = {"type": "Failed", "status": "True", "message": "it broke"}
    return {**live, "status": {"conditions": [done]}}


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110 - any condition, no event
            await asyncio.sleep(0.005)


def results(made: OperationState) -> list[tuple[str, str, str, str]]:
    assert made.sync_result
    return [(r.name, r.status, r.hook_phase, r.message) for r in made.sync_result.resources]
