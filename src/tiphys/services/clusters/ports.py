"""Clusters as everything that reconciles sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster, ConnectionState
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter, LiveIndex


@dataclass(frozen=True, slots=True, eq=False)
class ClusterView:
    """One cluster, as long as its credentials stay the same. Compared by identity.

    `connection` tells how it fares now. Of one that cannot be reached, discovery and index know
    nothing: no kind is known, no list is complete.
    `acting_as` gives reader and writer that act for another account (`system:serviceaccount:a:b`).
    """

    cluster: Cluster
    reader: KubeReader
    writer: KubeWriter
    discovery: Discovery
    index: LiveIndex
    connection: Callable[[], ConnectionState]
    acting_as: Callable[[str], tuple[KubeReader, KubeWriter]]

    @property
    def server(self) -> str:
        return self.cluster.server


class Clusters(Protocol):
    """Finds clusters; each is connected and watched from its first use on."""

    def resolve(self, destination: ApplicationDestination) -> Cluster:
        """Raises DestinationError with the contract's text."""
        ...

    def view(self, cluster: Cluster) -> ClusterView:
        """At once, connected or not: what is not known yet is waited for by `ready`."""
        ...

    async def ready(self, cluster: Cluster) -> None:
        """Until the first lists are in, or the connection has failed."""
        ...

    def subscribe(self, listener: Callable[[Cluster], None]) -> None:
        """Calls when a cluster came, went, changed, or its connection did."""
        ...
