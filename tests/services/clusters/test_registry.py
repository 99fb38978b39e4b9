"""Clusters as they come, fail, come back and go, on clusters in memory."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes.clusters import FakeConnection
from tests.fakes.kube import CONFIG_MAPS, SECRETS, FakeCluster, api
from tiphys.core.health import judge
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import IN_CLUSTER
from tiphys.core.settings.filters import ResourceFilter, ResourceRule
from tiphys.core.settings.settings import RespectRbac
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster, ConnectionStatus
from tiphys.model.errors import (
    ConnectionEndedError,
    DestinationError,
    ForbiddenError,
    KubeUnreachableError,
)
from tiphys.model.live import ObjectList, WatchEvent, WatchVerb
from tiphys.model.names import IN_CLUSTER_SERVER, LABEL_SECRET_TYPE
from tiphys.model.resource import ResourceKey
from tiphys.services.clusters.reaching import require_answering, unreachable, view_of
from tiphys.services.clusters.registry import ClusterRegistry

FAR = "https://far"
AWAY = KubeUnreachableError("nobody is there")


def secret(server: str = FAR, name: str = "far", **data: Any) -> dict[str, Any]:
    texts = {
        "server": server,
        "name": name,
        **{k: v if isinstance(v, str) else json.dumps(v) for k, v in data.items()},
    }
    return {
        "metadata": {"name": name, "labels": {LABEL_SECRET_TYPE: "cluster"}},
        "data": {k: base64.b64encode(v.encode()).decode() for k, v in texts.items()},
    }


class Clusters:
    """`connections` are those that were made, by server, the newest last."""

    def __init__(self, *, settings: Settings | None = None, linger: float = 60.0) -> None:
        self.settings = settings or Settings()
        self.connections: dict[str, list[FakeConnection]] = {}
        self.clusters: dict[str, FakeCluster] = {}
        self.told: list[tuple[str, str]] = []
        self.time = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
        self.refused = False
        self.registry = ClusterRegistry(
            self.connect,
            judge=judge,
            settings=lambda: self.settings,
            now=lambda: self.time,
            wait=self.wait,
            linger=linger,
            patience=0.4,
        )
        self.registry.subscribe(self.hear)
        self.registry.replaced(SECRETS, ObjectList((), "1"))

    def connect(self, cluster: Cluster) -> FakeConnection:
        if self.refused:
            raise KubeUnreachableError("this cannot be done")
        fake = self.clusters.setdefault(cluster.server, FakeCluster())
        connection = FakeConnection(fake)
        self.connections.setdefault(cluster.server, []).append(connection)
        return connection

    async def wait(self, _seconds: float) -> None:
        await asyncio.sleep(0.02)

    def hear(self, cluster: Cluster) -> None:
        self.told.append((cluster.name, self.state(cluster.server)))

    def state(self, server: str = FAR) -> str:
        try:
            found = self.registry.resolve(ApplicationDestination(server=server))
        except DestinationError:
            return "gone"
        member = self.registry._members.get(found.server)
        return member.state.status.value if member else "idle"

    def add(self, manifest: dict[str, Any]) -> None:
        self.registry.changed(SECRETS, WatchEvent(WatchVerb.MODIFIED, manifest))

    def far(self) -> Cluster:
        return self.registry.resolve(ApplicationDestination(server=FAR))


@asynccontextmanager
async def clusters(**given: Any) -> AsyncIterator[Clusters]:
    made = Clusters(**given)
    try:
        yield made
    finally:
        await made.registry.close()


async def until(holds: Callable[[], object], within: float = 15.0) -> None:
    deadline = asyncio.get_running_loop().time() + within
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


def down(cluster: FakeCluster) -> None:
    cluster.fail = lambda _verb, _key: AWAY
    cluster.cut_watches()


async def test_a_cluster_is_connected_when_it_is_used() -> None:
    async with clusters() as here:
        here.add(secret())
        made = len(here.connections[FAR])
        view = view_of(here.registry, ApplicationDestination(name="far"))
        assert view.connection().status is ConnectionStatus.UNKNOWN
        with pytest.raises(KubeUnreachableError, match="is being connected"):
            require_answering(view)
        await here.registry.ready(here.far())
        assert len(here.connections[FAR]) == made + 1
        assert view.connection().status is ConnectionStatus.SUCCESSFUL
        assert view.connection().since == "2026-11-23T12:00:00Z"
        require_answering(view)
        assert here.registry.view(here.far()) is view
        assert here.told[-1] == ("far", "Successful")


async def test_a_cluster_that_never_answered_says_since_when_and_why() -> None:
    async with clusters() as here:
        down(here.clusters.setdefault(FAR, FakeCluster()))
        here.add(secret())
        await here.registry.ready(here.far())
        view = here.registry.view(here.far())
        assert unreachable(view) == (
            'cluster "far" (https://far) cannot be reached since 2026-11-23T12:00:00Z: '
            "nobody is there"
        )
        assert not view.index.complete([CONFIG_MAPS.group_kind])
        with pytest.raises(KubeUnreachableError, match="cannot be reached"):
            require_answering(view)
        here.clusters[FAR].fail = lambda _verb, _key: None
        await until(lambda: here.state() == "Successful")
        assert unreachable(view) == ""
        assert here.told[-2:] == [("far", "Failed"), ("far", "Successful")]


async def test_a_cluster_that_goes_away_comes_back_by_itself() -> None:
    async with clusters() as here:
        here.add(secret())
        await here.registry.ready(here.far())
        view, connection = here.registry.view(here.far()), here.connections[FAR][-1]
        connection.broken = AWAY
        down(here.clusters[FAR])
        call = asyncio.ensure_future(view.answering())
        await until(lambda: here.state() == "Failed")
        assert connection.suspended == "nobody is there"
        assert not call.done()
        first = view.connection()
        connection.broken = KubeUnreachableError("still not")
        await asyncio.sleep(0.1)
        assert view.connection() == first
        connection.broken = None
        here.clusters[FAR].fail = lambda _verb, _key: None
        here.clusters[FAR].seed(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "x"}}
        )
        await until(lambda: here.state() == "Successful")
        # What happened meanwhile is known before anyone is told.
        assert view.index.get(ResourceKey("", "ConfigMap", "x", "a")) is not None
        await asyncio.wait_for(call, 5)
        assert connection.suspended == ""


async def test_a_moment_without_an_answer_is_no_failure() -> None:
    async with clusters() as here:
        here.add(secret())
        await here.registry.ready(here.far())
        view, connection = here.registry.view(here.far()), here.connections[FAR][-1]
        connection.broken = AWAY
        call = asyncio.ensure_future(view.answering())
        await asyncio.sleep(0.2)
        connection.broken = None
        await asyncio.wait_for(call, 5)
        assert here.state() == "Successful"
        assert ("far", "Failed") not in here.told


async def test_one_that_is_away_holds_up_no_other() -> None:
    async with clusters() as here:
        down(here.clusters.setdefault(FAR, FakeCluster()))
        here.add(secret())
        here.registry.view(here.far())
        await asyncio.wait_for(here.registry.ready(IN_CLUSTER), 5)
        assert here.state(IN_CLUSTER_SERVER) == "Successful"


async def test_other_credentials_are_another_view() -> None:
    async with clusters() as here:
        here.add(secret())
        await here.registry.ready(here.far())
        old = here.registry.view(here.far())
        first = here.connections[FAR][-1]
        here.add(secret(config={"bearerToken": "new"}))
        new = here.registry.view(here.far())
        assert new is not old
        assert new.cluster.config.bearer_token == "new"
        await until(lambda: first.closed)
        with pytest.raises(ConnectionEndedError, match="no longer connected"):
            await old.answering()


async def test_another_name_is_the_same_connection() -> None:
    async with clusters() as here:
        here.add(secret())
        await here.registry.ready(here.far())
        old = here.registry.view(here.far())
        renamed = secret()
        renamed["data"]["name"] = base64.b64encode(b"faraway").decode()
        here.add(renamed)
        new = here.registry.view(here.far())
        assert (new.cluster.name, new.index) == ("faraway", old.index)
        assert {name for name, _ in here.told[-2:]} == {"far", "faraway"}


async def test_a_cluster_is_read_anew_when_that_is_asked_for() -> None:
    async with clusters() as here:
        here.add(secret())
        await here.registry.ready(here.far())
        old = here.registry.view(here.far())
        asked = secret()
        asked["metadata"].setdefault("annotations", {})["argocd.argoproj.io/refresh"] = "now"
        here.add(asked)
        assert here.registry.view(here.far()).index is not old.index


async def test_a_secret_that_goes_takes_its_cluster_along() -> None:
    async with clusters() as here:
        here.add(secret())
        await here.registry.ready(here.far())
        call = asyncio.ensure_future(here.registry.view(here.far()).answering())
        here.connections[FAR][-1].broken = AWAY
        here.registry.changed(SECRETS, WatchEvent(WatchVerb.DELETED, secret()))
        with pytest.raises(DestinationError, match="not found"):
            here.far()
        with pytest.raises(ConnectionEndedError):
            await asyncio.wait_for(call, 5)
        await until(lambda: here.connections[FAR][-1].closed)
        assert here.told[-1] == ("far", "gone")


async def test_a_broken_secret_is_said_to_its_applications() -> None:
    async with clusters() as here:
        here.registry.hold("web", ApplicationDestination(server=f"{FAR}/"))
        here.add(secret(config="{"))
        assert here.told[-1][0] == "far"
        with pytest.raises(DestinationError, match="Secret far: config is not JSON"):
            here.far()
        here.refused = True
        here.add(secret())
        with pytest.raises(DestinationError, match="this cannot be done"):
            here.far()
        gone = secret()
        gone["metadata"]["labels"] = {}
        here.add(gone)
        with pytest.raises(DestinationError, match="not found"):
            here.far()


async def test_users_are_found_by_server_and_by_name() -> None:
    async with clusters() as here:
        here.add(secret())
        here.registry.hold("a", ApplicationDestination(server=FAR))
        here.registry.hold("b", ApplicationDestination(name="far"))
        here.registry.hold("c", ApplicationDestination(name="in-cluster"))
        assert here.registry.users(here.far()) == ["a", "b"]
        assert here.registry.users(IN_CLUSTER) == ["c"]
        here.registry.hold("a", ApplicationDestination(server=IN_CLUSTER_SERVER))
        here.registry.hold("b", None)
        assert here.registry.users(here.far()) == []
        assert here.registry.users(IN_CLUSTER) == ["a", "c"]


async def test_a_cluster_that_nobody_uses_is_closed_after_a_while() -> None:
    async with clusters(linger=0.05) as here:
        here.add(secret())
        for user in ("a", "b"):
            here.registry.hold(user, ApplicationDestination(name="far"))
        await here.registry.ready(here.far())
        first = here.connections[FAR][-1]
        here.registry.hold("a", None)
        await asyncio.sleep(0.1)
        assert not first.closed
        here.registry.hold("b", None)
        here.registry.hold("b", ApplicationDestination(server=FAR))
        await asyncio.sleep(0.1)
        assert not first.closed
        here.registry.hold("b", None)
        await until(lambda: first.closed)
        await here.registry.ready(here.far())
        assert here.connections[FAR][-1] is not first


async def test_changes_are_told_with_their_cluster() -> None:
    async with clusters() as here:
        here.add(secret())
        heard: list[tuple[str, str]] = []
        here.registry.follow(
            lambda view, changes: heard.extend((view.server, one.key.name) for one in changes)
        )
        await here.registry.ready(here.far())
        here.clusters[FAR].seed(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "x"}}
        )
        await until(lambda: (FAR, "a") in heard)


async def test_kinds_are_left_out_by_the_clusters_address() -> None:
    async with clusters() as here:
        here.add(secret())
        kinds: list[str] = []
        here.registry.follow_kinds(lambda view, found: kinds.append(view.server))
        await here.registry.ready(here.far())
        await here.registry.ready(IN_CLUSTER)
        rule = ResourceRule(kinds=("ConfigMap",), clusters=(FAR,))
        here.settings = Settings(resources=ResourceFilter(exclusions=(rule,)))
        kinds.clear()
        here.registry.settings_changed()
        assert kinds == [FAR]
        assert not here.registry.view(here.far()).index.complete([CONFIG_MAPS.group_kind])
        assert here.registry.view(IN_CLUSTER).index.complete([CONFIG_MAPS.group_kind])


async def test_the_own_cluster_can_be_switched_off() -> None:
    async with clusters() as here:
        await here.registry.ready(IN_CLUSTER)
        here.settings = Settings(in_cluster=False)
        here.registry.settings_changed()
        assert here.state(IN_CLUSTER_SERVER) == "gone"
        await until(lambda: here.connections[IN_CLUSTER_SERVER][-1].closed)


async def test_an_account_is_acted_for() -> None:
    async with clusters() as here:
        view = here.registry.view(IN_CLUSTER)
        view.acting_as("system:serviceaccount:a:b")
        assert here.connections[IN_CLUSTER_SERVER][-1].accounts == ["system:serviceaccount:a:b"]


async def test_a_slow_call_asks_whether_the_cluster_is_there() -> None:
    async with clusters() as here:
        here.add(secret())
        await here.registry.ready(here.far())
        connection = here.connections[FAR][-1]
        connection.broken = AWAY
        connection.slow()
        await until(lambda: here.state() == "Failed")
        assert connection.suspended == "nobody is there"


async def test_new_kinds_are_looked_for_where_nobody_tells_of_them() -> None:
    async with clusters() as here:
        here.add(secret(namespaces="one"))
        await here.registry.ready(here.far())
        view = here.registry.view(here.far())
        gadgets = api("example.com", "v1", "Gadget", "gadgets")
        here.clusters[FAR].resources.append(gadgets)
        assert not view.index.awaits(gadgets.group_kind)
        await asyncio.wait_for(view.answering(), 5)
        await until(lambda: view.index.complete([gadgets.group_kind]))


async def test_credentials_that_are_refused_are_a_cluster_that_cannot_be_reached() -> None:
    async with clusters() as here:
        refused = ForbiddenError("Unauthorized", status=401)
        here.add(secret())
        await here.registry.ready(here.far())
        view, connection = here.registry.view(here.far()), here.connections[FAR][-1]
        here.settings = Settings(respect_rbac=RespectRbac.NORMAL)
        connection.broken = refused
        here.clusters[FAR].fail = lambda _verb, _key: refused
        here.clusters[FAR].cut_watches()
        await until(lambda: here.state() == "Failed")
        assert "Unauthorized" in unreachable(view)
        # No kind is passed over for it.
        assert view.index.awaits(CONFIG_MAPS.group_kind)


async def test_a_cluster_that_goes_away_while_it_is_first_read_is_found_out() -> None:
    async with clusters() as here:
        fake = here.clusters.setdefault(FAR, FakeCluster())
        held = asyncio.Event()
        answer = fake.list

        async def slowly(*arguments: Any, **more: Any) -> ObjectList:
            await held.wait()
            return await answer(*arguments, **more)

        fake.list = slowly  # type: ignore[method-assign]
        here.add(secret())
        view = here.registry.view(here.far())
        await until(lambda: fake.calls)
        connection = here.connections[FAR][-1]
        await asyncio.sleep(0.05)
        assert view.connection().status is ConnectionStatus.UNKNOWN
        connection.broken = AWAY
        connection.slow()
        await until(lambda: here.state() == "Failed")
        connection.broken = None
        held.set()
        await until(lambda: here.state() == "Successful")
        assert connection.suspended == ""
        assert view.index.complete([CONFIG_MAPS.group_kind])
