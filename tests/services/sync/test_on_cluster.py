"""Syncs on the real control plane: its schemas, its garbage collector, its Job controller."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.fakes.sync import FakeOperationStore
from tests.services.sync.build import HOOK, POLICY, START, WAVE, manifest, record, results
from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import KubeClient, KubeDiscovery, Transport, load_kubeconfig
from tiphys.core.health import judge
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest
from tiphys.core.sync.task import Plan
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.operation import OperationState
from tiphys.model.resource import Manifest, gvk_of, key_of
from tiphys.services.live.index import ClusterIndex
from tiphys.services.sync.ports import Cluster
from tiphys.services.sync.runner import SyncRunner


class Site:
    """A namespace of the cluster with a runner of syncs."""

    def __init__(self, ports: Cluster) -> None:
        self.ports = ports
        self.runner = SyncRunner(ports)
        self.namespace = f"sync-{uuid.uuid4().hex[:8]}"

    async def live(self, wanted: Manifest) -> Manifest | None:
        return await self.ports.index.manifest(key_of(wanted), gvk_of(wanted).version)

    async def plan(
        self,
        targets: Sequence[Manifest],
        hooks: Sequence[Manifest] = (),
        gone: Sequence[Manifest] = (),
        attempt: int = 0,
    ) -> Plan:
        kinds = {}
        for one in (*targets, *hooks, *gone):
            found = self.ports.discovery.find(gvk_of(one))
            if found is not None:
                kinds[found.gvk] = found
        space = manifest("Namespace", self.namespace, namespace="")
        kinds[gvk_of(space)] = self.ports.discovery.find(gvk_of(space))  # type: ignore[assignment]
        request = SyncRequest(
            namespace=self.namespace,
            revision="0123456789",
            started_at=START,
            attempt=attempt,
            prune=True,
            options=frozenset({"CreateNamespace=true"}),
            namespace_live=await self.live(space) is not None,
            kinds=kinds,
            wave_delay=0.0,
        )
        pairs = [SyncPair(one, await self.live(one)) for one in targets]
        pairs += [SyncPair(None, await self.live(one)) for one in gone]
        named = [
            HookTarget(one.phase, one.manifest, await self.live(one.manifest))
            for one in hook_targets(request, hooks)
        ]
        return plan(request, pairs, named)

    async def sync(
        self,
        targets: Sequence[Manifest],
        hooks: Sequence[Manifest] = (),
        gone: Sequence[Manifest] = (),
        attempt: int = 0,
    ) -> tuple[OperationState, FakeOperationStore]:
        store = FakeOperationStore()
        made = await self.plan(targets, hooks, gone, attempt)
        state = record(retry_count=attempt)
        async with asyncio.timeout(60):
            return await self.runner.begin(made, state, store).run(), store

    def config_map(self, name: str, **rest: Any) -> Manifest:
        return manifest(name=name, namespace=self.namespace, **rest)

    def deployment(self, name: str = "web", replicas: int = 1, **rest: Any) -> Manifest:
        labels = {"app": name}
        pod = {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]}
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        return manifest(
            "Deployment", name, api_version="apps/v1", namespace=self.namespace, spec=spec, **rest
        )

    def job(self, name: str, phase: str, **annotations: str) -> Manifest:
        pod = {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example.com/job:1"}],
        }
        return manifest(
            "Job",
            name,
            api_version="batch/v1",
            namespace=self.namespace,
            annotations={HOOK: phase, **annotations},
            spec={"backoffLimit": 0, "template": {"spec": pod}},
        )


@pytest.fixture
async def site(devcluster: DevCluster) -> AsyncIterator[Site]:
    transport = Transport(load_kubeconfig([devcluster.kubeconfig]), component="tests")
    client, discovery = KubeClient(transport), KubeDiscovery(transport)
    index = ClusterIndex(client, discovery, judge=judge)
    await index.start()
    await index.ready()
    yield Site(Cluster(client, client, discovery, index))
    await index.close()
    await transport.close()


async def test_hooks_waves_and_prunes(site: Site) -> None:
    hooks = [
        site.job("pre", "PreSync"),
        site.job("post", "PostSync", **{POLICY: "HookSucceeded"}),
        site.job("rescue", "SyncFail"),
    ]
    web = site.deployment()
    late = site.config_map("late", annotations={WAVE: "1"}, data={"x": "1"})
    done, store = await site.sync([web, late], hooks)
    assert (done.phase, done.message) == ("Succeeded", "successfully synced (no more tasks)")
    found = {name: (status, phase) for name, status, phase, _ in results(done)}
    assert found == {
        site.namespace: ("Synced", "Succeeded"),
        "pre": ("Synced", "Succeeded"),
        "web": ("Synced", "Succeeded"),
        "late": ("Synced", "Succeeded"),
        "post": ("Synced", "Succeeded"),
    }
    assert len(store.saved) <= 12
    # Again: the hooks of before go first, nothing else is written.
    done, _ = await site.sync([web, late], hooks, attempt=1)
    assert done.phase == "Succeeded"
    texts = {name: text for name, *_, text in results(done)}
    assert texts["late"] == "configmap/late unchanged"
    # Pruned objects are gone before the next wave.
    last = site.config_map("last", annotations={WAVE: "2"})
    done, _ = await site.sync([last], gone=[web, late])
    assert done.message == "successfully synced (all tasks run)"
    assert [status for _, status, _, _ in results(done)] == ["Pruned", "Pruned", "Synced"]
    assert await site.live(late) is None


async def test_a_definition_and_its_objects(site: Site) -> None:
    group = f"{site.namespace}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    definition = manifest(
        "CustomResourceDefinition",
        f"widgets.{group}",
        api_version="apiextensions.k8s.io/v1",
        namespace="",
        spec={"group": group, "scope": "Cluster", "names": names, "versions": [version]},
    )
    widget = manifest(
        "Widget", "w", api_version=f"{group}/v1", namespace=site.namespace, spec={"size": 1}
    )
    done, _ = await site.sync([definition, widget])
    assert (done.phase, done.message) == ("Succeeded", "successfully synced (all tasks run)")
    assert await site.live({**widget, "metadata": {"name": "w"}}) is not None


async def test_the_api_server_says_what_is_wrong(site: Site) -> None:
    wrong = site.deployment()
    wrong = {**wrong, "spec": {**wrong["spec"], "replica": 1}}
    done, _ = await site.sync([wrong])
    assert done.phase == "Failed"
    assert "one or more objects failed to apply, reason: " in done.message
    assert 'unknown field "spec.replica"' in done.message
