"""How clusters are connected: each by its Secret, the one that Tiphys runs in by its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tiphys.adapters.kube import KubeConfig, KubeConnection, Limits, Transport
from tiphys.adapters.kube.clusterconfig import cluster_config
from tiphys.model.cluster import Cluster, ClusterConfig
from tiphys.model.errors import SettingsError
from tiphys.model.names import IN_CLUSTER_SERVER
from tiphys.model.traffic import KubeRequest
from tiphys.services.clusters.ports import Connect

_NOTHING_SAID = ClusterConfig()


def limits_of(environment: Mapping[str, str]) -> Limits:
    """The contract's ARGOCD_K8S_CLIENT_QPS and _BURST; without them the server says when to wait.

    Raises SettingsError.
    """
    qps = _number(environment, "ARGOCD_K8S_CLIENT_QPS")
    burst = _number(environment, "ARGOCD_K8S_CLIENT_BURST")
    return Limits(qps=qps, burst=int(burst or 2 * qps))


def _number(environment: Mapping[str, str], name: str) -> float:
    text = environment.get(name, "")
    try:
        number = float(text or 0)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise SettingsError(f"{name}: {text!r} is not a number from 0 on", key=name)
    return number


def connector(
    own: KubeConfig,
    transport: Transport,
    *,
    component: str,
    limits: Limits | None = None,
    counted: Callable[[KubeRequest], None] | None = None,
) -> Connect:
    """`transport` is the connection of Tiphys itself; it is shared with the cluster it is in."""

    def connect(cluster: Cluster) -> KubeConnection:
        if cluster.server == IN_CLUSTER_SERVER and _says_nothing(cluster.config):
            return KubeConnection(transport, shared=True)
        config = cluster_config(cluster)
        if cluster.server == IN_CLUSTER_SERVER:
            # That name is known inside of pods only; credentials of its own are honoured.
            config = replace(
                config,
                server=own.server,
                ca=config.ca or own.ca,
                insecure=config.insecure or own.insecure,
                tls_server_name=config.tls_server_name or own.tls_server_name,
            )
        return KubeConnection(
            Transport(config, component=component, limits=limits, counted=counted)
        )

    return connect


def _says_nothing(config: ClusterConfig) -> bool:
    """Whether it names no credentials; a CA alone changes nothing about who we are."""
    return config == replace(
        _NOTHING_SAID,
        ca_data=config.ca_data,
        insecure=config.insecure,
        server_name=config.server_name,
        disable_compression=config.disable_compression,
    )
