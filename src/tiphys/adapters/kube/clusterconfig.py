"""From what a cluster Secret says to how its API server is reached."""

from __future__ import annotations

from tiphys.adapters.kube.config import KubeConfig
from tiphys.adapters.kube.errors import KubeConfigError
from tiphys.model.cluster import Cluster


def cluster_config(cluster: Cluster) -> KubeConfig:
    """Raises KubeConfigError naming the Secret and its key."""
    config = cluster.config
    for key, asked in (
        ("config.execProviderConfig", config.exec_provider is not None),
        ("config.awsAuthConfig", config.aws is not None),
        ("config.username", bool(config.username)),
        ("config.proxyUrl", bool(config.proxy_url)),
    ):
        if asked:
            raise KubeConfigError(
                f"Secret {cluster.secret}: {key} is not supported by this version of Tiphys",
                field=key,
            )
    return KubeConfig(
        server=cluster.server,
        context=cluster.name,
        ca=_pem(cluster, "caData", config.ca_data),
        client_certificate=_pem(cluster, "certData", config.cert_data),
        client_key=_pem(cluster, "keyData", config.key_data),
        token=config.bearer_token,
        insecure=config.insecure,
        tls_server_name=config.server_name,
        compression=not config.disable_compression,
    )


def _pem(cluster: Cluster, key: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise KubeConfigError(
            f"Secret {cluster.secret}: config.tlsClientConfig.{key} is not PEM",
            field=f"config.tlsClientConfig.{key}",
        ) from None
