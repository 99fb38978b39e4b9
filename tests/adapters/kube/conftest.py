"""Clients of the real API server, and the backends of the contract tests."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from tests.adapters.kube.backends import Backend, appears, definition
from tests.adapters.kube.faulty import Server, serving
from tests.fakes.kube import CONFIG_MAPS, FakeCluster
from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import (
    KubeClient,
    KubeConfig,
    KubeDiscovery,
    Transport,
    load_kubeconfig,
)
from tiphys.model.resource import ApiResource, GroupVersionKind

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def config(devcluster: DevCluster) -> KubeConfig:
    return load_kubeconfig([devcluster.kubeconfig])


@pytest.fixture(scope="session")
async def transport(config: KubeConfig) -> AsyncIterator[Transport]:
    transport = Transport(config, component="tests")
    yield transport
    await transport.close()


@pytest.fixture(scope="session")
async def discovery(transport: Transport) -> KubeDiscovery:
    discovery = KubeDiscovery(transport)
    await discovery.refresh()
    return discovery


@pytest.fixture
async def namespace(transport: Transport, discovery: KubeDiscovery) -> str:
    resource = discovery.find(GroupVersionKind("", "v1", "Namespace"))
    assert resource is not None
    name = {"generateName": f"kube-{next(_numbers)}-"}
    created = await KubeClient(transport).create(
        resource, {"apiVersion": "v1", "kind": "Namespace", "metadata": name}
    )
    return str(created["metadata"]["name"])


@pytest.fixture
async def restricted(
    config: KubeConfig, transport: Transport, discovery: KubeDiscovery, namespace: str
) -> AsyncIterator[KubeClient]:
    """A ServiceAccount to which no role is bound."""
    accounts = discovery.find(GroupVersionKind("", "v1", "ServiceAccount"))
    assert accounts is not None
    admin = KubeClient(transport)
    metadata = {"name": "nobody", "namespace": namespace}
    await admin.create(
        accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    )
    token = await admin.create_token(namespace, "nobody", seconds=600)
    own = Transport(KubeConfig(server=config.server, ca=config.ca, token=token))
    yield KubeClient(own)
    await own.close()


@pytest.fixture
def real(
    transport: Transport, discovery: KubeDiscovery, namespace: str, restricted: KubeClient
) -> Backend:
    client = KubeClient(transport, page=2)

    async def forgotten() -> tuple[ApiResource, str]:
        # The history of a custom kind begins with its definition.
        group = f"{namespace}.forgotten.example.com"
        definitions = discovery.find(
            GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
        )
        kind = GroupVersionKind(group, "v1", "Widget")
        assert definitions is not None
        await client.create(definitions, definition(group))
        assert await appears(client, discovery, kind)
        resource = discovery.find(kind)
        assert resource is not None
        return resource, "1"

    return Backend(client, restricted, discovery, namespace, forgotten)


@pytest.fixture
def fake() -> Backend:
    cluster, barred = FakeCluster(), FakeCluster()
    barred.forbidden = {resource.group_kind for resource in barred.resources}

    async def forgotten() -> tuple[ApiResource, str]:
        cluster.compact()
        return CONFIG_MAPS, "1"

    return Backend(cluster, barred, cluster, "shop", forgotten)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that misbehaves on demand."""
    async with serving() as server:
        yield server


@pytest.fixture(params=["fake", "real"])
def backend(request: pytest.FixtureRequest) -> Backend:
    backend: Backend = request.getfixturevalue(request.param)
    return backend
