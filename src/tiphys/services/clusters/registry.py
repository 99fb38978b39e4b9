"""All clusters that applications go to: known from Secrets, connected when they are used.

Implements the Clusters of this package, and is the sink of the cluster Secrets' watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import structlog

from tiphys.core.manifest.tracking import Tracking
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import (
    BrokenCluster,
    ClusterTable,
    is_cluster_secret,
    normal_server,
    read_cluster,
)
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster, ConnectionStatus
from tiphys.model.errors import KubeError
from tiphys.model.live import LiveChange, ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.metrics import ClusterFigures
from tiphys.model.names import ANNOTATION_REFRESH, IN_CLUSTER_NAME, IN_CLUSTER_SERVER
from tiphys.model.resource import ApiResource, GroupKind, Manifest
from tiphys.services.clusters.holders import Holders
from tiphys.services.clusters.member import PATIENCE, Member, Wait
from tiphys.services.clusters.ports import ClusterView, Connect
from tiphys.services.live.index import ClusterIndex, Extent
from tiphys.services.live.intake import Judge
from tiphys.services.live.judging import HealthScripts
from tiphys.services.live.quiet import UpdateHashes
from tiphys.services.live.scope import Scope
from tiphys.services.metrics.ports import Metrics, NoMetrics

log = structlog.get_logger()

_LINGER = 60.0
"""Seconds for which a cluster stays connected that no application uses any more."""

_AT_HOME = 3.0
"""So much more patience there is with the own cluster: while its API server is away nothing can be
written anyway, and all that would come of haste is two more writes for each application.
"""


class ClusterRegistry:
    """`settings` are the present ones."""

    def __init__(
        self,
        connect: Connect,
        *,
        judge: Judge,
        scripts: HealthScripts | None = None,
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
        wait: Wait = asyncio.sleep,
        linger: float = _LINGER,
        patience: float = PATIENCE,
        metrics: Metrics | None = None,
        updates: UpdateHashes | None = None,
    ) -> None:
        self._updates = updates
        self._metrics = metrics or NoMetrics()
        self._connect = connect
        self._judge = judge
        self._scripts = scripts
        self._settings = settings
        self._now = now
        self._wait = wait
        self._linger = linger
        self._patience = patience
        self._secrets: dict[str, Cluster | BrokenCluster] = {}
        self._table = ClusterTable.of((), in_cluster=settings().in_cluster)
        self._members: dict[str, Member] = {}
        self._holders = Holders()
        self._seen = settings()
        self._listeners: list[Callable[[Cluster], None]] = []
        self._followers: list[Callable[[ClusterView, Sequence[LiveChange]], None]] = []
        self._kind_followers: list[Callable[[ClusterView, frozenset[GroupKind]], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.listed = False

    # -- Clusters -----------------------------------------------------------------------------

    def resolve(self, destination: ApplicationDestination) -> Cluster:
        return self._table.resolve(destination)

    def known(self) -> tuple[Cluster, ...]:
        """All that can be used."""
        return self._table.clusters

    def view(self, cluster: Cluster) -> ClusterView:
        member = self._members.get(cluster.server)
        if member is None:
            known = self._table.by_server.get(cluster.server)
            member = self._begin(known if isinstance(known, Cluster) else cluster)
        return member.view

    def watched(self, server: str) -> tuple[ClusterView, Extent] | None:
        """What is known of a cluster, None where nobody uses it: it is not connected for this."""
        member = self._members.get(server)
        return None if member is None else (member.view, member.index.extent())

    def users_of(self, server: str) -> int:
        """How many applications go to a cluster."""
        known = self._table.by_server.get(server)
        return len(self.users(known)) if isinstance(known, Cluster) else 0

    async def ready(self, cluster: Cluster) -> None:
        self.view(cluster)
        await self._members[cluster.server].settled()

    def hold(self, user: str, destination: ApplicationDestination | None) -> None:
        before = self._holders.hold(user, destination)
        if before is not None and before != destination:
            self._left(before)

    def users(self, cluster: Cluster) -> Sequence[str]:
        return self._holders.of(cluster.server, self._names(cluster))

    def _names(self, cluster: Cluster) -> set[str]:
        """The own cluster may have two."""
        own = {IN_CLUSTER_NAME} if cluster.server == IN_CLUSTER_SERVER else set()
        return {cluster.name} | own

    def subscribe(self, listener: Callable[[Cluster], None]) -> None:
        self._listeners.append(listener)

    def follow(self, listener: Callable[[ClusterView, Sequence[LiveChange]], None]) -> None:
        self._followers.append(listener)

    def follow_kinds(self, listener: Callable[[ClusterView, frozenset[GroupKind]], None]) -> None:
        self._kind_followers.append(listener)

    def figures(self) -> list[ClusterFigures]:
        """All clusters as they are counted; of one that nobody uses little is known."""
        return [
            _figures(cluster, self._members.get(server))
            for server, cluster in sorted(self._table.by_server.items())
            if isinstance(cluster, Cluster)
        ]

    # -- the sink of cluster Secrets ----------------------------------------------------------

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        self._secrets = {}
        for manifest in objects.items:
            self._read(manifest)
        self.listed = True
        self._rebuild()

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        if event.verb is WatchVerb.DELETED:
            self._secrets.pop(event.manifest["metadata"]["name"], None)
        else:
            self._read(event.manifest)
        self._rebuild()

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """What is known stays good until the watch is back."""

    def settings_changed(self) -> None:
        """Other kinds are left out, or the cluster that Tiphys runs in; other rules hold."""
        before, self._seen = self._seen, self._settings()
        relabelled = before.custom_labels != self._seen.custom_labels
        if relabelled or Tracking.of(before) != Tracking.of(self._seen):
            self._begin_again()
        for member in self._members.values():
            member.index.exclude(self._excluded(member.view.server))
            if before.overrides.health != self._seen.overrides.health:
                member.index.judge_again(_judged_otherwise(before, self._seen))
        self._rebuild()

    def _begin_again(self) -> None:
        """What is kept of an object was read from every one there is: all are read anew."""
        for member in [*self._members.values()]:
            self._end(member.view.server)
            self._tell(member.view.cluster)

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        members = [*self._members.values()]
        self._members.clear()
        await asyncio.gather(*(member.close() for member in members), *self._tasks)

    def _read(self, manifest: Manifest) -> None:
        name = manifest["metadata"]["name"]
        self._secrets.pop(name, None)
        if not is_cluster_secret(manifest):
            return
        found = self._usable(read_cluster(manifest))
        if isinstance(found, BrokenCluster):
            log.error("cluster Secret cannot be used", secret=name, error=found.problem)
        self._secrets[name] = found

    def _usable(self, found: Cluster | BrokenCluster) -> Cluster | BrokenCluster:
        if isinstance(found, Cluster):
            try:
                self._connect(found)
            except KubeError as error:
                return BrokenCluster(found.secret, found.server, found.name, str(error))
        return found

    def _rebuild(self) -> None:
        before = self._table
        self._table = ClusterTable.of(
            self._secrets.values(), in_cluster=self._settings().in_cluster
        )
        for server in {*before.by_server, *self._table.by_server}:
            old, new = before.by_server.get(server), self._table.by_server.get(server)
            if old != new:
                self._exchange(server, old, new)

    def _exchange(
        self,
        server: str,
        old: Cluster | BrokenCluster | None,
        new: Cluster | BrokenCluster | None,
    ) -> None:
        member = self._members.get(server)
        if member is not None:
            if isinstance(new, Cluster) and _same_connection(member.view.cluster, new):
                member.rename(new)
            else:
                self._end(server)
        for one in (old, new):
            if isinstance(one, Cluster):
                self._tell(one)
            elif one is not None:
                self._tell(Cluster(server=one.server, name=one.name, secret=one.secret))

    # -- members ------------------------------------------------------------------------------

    def _begin(self, cluster: Cluster) -> Member:
        connection = self._connect(cluster)
        index = ClusterIndex(
            connection.reader,
            connection.discovery,
            judge=self._judge,
            scripts=self._scripts,
            tracking=Tracking.of(self._settings()),
            excluded=self._excluded(cluster.server),
            heard=lambda kind: self._metrics.heard(cluster.server, kind.group, kind.kind),
            handled=lambda count, took: self._metrics.handled(cluster.server, count, took),
            scope=Scope(
                namespaces=cluster.namespaces,
                cluster_resources=cluster.cluster_resources,
                rbac=lambda: self._settings().respect_rbac,
                may_list=connection.may_list,
            ),
            updates=self._updates,
            labels=lambda: self._settings().custom_labels,
        )
        member = Member(
            cluster,
            connection,
            index,
            told=lambda one: self._tell(one.view.cluster),
            now=self._now,
            wait=self._wait,
            patience=self._patience * (_AT_HOME if cluster.server == IN_CLUSTER_SERVER else 1.0),
        )
        index.subscribe(lambda changes: self._changed(member, changes))
        index.subscribe_kinds(lambda kinds: self._kinds_changed(member, kinds))
        self._members[cluster.server] = member
        member.start()
        return member

    def _excluded(self, server: str) -> Callable[[GroupKind], bool]:
        return lambda kind: self._settings().resources.excludes(kind, server)

    def _changed(self, member: Member, changes: Sequence[LiveChange]) -> None:
        for follower in self._followers:
            follower(member.view, changes)

    def _kinds_changed(self, member: Member, kinds: frozenset[GroupKind]) -> None:
        for follower in self._kind_followers:
            follower(member.view, kinds)

    def _tell(self, cluster: Cluster) -> None:
        for listener in self._listeners:
            listener(cluster)

    def _left(self, destination: ApplicationDestination) -> None:
        servers = {normal_server(destination.server)} if destination.server else set()
        servers.update(self._table.by_name.get(destination.name, ()))
        for server in servers & self._members.keys():
            if server not in self._timers and not self._is_used(server):
                loop = asyncio.get_running_loop()
                self._timers[server] = loop.call_later(self._linger, self._lingered, server)

    def _lingered(self, server: str) -> None:
        del self._timers[server]
        if server in self._members and not self._is_used(server):
            self._end(server)

    def _is_used(self, server: str) -> bool:
        cluster = self._members[server].view.cluster
        return self._holders.any(server, self._names(cluster))

    def _end(self, server: str) -> None:
        member = self._members.pop(server)
        log.info("cluster is closed", cluster=member.view.cluster.name, server=server)
        self._spawn(member.close())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _judged_otherwise(before: Settings, after: Settings) -> Callable[[GroupKind], bool]:
    old, new = before.overrides, after.overrides
    return lambda kind: old.health_script(kind) != new.health_script(kind)


def _figures(cluster: Cluster, member: Member | None) -> ClusterFigures:
    extent = member.index.extent() if member is not None else Extent(0, 0, None)
    connected = member is not None and member.state.status is ConnectionStatus.SUCCESSFUL
    return ClusterFigures(
        server=cluster.server,
        name=cluster.name,
        version=member.view.discovery.server_version if member is not None else "",
        connected=connected,
        kinds=extent.kinds,
        objects=extent.objects,
        age=extent.age,
        labels=tuple(sorted(cluster.labels.items())),
    )


def _same_connection(one: Cluster, other: Cluster) -> bool:
    return (
        one.config == other.config
        and one.namespaces == other.namespaces
        and one.cluster_resources == other.cluster_resources
        # Somebody asked that all that is known of it is read anew.
        and one.annotations.get(ANNOTATION_REFRESH) == other.annotations.get(ANNOTATION_REFRESH)
    )
