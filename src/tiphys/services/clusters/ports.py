"""Clusters as everything that reconciles sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster, ConnectionState
from tiphys.model.live import LiveChange
from tiphys.model.resource import ApiResource, GroupKind
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter, LiveIndex
from tiphys.services.pods.ports import Pods


@dataclass(frozen=True, slots=True, eq=False)
class ClusterView:
    """One cluster, as long as its credentials stay the same. Compared by identity.

    `connection` tells how it fares now. Of one that cannot be reached, discovery and index know
    nothing, or what was last seen: no list is complete.
    `acting_as` gives reader and writer that act for another account (`system:serviceaccount:a:b`).
    `answering` is for a call that got no answer: it returns when the cluster answers, which may
    take until it is back, and raises ConnectionEndedError when this view has ended.
    """

    cluster: Cluster
    reader: KubeReader
    writer: KubeWriter
    discovery: Discovery
    index: LiveIndex
    connection: Callable[[], ConnectionState]
    acting_as: Callable[[str], tuple[KubeReader, KubeWriter]]
    answering: Callable[[], Awaitable[None]]

    @property
    def server(self) -> str:
        return self.cluster.server


class Clusters(Protocol):
    """Finds clusters; each is connected and watched from its first use on.

    None of the calls waits for a cluster but `ready`.
    """

    def resolve(self, destination: ApplicationDestination) -> Cluster:
        """Raises DestinationError with the contract's text."""
        ...

    def view(self, cluster: Cluster) -> ClusterView:
        """At once, connected or not: what is not known yet is told to who subscribed."""
        ...

    async def ready(self, cluster: Cluster) -> None:
        """Until the first lists are in, or the connection has failed."""
        ...

    def hold(self, user: str, destination: ApplicationDestination | None) -> None:
        """Says where an application goes; None when it is gone. A cluster that nobody holds any
        more is closed after a while.
        """
        ...

    def users(self, cluster: Cluster) -> Sequence[str]:
        """Who holds a destination that means this cluster."""
        ...

    def subscribe(self, listener: Callable[[Cluster], None]) -> None:
        """Calls when a cluster came, went, changed, or its connection did."""
        ...

    def follow(self, listener: Callable[[ClusterView, Sequence[LiveChange]], None]) -> None:
        """Calls with the changes of live objects, of whatever cluster."""
        ...

    def follow_kinds(self, listener: Callable[[ClusterView, frozenset[GroupKind]], None]) -> None:
        """Calls with the kinds of a cluster that came, went, or changed in version or schema."""
        ...


class Connection(Protocol):
    """A way to one API server. Nothing is opened before the first call; all raise KubeError."""

    @property
    def reader(self) -> KubeReader: ...

    @property
    def writer(self) -> KubeWriter: ...

    @property
    def discovery(self) -> Discovery: ...

    def acting_as(self, account: str) -> tuple[KubeReader, KubeWriter]: ...

    def pods(self, account: str = "") -> Pods:
        """Logs and commands, for another account where one is named."""
        ...

    async def probe(self) -> None:
        """Asks for the version, once and with little patience."""
        ...

    async def count(self, resource: ApiResource) -> int:
        """How many objects of a kind there are, without listing them."""
        ...

    def on_slow(self, listener: Callable[[], None]) -> None:
        """Calls when a call waits so long that the server may be away."""
        ...

    async def suspend(self, problem: str) -> None:
        """All calls but `probe` fail at once, those under way too, until `resume`."""
        ...

    def resume(self) -> None: ...

    async def may_list(self, resource: ApiResource, namespace: str) -> bool:
        """A SelfSubjectAccessReview; an empty namespace stands for all."""
        ...

    async def close(self) -> None: ...


Connect = Callable[[Cluster], Connection]
"""Opens nothing yet. Raises KubeError for what a cluster Secret asks for and cannot be done."""
