"""The calls on clusters: their Secrets in the control plane's namespace, and how they answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tiphys.core.app.times import rfc3339
from tiphys.core.settings.clusters import (
    BrokenCluster,
    ClusterTable,
    normal_server,
    read_cluster,
)
from tiphys.core.settings.clustersecret import cluster_secret, differing, shown
from tiphys.model.application import Application
from tiphys.model.cluster import Cluster
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    DestinationError,
    KubeError,
    ManifestDecodeError,
    ObjectExistsError,
)
from tiphys.model.names import API_GROUP, IN_CLUSTER_SERVER, LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource
from tiphys.services.clusters.accounts import ManagerAccount, Say
from tiphys.services.clusters.ports import Connect, Connection
from tiphys.services.live.kinds import excluded_always
from tiphys.services.live.ports import KubeReader, KubeWriter

MANAGER = "argocd"
_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
_APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, _VERBS)
_PODS = ApiResource("", "v1", "Pod", "pods", True, _VERBS)
_CONTROLLER = "app.kubernetes.io/name=argocd-application-controller"
_AT_ONCE = 10
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ClusterAnswer:
    """A cluster with what it answered just now, and the applications that go there.

    `answered` is how another server showed it, where one was asked.
    """

    cluster: Cluster
    version: str
    status: str
    message: str
    attempted_at: str
    api_versions: tuple[str, ...]
    applications: int
    answered: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the API shows it, without what is secret."""
        if self.answered is not None:
            return dict(self.answered)
        state = {
            "attemptedAt": self.attempted_at or None,
            "message": self.message,
            "status": self.status,
        }
        info: dict[str, Any] = {"apiVersions": list(self.api_versions)} if self.api_versions else {}
        info |= {
            "applicationsCount": self.applications,
            "cacheInfo": {},
            "connectionState": state,
        }
        if self.version:
            info["serverVersion"] = self.version
        return shown(self.cluster, info)


@dataclass(frozen=True, slots=True)
class ClusterUse:
    """What applications make of a cluster. `uid` is its Secret's, empty where it has none."""

    cluster: Cluster
    uid: str
    applications: int
    namespaces: tuple[str, ...]


