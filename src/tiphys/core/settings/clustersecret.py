"""Clusters as Secrets, and as the API shows them: without what is secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tiphys.core.app.times import parse_rfc3339, rfc3339
from tiphys.model.cluster import Cluster, ClusterConfig
from tiphys.model.names import ANNOTATION_REFRESH, LABEL_SECRET_TYPE
from tiphys.model.resource import Manifest

_FNV_OFFSET = 2166136261
_FNV_PRIME = 16777619
_MANAGED_BY = {"managed-by": "argocd.argoproj.io"}
KEYS = (
    "server",
    "name",
    "namespaces",
    "shard",
    "cluster_resources",
    "labels",
    "annotations",
    "config",
    "project",
)
"""What two clusters are compared by."""


def secret_name(server: str) -> str:
    """`cluster-<host>-<hash of the server as it was given>`, the contract's name."""
    host = (urlsplit(server).hostname or "").lower().replace(":", "-")
    return f"cluster-{host}-{fnv32a(server.encode())}"


def fnv32a(data: bytes) -> int:
    """FNV-1a of 32 bits."""
    found = _FNV_OFFSET
    for byte in data:
        found = ((found ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return found


def cluster_secret(cluster: Cluster, namespace: str) -> Manifest:
    """The Secret that says all of a cluster; `secret` is its name, where it has one already."""
    texts = {
        "server": cluster.server.rstrip("/"),
        "name": cluster.name or cluster.server,
        "config": json.dumps(config_json(cluster.config), separators=(",", ":")),
    }
    if cluster.namespaces:
        texts["namespaces"] = ",".join(cluster.namespaces)
    if cluster.cluster_resources:
        texts["clusterResources"] = "true"
    if cluster.shard is not None:
        texts["shard"] = str(cluster.shard)
    if cluster.project:
        texts["project"] = cluster.project
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": cluster.secret or secret_name(cluster.server),
            "namespace": namespace,
            "labels": {**cluster.labels, LABEL_SECRET_TYPE: "cluster"},
            "annotations": {**cluster.annotations, **_MANAGED_BY},
        },
        "type": "Opaque",
        "data": {key: _base64(text.encode()) for key, text in texts.items()},
    }


def config_json(config: ClusterConfig) -> dict[str, Any]:
    """The Secret's `config`, with everything in it."""
    tls: dict[str, Any] = {"insecure": config.insecure}
    tls |= _given(
        serverName=config.server_name,
        certData=_base64(config.cert_data),
        keyData=_base64(config.key_data),
        caData=_base64(config.ca_data),
    )
    found: dict[str, Any] = {
        **_given(
            username=config.username, password=config.password, bearerToken=config.bearer_token
        ),
        "tlsClientConfig": tls,
        **_aws(config),
    }
    program = config.exec_provider
    if program is not None:
        found["execProviderConfig"] = {
            "command": program.command,
            **_given(
                args=list(program.args),
                env=dict(program.env),
                apiVersion=program.api_version,
                installHint=program.install_hint,
            ),
        }
    return found | _given(disableCompression=config.disable_compression, proxyUrl=config.proxy_url)


def kubeconfig(cluster: Cluster) -> dict[str, Any]:
    """The same in the words of kubectl, with everything in it."""
    config = cluster.config
    place = _given(
        server=cluster.server,
        **{
            "insecure-skip-tls-verify": config.insecure,
            "tls-server-name": config.server_name,
            "certificate-authority-data": _base64(config.ca_data),
            "disable-compression": config.disable_compression,
            "proxy-url": config.proxy_url,
        },
    )
    user = _given(
        token=config.bearer_token,
        username=config.username,
        password=config.password,
        **{
            "client-certificate-data": _base64(config.cert_data),
            "client-key-data": _base64(config.key_data),
        },
    )
    program = config.exec_provider
    if program is not None:
        user["exec"] = {
            "apiVersion": program.api_version,
            "command": program.command,
            "interactiveMode": "Never",
            **_given(
                args=list(program.args),
                env=[{"name": name, "value": text} for name, text in program.env.items()],
                installHint=program.install_hint,
            ),
        }
    name = cluster.name or cluster.server
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": place}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def shown(cluster: Cluster, info: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A cluster as the API answers it; `info` is what is known of its connection."""
    config = cluster.config
    tls = {"insecure": config.insecure, **_given(serverName=config.server_name)}
    proxy = _without_password(config.proxy_url)
    found: dict[str, Any] = {
        **_given(annotations=dict(cluster.annotations), clusterResources=cluster.cluster_resources),
        "config": {
            **_aws(config),
            **_given(disableCompression=config.disable_compression, proxyUrl=proxy),
            "tlsClientConfig": tls,
        },
    }
    if info is not None:
        found["connectionState"] = info["connectionState"]
        found["info"] = dict(info)
    found |= _given(labels=dict(cluster.labels))
    found["name"] = cluster.name
    found |= _given(namespaces=list(cluster.namespaces), project=cluster.project)
    refresh = parse_rfc3339(cluster.annotations.get(ANNOTATION_REFRESH))
    if refresh is not None:
        found["refreshRequestedAt"] = rfc3339(refresh)
    found["server"] = cluster.server
    if info is not None:
        found |= _given(serverVersion=info.get("serverVersion") or "")
    if cluster.shard is not None:
        found["shard"] = cluster.shard
    return found


def differing(one: Cluster, other: Cluster) -> list[str]:
    """The names of what two clusters do not have in common."""
    return [key for key in KEYS if getattr(one, key) != getattr(other, key)]


def _aws(config: ClusterConfig) -> dict[str, Any]:
    aws = config.aws
    if aws is None:
        return {}
    named = _given(clusterName=aws.cluster_name, roleARN=aws.role_arn, profile=aws.profile)
    return {"awsAuthConfig": named}


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _given(**values: Any) -> dict[str, Any]:
    """Without what is empty."""
    return {key: value for key, value in values.items() if value}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
