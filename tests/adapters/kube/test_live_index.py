"""The live index on the real API server: kinds that come and go, owners, and a bad network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from yarl import URL

from tests.adapters.kube.backends import definition
from tests.fixtures.proxy import Proxy, proxied
from tiphys.adapters.kube import KubeClient, KubeConfig, KubeDiscovery, Transport
from tiphys.core.health.judge import judge
from tiphys.model.live import LiveChange, LiveObject
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import ApiResource, GroupKind, GroupVersionKind, Manifest, ResourceKey
from tiphys.model.status import HealthCode
from tiphys.services.live.index import ClusterIndex


@pytest.fixture
async def proxy(config: KubeConfig) -> AsyncIterator[Proxy]:
    server = URL(config.server)
    assert server.host is not None
    assert server.port is not None
    async with proxied(server.host, server.port) as proxy:
        yield proxy


@pytest.fixture
async def index(config: KubeConfig, proxy: Proxy) -> AsyncIterator[ClusterIndex]:
    """An index whose every connection goes through the proxy."""
    transport = Transport(replace(config, server=f"https://127.0.0.1:{proxy.port}"))
    index = ClusterIndex(KubeClient(transport), KubeDiscovery(transport), judge=judge)
    await index.start()
    await asyncio.wait_for(index.ready(), 20)
    yield index
    await index.close()
    await transport.close()


async def until(condition: Callable[[], Any]) -> None:
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true within fifteen seconds")


def resource(discovery: KubeDiscovery, api_version: str, kind: str) -> ApiResource:
    group, _, version = api_version.rpartition("/")
    found = discovery.find(GroupVersionKind(group, version, kind))
    assert found is not None
    return found


def config_map(namespace: str, name: str, app: str) -> dict[str, Any]:
    annotations = {ANNOTATION_TRACKING_ID: f"{app}:/ConfigMap:{namespace}/{name}"}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "1"}}


def web(namespace: str, app: str) -> Manifest:
    labels = {"app": "web"}
    pod = {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": namespace,
            "annotations": {ANNOTATION_TRACKING_ID: f"{app}:apps/Deployment:{namespace}/web"},
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def healthy(found: LiveObject | None) -> bool:
    return bool(found and found.health and found.health.status is HealthCode.HEALTHY)


async def test_a_deployment_is_found_with_all_that_it_owns(
    index: ClusterIndex, transport: Transport, discovery: KubeDiscovery, namespace: str
) -> None:
    assert index.troubled() == {}
    client = KubeClient(transport)
    deployments = resource(discovery, "apps/v1", "Deployment")
    index.observe(await client.create(deployments, web(namespace, namespace)))
    key = ResourceKey("apps", "Deployment", namespace, "web")
    assert [one.key for one in index.tracked(namespace)] == [key]
    await until(lambda: healthy(index.get(key)))
    root = index.get(key)
    assert root is not None
    (replica_set,) = index.dependants(root.uid)
    await until(lambda: all(healthy(pod) for pod in index.dependants(replica_set.uid)))
    pods = index.dependants(replica_set.uid)
    assert len(pods) == 2
    assert {pod.images for pod in pods} == {("registry.example.com/web:1",)}
    assert {index.root(pod.key) for pod in pods} == {root}
    assert await index.manifest(key) == await client.get(deployments, namespace, "web")
    assert index.complete([GroupKind("apps", "Deployment"), GroupKind("", "Pod")])

    await client.delete(deployments, namespace, "web", uid=root.uid)
    await until(lambda: index.get(key) is None)
    await until(lambda: index.get(pods[0].key) is None)
    await until(lambda: not index.dependants(root.uid))


async def test_what_happens_while_the_network_is_down_is_found_afterwards(
    index: ClusterIndex,
    proxy: Proxy,
    transport: Transport,
    discovery: KubeDiscovery,
    namespace: str,
) -> None:
    client = KubeClient(transport)
    config_maps = resource(discovery, "v1", "ConfigMap")
    kept = await client.create(config_maps, config_map(namespace, "kept", namespace))
    gone = await client.create(config_maps, config_map(namespace, "gone", namespace))
    await until(lambda: len(index.tracked(namespace)) == 2)
    changes: list[LiveChange] = []
    index.subscribe(changes.extend)

    proxy.refusing = True
    proxy.cut()
    await until(index.troubled)
    await client.replace(config_maps, {**kept, "data": {"key": "2"}})
    await client.delete(config_maps, namespace, "gone", uid=gone["metadata"]["uid"])
    await client.create(config_maps, config_map(namespace, "added", namespace))
    proxy.refusing = False

    await until(lambda: [one.key.name for one in index.tracked(namespace)] == ["added", "kept"])
    await until(lambda: not index.troubled())
    await until(lambda: any(change.key.name == "added" for change in changes))
    manifest = await index.manifest(ResourceKey("", "ConfigMap", namespace, "kept"))
    assert manifest is not None
    assert manifest["data"] == {"key": "2"}
    told = {change.key.name: change for change in changes if change.key.namespace == namespace}
    assert set(told) >= {"kept", "gone", "added"}
    assert told["gone"].new is None


async def test_connections_that_are_cut_again_and_again_lose_nothing(
    index: ClusterIndex,
    proxy: Proxy,
    transport: Transport,
    discovery: KubeDiscovery,
    namespace: str,
) -> None:
    client = KubeClient(transport)
    config_maps = resource(discovery, "v1", "ConfigMap")
    for number in range(30):
        await client.create(config_maps, config_map(namespace, f"m{number:02}", namespace))
        if number % 10 == 5:
            proxy.cut()
    names = [f"m{number:02}" for number in range(30)]
    await until(lambda: [one.key.name for one in index.tracked(namespace)] == names)


async def test_a_custom_kind_is_followed_from_its_definition_to_its_end(
    index: ClusterIndex, transport: Transport, discovery: KubeDiscovery, namespace: str
) -> None:
    client = KubeClient(transport)
    group = f"{namespace}.example.com"
    widgets = GroupKind(group, "Widget")
    definitions = resource(discovery, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
    created = await client.create(definitions, definition(group))
    await until(lambda: index.complete([widgets]))
    widget = ApiResource(group, "v1", "Widget", "widgets", True, frozenset())
    metadata = {"name": "w", "namespace": namespace}
    await client.create(
        widget, {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata}
    )
    key = ResourceKey(group, "Widget", namespace, "w")
    await until(lambda: index.get(key))
    name, uid = created["metadata"]["name"], created["metadata"]["uid"]
    await client.delete(definitions, "", name, uid=uid)
    await until(lambda: index.get(key) is None)
    await until(lambda: not index.complete([widgets]))


async def test_a_claim_belongs_to_its_stateful_set(
    index: ClusterIndex, transport: Transport, discovery: KubeDiscovery, namespace: str
) -> None:
    labels = {"app": "db"}
    pod = {"containers": [{"name": "db", "image": "registry.example.com/db:1"}]}
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "db",
            "namespace": namespace,
            "annotations": {ANNOTATION_TRACKING_ID: f"{namespace}:apps/StatefulSet:{namespace}/db"},
        },
        "spec": {
            "replicas": 1,
            "serviceName": "db",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            "volumeClaimTemplates": [claim],
        },
    }
    await KubeClient(transport).create(resource(discovery, "apps/v1", "StatefulSet"), manifest)
    key = ResourceKey("", "PersistentVolumeClaim", namespace, "data-db-0")
    await until(lambda: index.get(key))
    root = index.root(key)
    assert root is not None
    assert root.key == ResourceKey("apps", "StatefulSet", namespace, "db")