class ClusterCatalogue:
    """`in_cluster` says whether the cluster of the control plane is a destination.

    All methods raise ApiError and KubeError.
    """

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        connect: Connect,
        *,
        namespace: str,
        in_cluster: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._connect = connect
        self._namespace = namespace
        self._in_cluster = in_cluster
        self._now = now

    async def clusters(self) -> Sequence[Cluster]:
        """By name of their Secrets; the one of the control plane without a Secret last."""
        table = await self._table()
        return sorted(table.clusters, key=lambda one: (not one.secret, one.secret))

    async def list(self) -> Sequence[ClusterAnswer]:
        found = await self.clusters()
        counts = await self._applications()
        gate = asyncio.Semaphore(_AT_ONCE)

        async def ask(cluster: Cluster) -> ClusterAnswer:
            async with gate:
                return await self._ask(cluster, counts[cluster.server])

        return await asyncio.gather(*(ask(cluster) for cluster in found))

    async def uses(self) -> Sequence[ClusterUse]:
        """In the order of `clusters`."""
        table = await self._table()
        counts: Counter[str] = Counter()
        namespaces: dict[str, set[str]] = {}
        for app in await self._listed():
            try:
                server = table.resolve(app.spec.destination).server
                named = {one.namespace for one in app.status.resources}
                named.add(app.spec.destination.namespace)
            except (DestinationError, ManifestDecodeError):
                continue
            counts[server] += 1
            namespaces.setdefault(server, set()).update(named - {""})
        secrets = await self._reader.list(
            _SECRETS, namespace=self._namespace, label_selector=f"{LABEL_SECRET_TYPE}=cluster"
        )
        uids = {one["metadata"]["name"]: one["metadata"]["uid"] for one in secrets.items}
        return [
            ClusterUse(
                one,
                uids.get(one.secret, ""),
                counts[one.server],
                tuple(sorted(namespaces.get(one.server, ()))),
            )
            for one in await self.clusters()
        ]

    async def count(self, cluster: Cluster) -> tuple[str, int]:
        """How the connection is, and how many objects there are of what is watched."""
        connection = self._connect(cluster)
        try:
            await connection.probe()
            await connection.discovery.refresh()
            kinds = [
                one
                for one in connection.discovery.preferred()
                if {"list", "watch"} <= one.verbs and not excluded_always(one.group_kind)
            ]
            return "Successful", sum([await connection.count(kind) for kind in kinds])
        except KubeError:
            return "Failed", 0
        finally:
            await connection.close()

    async def replicas(self) -> int:
        """How many controllers run."""
        found = await self._reader.list(
            _PODS, namespace=self._namespace, label_selector=_CONTROLLER
        )
        return len(found.items)

    async def store(self, cluster: Cluster) -> None:
        """Writes a cluster's Secret, whole."""
        await self._store(cluster)

    async def find(self, selector: str) -> Sequence[Cluster]:
        """By server where it is a URL, else by name. Raises ApiError where there is none."""
        table = await self._table()
        if selector.startswith(("http://", "https://")):
            found = [one for one in table.clusters if one.server == normal_server(selector)]
        else:
            found = [one for one in table.clusters if one.name == selector]
        if not found:
            raise ApiError(ApiCode.PERMISSION_DENIED, "permission denied")
        return found

    async def get(self, selector: str) -> ClusterAnswer:
        cluster = (await self.find(selector))[0]
        return await self._ask(cluster, (await self._applications())[cluster.server])

    async def create(
        self,
        cluster: Cluster,
        *,
        upsert: bool,
        exists: Callable[[Cluster | BrokenCluster], None] = lambda _before: None,
    ) -> Cluster:
        """Answers the stored cluster, which may have been there before; `exists` is called with it
        where it is about to be changed.
        """
        table = await self._table()
        if cluster.server == IN_CLUSTER_SERVER and not table.in_cluster:
            text = "cannot register cluster: in-cluster has been disabled"
            raise ApiError(ApiCode.INVALID_ARGUMENT, text)
        await self._require_answer(cluster)
        before = table.by_server.get(normal_server(cluster.server))
        if before is None or not before.secret:
            try:
                secret = cluster_secret(cluster, self._namespace)
                await self._writer.create(_SECRETS, secret, manager=MANAGER)
                return cluster
            except ObjectExistsError:
                raise ApiError(
                    ApiCode.ALREADY_EXISTS, f'cluster "{cluster.server}" already exists'
                ) from None
        keys = differing(before, cluster) if isinstance(before, Cluster) else ["config"]
        if not keys:
            return cluster
        if not upsert:
            named = ",".join(keys)
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                "existing cluster spec is different; use upsert flag to force update; "
                f'difference in keys "{named}"',
            )
        exists(before)
        return await self._store(replace(cluster, secret=before.secret))

    async def change(self, selector: str, change: Callable[[Cluster], Cluster]) -> Cluster:
        """Applies a change to the one cluster that is meant; to the latest state of it."""
        for attempt in range(_ATTEMPTS):
            changed = change((await self.find(selector))[0])
            if attempt == 0:
                await self._require_answer(changed)
            try:
                return await self._store(changed)
            except ConflictError:
                continue
        raise ConflictError(f"cluster {selector} changes all the time", status=409)

    async def touch(self, selector: str, annotation: str, value: str) -> Cluster:
        """Sets an annotation; the cluster itself is not asked."""
        (found, *_) = await self.find(selector)
        return await self._store(
            replace(found, annotations={**found.annotations, annotation: value})
        )

    async def delete(self, selector: str) -> Sequence[Cluster]:
        """Of a name all that have it; answers them."""
        found = await self.find(selector)
        for cluster in found:
            if not cluster.secret:
                continue
            secret = await self._reader.get(_SECRETS, self._namespace, cluster.secret)
            await self._writer.delete(
                _SECRETS, self._namespace, cluster.secret, uid=secret["metadata"]["uid"]
            )
        return found

    async def rotate(self, selector: str, say: Say) -> None:
        """A new token in the place of the old one, which ends when the new one has worked."""
        for cluster in await self.find(selector):
            config = cluster.config
            if not config.bearer_token:
                raise ApiError(
                    ApiCode.INVALID_ARGUMENT,
                    f"Cluster '{cluster.server}' does not use bearer token authentication",
                )
            connection = self._connect(cluster)
            try:
                account = ManagerAccount(connection.reader, connection.writer, say)
                token, end = await account.renewed(config.bearer_token)
                fresh = replace(config, bearer_token=token, cert_data=b"", key_data=b"")
                changed = replace(cluster, config=fresh)
                await self._require_answer(changed)
                await self._store(changed)
                await end()
            finally:
                await connection.close()

    # -- how they answer ----------------------------------------------------------------------

    async def _require_answer(self, cluster: Cluster) -> None:
        connection = self._connect(cluster)
        try:
            await connection.probe()
        except KubeError as error:
            raise ApiError(ApiCode.UNKNOWN, f"error getting server version: {error}") from None
        finally:
            await connection.close()

    async def _ask(self, cluster: Cluster, applications: int) -> ClusterAnswer:
        at = rfc3339(self._now())
        connection: Connection | None = None
        try:
            connection = self._connect(cluster)
            await connection.probe()
            discovery = connection.discovery
            await discovery.refresh()
            return ClusterAnswer(
                cluster,
                discovery.server_version,
                "Successful",
                "",
                at,
                tuple(discovery.versions()),
                applications,
            )
        except KubeError as error:
            return ClusterAnswer(cluster, "", "Failed", str(error), at, (), applications)
        finally:
            if connection is not None:
                await connection.close()

    async def _applications(self) -> Counter[str]:
        """How many applications of the control plane's namespace go to each server."""
        return Counter({one.cluster.server: one.applications for one in await self.uses()})

    async def _listed(self) -> Sequence[Application]:
        listed = await self._reader.list(_APPLICATIONS, namespace=self._namespace)
        return [Application(item) for item in listed.items]

    # -- their Secrets ------------------------------------------------------------------------

    async def _table(self) -> ClusterTable:
        listed = await self._reader.list(
            _SECRETS, namespace=self._namespace, label_selector=f"{LABEL_SECRET_TYPE}=cluster"
        )
        secrets = [read_cluster(secret) for secret in listed.items]
        return ClusterTable.of(secrets, in_cluster=await self._in_cluster())

    async def _store(self, cluster: Cluster) -> Cluster:
        """Data, labels and annotations are written whole."""
        wanted = cluster_secret(cluster, self._namespace)
        if not cluster.secret:
            await self._writer.create(_SECRETS, wanted, manager=MANAGER)
            return cluster
        live: Mapping[str, Any] = await self._reader.get(_SECRETS, self._namespace, cluster.secret)
        metadata = {
            **live["metadata"],
            "labels": wanted["metadata"]["labels"],
            "annotations": wanted["metadata"]["annotations"],
        }
        body = {**live, "metadata": metadata, "data": wanted["data"]}
        await self._writer.replace(_SECRETS, body, manager=MANAGER)
        return cluster
