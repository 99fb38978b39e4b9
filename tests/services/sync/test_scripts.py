"""Kinds whose health a script tells: a hook of theirs has not succeeded before it says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.evaluator import FakeEvaluator
from tests.fakes.kube import FakeCluster
from tests.services.sync.build import (
    HOOK,
    START,
    WAVE,
    Bench,
    controller,
    fake_cluster,
    made_plan,
    manifest,
    record,
    results,
    until,
)
from tiphys.core.health import judge
from tiphys.core.settings.overrides import HealthScript, ResourceOverrides
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.live.index import ClusterIndex
from tiphys.services.live.judging import HealthScripts

OVERRIDES = ResourceOverrides(health=(HealthScript(group="", kind="ConfigMap", script="s"),))


def says(found: Manifest) -> HealthStatus:
    """As the object itself says, and Progressing as long as it says nothing."""
    text = (found.get("data") or {}).get("health")
    return HealthStatus(HealthCode(text) if text else HealthCode.PROGRESSING, "")


@asynccontextmanager
async def judged_bench(cluster: FakeCluster) -> AsyncIterator[Bench]:
    scripts = HealthScripts(FakeEvaluator({"s": says}), lambda: OVERRIDES)
    index = ClusterIndex(cluster, cluster, judge=judge, scripts=scripts)
    await index.start()
    await index.ready()
    try:
        yield Bench(cluster, index)
    finally:
        await index.close()


def hook(name: str = "check") -> Manifest:
    return manifest(name=name, annotations={HOOK: "PreSync"})


def tell(cluster: FakeCluster, name: str, health: str) -> None:
    key = ResourceKey("", "ConfigMap", "demo", name)
    cluster.change({**cluster.objects[key], "data": {"health": health}})


@pytest.mark.parametrize(
    ("health", "phase"), [("Healthy", "Succeeded"), ("Degraded", "Failed"), ("Unknown", "Failed")]
)
async def test_a_hook_is_what_its_script_says(health: str, phase: str) -> None:
    cluster = fake_cluster()
    async with judged_bench(cluster) as b:
        task = asyncio.create_task(b.run(made_plan(cluster, [], hooks=[hook()])))
        key = ResourceKey("", "ConfigMap", "demo", "check")
        await until(lambda: key in cluster.objects)
        await asyncio.sleep(0.05)
        assert not task.done()
        tell(cluster, "check", health)
        done = await task
        assert done.phase == phase
        # That a script had to be asked first is told nowhere.
        assert [message for *_, message in results(done)] == ["configmap/check created"]


async def test_a_wave_waits_for_what_a_script_says() -> None:
    cluster = fake_cluster()
    first, second = manifest(name="first"), manifest(name="second", annotations={WAVE: "1"})

    def heals(key: ResourceKey, live: Manifest) -> Manifest | None:
        return {**live, "data": {"health": "Healthy"}} if key.name == "first" else None

    async with judged_bench(cluster) as b, controller(cluster, heals):
        done = await b.run(made_plan(cluster, [first, second]))
        assert done.phase == "Succeeded"
        assert b.writes() == ["create first", "create second"]
        phases = {name: phase for name, _, phase, _ in results(done)}
        assert phases == {"first": "Succeeded", "second": "Running"}


async def test_a_hook_that_was_made_before_a_restart_is_judged_too() -> None:
    cluster = fake_cluster()
    stamp = {"tiphys.dev/operation": f"{START}/0/PreSync"}
    made = hook()
    notes = {**made["metadata"]["annotations"], **stamp}
    cluster.seed({**made, "metadata": {**made["metadata"], "annotations": notes}})
    async with judged_bench(cluster) as b:
        task = asyncio.create_task(b.run(made_plan(cluster, [], hooks=[hook()]), record()))
        await asyncio.sleep(0.05)
        assert not task.done()
        tell(cluster, "check", "Healthy")
        assert (await task).phase == "Succeeded"
        assert "create check" not in b.writes()
