"""A control plane of its own, into which the install manifests were put.

Installing binds cluster-wide rights to one namespace, which would take them from other tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import (
    KubeClient,
    KubeConfig,
    KubeDiscovery,
    Transport,
    load_kubeconfig,
)
from tiphys.bootstrap.manifests import install_manifests
from tiphys.services.install import Installed, Installer

NAMESPACE = "tiphys-install"


@dataclass(frozen=True)
class Cluster:
    """The administrator's way in, and what the first installation did."""

    config: KubeConfig
    client: KubeClient
    discovery: KubeDiscovery
    installer: Installer
    first: Installed


@pytest.fixture(scope="session")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    cluster = DevCluster("deploy", root=tmp_path_factory.mktemp("deploy"))
    cluster.up()
    try:
        yield cluster
    finally:
        cluster.reset()


@pytest.fixture(scope="session")
async def cluster(own_cluster: DevCluster) -> AsyncIterator[Cluster]:
    config = load_kubeconfig([own_cluster.kubeconfig])
    transport = Transport(config, component="test")
    client, discovery = KubeClient(transport), KubeDiscovery(transport)
    installer = Installer(client, client, discovery)
    try:
        first = await installer.install(install_manifests(), NAMESPACE)
        yield Cluster(config, client, discovery, installer, first)
    finally:
        await transport.close()
