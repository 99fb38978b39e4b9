"""From a pairing to a plan: what is looked up of the cluster on the way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.kube import FakeCluster
from tests.services.sync.build import bench, fake_cluster, job, manifest, record
from tiphys.core.app.pairing import Live, pair
from tiphys.core.app.targets import Place, prepare
from tiphys.core.settings import ResourceFilter
from tiphys.core.sync.task import Plan
from tiphys.model.names import IN_CLUSTER_SERVER
from tiphys.model.operation import Operation, SyncOperation
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.services.sync.planning import SyncPlanner


@pytest.fixture
def cluster() -> FakeCluster:
    return fake_cluster()


async def planned(cluster: FakeCluster, *manifests: Manifest, **sync: Any) -> Plan:
    async with bench(cluster) as b:
        where = Place("guestbook", "demo", IN_CLUSTER_SERVER)
        targets = prepare(manifests, where, cluster.scope, ResourceFilter())
        wanted = [target.key for target in targets.objects]
        live = [*b.index.tracked("guestbook"), *filter(None, map(b.index.get, wanted))]
        pairing = pair(
            targets, map(Live, live), instance="guestbook", qualified_name="argocd/guestbook"
        )
        operation = Operation(sync=SyncOperation(**{"prune": True, **sync}))
        return await SyncPlanner(b.index, cluster, wave_delay=0.0).plan(
            record(operation=operation),
            pairing,
            modified=lambda found: found.live is None,
            namespace="demo",
            revision="0123456789",
        )


def tracked(name: str) -> Manifest:
    return manifest(
        name=name,
        annotations={
            "argocd.argoproj.io/tracking-id": f"guestbook:/ConfigMap:demo/{name}",
        },
    )


async def test_targets_prunes_and_hooks(cluster: FakeCluster) -> None:
    cluster.seed(tracked("a"), tracked("old"), job())
    made = await planned(cluster, manifest(name="a"), manifest(name="b"), job())
    found = {task.key.name: task for task in made.tasks}
    assert made.problems == ()
    assert found["a"].live
    assert not found["a"].changed
    assert found["b"].live is None
    assert found["b"].changed
    assert found["old"].prune
    assert found["migrate"].hook
    assert found["migrate"].live


async def test_a_missing_namespace_is_noticed(cluster: FakeCluster) -> None:
    options = ("CreateNamespace=true",)
    made = await planned(cluster, manifest(), sync_options=options)
    assert made.namespace
    cluster.seed(manifest("Namespace", "demo", namespace=""))
    made = await planned(cluster, manifest(), sync_options=options)
    assert made.namespace is None


async def test_kinds_that_are_not_served(cluster: FakeCluster) -> None:
    made = await planned(
        cluster,
        manifest("Widget", "w", api_version="example.com/v1"),
        manifest("Deployment", "web", api_version="apps/v1beta9"),
    )
    texts = sorted(problem.text for problem in made.problems)
    assert 'Make sure the "Widget" CRD is installed' in texts[0]
    assert 'Version "v1" of apps/Deployment is installed' in texts[1]


async def test_a_hook_without_namespace_is_found(cluster: FakeCluster) -> None:
    hook = manifest(
        "Namespace", "aside", namespace="", annotations={"argocd.argoproj.io/hook": "PreSync"}
    )
    cluster.seed(hook)
    (task,) = (await planned(cluster, hook)).tasks
    assert task.key == ResourceKey("", "Namespace", "", "aside")
    assert task.live
