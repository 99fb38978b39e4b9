"""The clusters that a kubeconfig names, for commands that make them known to Tiphys."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from tiphys.adapters.kube import KubeConfig, KubeConnection, Transport, load_kubeconfig
from tiphys.adapters.kube.config import list_contexts
from tiphys.model.cluster import ClusterConfig, KubeContext
from tiphys.model.errors import KubeError
from tiphys.model.resource import ApiResource
from tiphys.services.clusters.target import ClusterTarget

_CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, frozenset({"get"}))


class KubeconfigTargets:
    """Implements the command line's ClusterTargets."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def contexts(self) -> Sequence[KubeContext]:
        return list_contexts(self._paths)

    @asynccontextmanager
    async def open(self, context: str, *, proxy: str = "") -> AsyncIterator[ClusterTarget]:
        config = load_kubeconfig(self._paths, context)
        if proxy:
            config = replace(config, proxy_url=proxy)
        connection = KubeConnection(Transport(config, component="cli"))
        try:
            yield ClusterTarget(
                server=config.server,
                config=_config(config),
                reader=connection.reader,
                writer=connection.writer,
                public=lambda: _public(connection),
            )
        finally:
            await connection.close()


def _config(config: KubeConfig) -> ClusterConfig:
    """How the server is trusted and, with a certificate, logged in to; tokens are not taken along:
    those of people end soon.
    """
    return ClusterConfig(
        insecure=config.insecure,
        server_name=config.tls_server_name,
        ca_data=b"" if config.insecure else config.ca.encode(),
        cert_data=config.client_certificate.encode(),
        key_data=config.client_key.encode(),
    )


async def _public(connection: KubeConnection) -> tuple[str, bytes]:
    """Server and CA as the cluster itself publishes them. Raises KubeError."""
    found = await connection.reader.get(_CONFIG_MAPS, "kube-public", "cluster-info")
    try:
        cluster = yaml.safe_load(found["data"]["kubeconfig"])["clusters"][0]["cluster"]
        server, ca = str(cluster["server"]), str(cluster.get("certificate-authority-data") or "")
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        raise KubeError("ConfigMap kube-public/cluster-info holds no kubeconfig") from None
    return server, base64.b64decode(ca)
