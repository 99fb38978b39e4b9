"""The clusters that applications' objects are on: found by their Secrets, connected when asked.

The cluster that the applications themselves live in is reached the way they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tiphys.core.settings.clusters import ClusterTable, read_cluster
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ForbiddenError, KubeError
from tiphys.model.names import IN_CLUSTER_NAME, IN_CLUSTER_SERVER, LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.applications.settings import SettingsReader
from tiphys.services.clusters.ports import Connect, Connection
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter
from tiphys.services.pods.ports import Pods

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)


_HOME = frozenset({(IN_CLUSTER_SERVER, ""), ("", IN_CLUSTER_NAME)})


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """One cluster, connected."""

    cluster: Cluster
    reader: KubeReader
    writer: KubeWriter
    discovery: Discovery

    @property
    def server(self) -> str:
        return self.cluster.server


class Destinations:
    """`home` reaches the cluster of the applications; `connect` all others. `table` are the
    clusters where they are followed; else they are read once.
    """

    def __init__(
        self,
        home: Callable[[Cluster], Reached],
        settings: SettingsReader,
        reader: KubeReader,
        connect: Connect | None,
        table: Callable[[], ClusterTable] | None = None,
    ) -> None:
        self._home = home
        self._settings = settings
        self._reader = reader
        self._connect = connect
        self._followed = table
        self._table: ClusterTable | None = None
        self._open: dict[str, tuple[Cluster, Connection]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def resolve(self, destination: ApplicationDestination) -> Cluster:
        """Raises DestinationError with the contract's text."""
        return (await self._known()).resolve(destination)

    async def clusters(self) -> Sequence[Cluster]:
        return (await self._known()).clusters

    async def reach(self, destination: ApplicationDestination) -> Reached:
        """Raises DestinationError and KubeError."""
        # Either of its own names, and no Secret has to be read.
        if (destination.server, destination.name) in _HOME:
            return self._home(Cluster(server=IN_CLUSTER_SERVER, name=""))
        cluster = await self.resolve(destination)
        if cluster.server == IN_CLUSTER_SERVER:
            return self._home(cluster)
        found = self._connected(cluster)
        return Reached(cluster, found.reader, found.writer, found.discovery)

    def acting_as(self, reached: Reached, account: str) -> Reached:
        """The same cluster, with the rights of a service account in place of ours."""
        connection = self._connected(reached.cluster)
        reader, writer = connection.acting_as(account)
        return replace(reached, reader=reader, writer=writer)

    def pods(self, reached: Reached, account: str = "") -> Pods:
        """Logs of its Pods, and commands in them; for another account where one is named."""
        return self._connected(reached.cluster).pods(account)

    async def close(self) -> None:
        for _, connection in self._open.values():
            await connection.close()

    def _connected(self, cluster: Cluster) -> Connection:
        known, connection = self._open.get(cluster.server) or (None, None)
        if connection is not None and known == cluster:
            return connection
        if self._connect is None:
            raise KubeError(f'cluster "{cluster.server}" cannot be reached from here')
        if connection is not None:
            # Its credentials are others now.
            closing = asyncio.create_task(connection.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        opened = self._connect(cluster)
        self._open[cluster.server] = (cluster, opened)
        return opened

    async def _known(self) -> ClusterTable:
        if self._followed is not None:
            return self._followed()
        if self._table is None:
            secrets = [read_cluster(secret) for secret in await self._secrets()]
            in_cluster = (await self._settings.present()).in_cluster
            self._table = ClusterTable.of(secrets, in_cluster=in_cluster)
        return self._table

    async def _secrets(self) -> Sequence[Manifest]:
        """Whoever may not read Secrets knows the cluster that Tiphys runs in, and no other."""
        selector = f"{LABEL_SECRET_TYPE}=cluster"
        try:
            found = await self._reader.list(
                _SECRETS, namespace=self._settings.namespace, label_selector=selector
            )
        except ForbiddenError:
            return ()
        return found.items
