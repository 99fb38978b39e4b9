"""Clusters of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tiphys.core.settings.clustersecret import KEYS, config_json, differing
from tiphys.model.cluster import AwsAuth, Cluster, ClusterConfig
from tiphys.services.clusters.catalogue import ClusterAnswer
from tiphys.services.remote.ports import Remote

_SERVICE = "cluster.ClusterService"
_FIELDS = {"cluster_resources": "clusterResources"}


class RemoteClusters:
    """All methods raise ApiError. What is secret comes back from no server."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def clusters(self) -> Sequence[Cluster]:
        return [answer.cluster for answer in await self.list()]

    async def list(self) -> Sequence[ClusterAnswer]:
        found = await self._call("List")
        return [_answer(item) for item in found.get("items") or ()]

    async def find(self, selector: str) -> Sequence[Cluster]:
        """The one that the server means by it."""
        return [(await self.get(selector)).cluster]

    async def get(self, selector: str) -> ClusterAnswer:
        return _answer(await self._call("Get", **_query(selector)))

    async def create(self, cluster: Cluster, *, upsert: bool) -> Cluster:
        body = cluster_json(cluster)
        return _cluster(await self._call("Create", cluster=body, upsert=upsert))

    async def change(self, selector: str, change: Callable[[Cluster], Cluster]) -> Cluster:
        """Only the fields that differ are written: the server keeps what it never told."""
        before = (await self.get(selector)).cluster
        after = change(before)
        fields = [_FIELDS.get(name, name) for name in differing(before, after) if name in KEYS]
        query = _query(selector)
        request = {"cluster": cluster_json(after), "updatedFields": fields}
        if "name" in query:
            request["id"] = {"type": "name", "value": selector}
        if not fields:
            return after
        return _cluster(await self._call("Update", **request))

    async def delete(self, selector: str) -> Sequence[Cluster]:
        gone = await self.find(selector)
        await self._call("Delete", **_query(selector))
        return gone

    async def rotate(self, selector: str, say: Callable[[str], None]) -> None:
        del say
        await self._call("RotateAuth", **_query(selector))

    async def _call(self, method: str, **request: Any) -> dict[str, Any]:
        return await self._remote.call(f"{_SERVICE}/{method}", request)


def cluster_json(cluster: Cluster) -> dict[str, Any]:
    """With everything in it, for the server to store."""
    found: dict[str, Any] = {
        "server": cluster.server,
        "name": cluster.name,
        "config": config_json(cluster.config),
        "clusterResources": cluster.cluster_resources,
        "project": cluster.project,
        "labels": dict(cluster.labels),
        "annotations": dict(cluster.annotations),
        "namespaces": list(cluster.namespaces),
    }
    if cluster.shard is not None:
        found["shard"] = cluster.shard
    return {key: value for key, value in found.items() if value or key == "config"}


def _query(selector: str) -> dict[str, Any]:
    key = "server" if selector.startswith(("http://", "https://")) else "name"
    return {key: selector}


def _answer(item: Mapping[str, Any]) -> ClusterAnswer:
    info = item.get("info") or {}
    state = info.get("connectionState") or item.get("connectionState") or {}
    return ClusterAnswer(
        _cluster(item),
        str(info.get("serverVersion") or item.get("serverVersion") or ""),
        str(state.get("status") or ""),
        str(state.get("message") or ""),
        str(state.get("attemptedAt") or ""),
        tuple(info.get("apiVersions") or ()),
        int(info.get("applicationsCount") or 0),
        answered=item,
    )


def _cluster(item: Mapping[str, Any]) -> Cluster:
    shard = item.get("shard")
    return Cluster(
        server=str(item.get("server") or ""),
        name=str(item.get("name") or ""),
        namespaces=tuple(item.get("namespaces") or ()),
        cluster_resources=bool(item.get("clusterResources")),
        shard=None if shard is None else int(shard),
        project=str(item.get("project") or ""),
        labels=dict(item.get("labels") or {}),
        annotations=dict(item.get("annotations") or {}),
        config=_config(item.get("config") or {}),
    )


def _config(found: Mapping[str, Any]) -> ClusterConfig:
    tls, aws = found.get("tlsClientConfig") or {}, found.get("awsAuthConfig")
    return ClusterConfig(
        insecure=bool(tls.get("insecure")),
        server_name=str(tls.get("serverName") or ""),
        aws=aws
        and AwsAuth(
            cluster_name=str(aws.get("clusterName") or ""),
            role_arn=str(aws.get("roleARN") or ""),
            profile=str(aws.get("profile") or ""),
        ),
        disable_compression=bool(found.get("disableCompression")),
        proxy_url=str(found.get("proxyUrl") or ""),
    )
