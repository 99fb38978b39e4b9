"""Clusters of which only some namespaces are watched, and kinds that may not be listed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fakes.kube import CONFIG_MAPS, NAMESPACES, SECRETS, FakeCluster
from tiphys.core.settings.settings import RespectRbac
from tiphys.model.errors import ForbiddenError, KubeUnreachableError
from tiphys.model.live import WatchState
from tiphys.model.resource import ApiResource, ResourceKey
from tiphys.services.live.index import ClusterIndex
from tiphys.services.live.kinds import KindState, joined
from tiphys.services.live.scope import Scope


def config_map(namespace: str, name: str = "a") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def key(namespace: str, name: str = "a") -> ResourceKey:
    return ResourceKey("", "ConfigMap", namespace, name)


@asynccontextmanager
async def index(cluster: FakeCluster, scope: Scope) -> AsyncIterator[ClusterIndex]:
    made = ClusterIndex(cluster, cluster, judge=lambda _manifest: None, scope=scope)
    try:
        await made.start()
        await made.ready()
        yield made
    finally:
        await made.close()


async def until(holds: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + 5
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


async def test_only_the_namespaces_that_are_named_are_watched() -> None:
    cluster = FakeCluster()
    cluster.seed(config_map("one"), config_map("two"), config_map("other"))
    async with index(cluster, Scope(namespaces=("one", "two"))) as here:
        assert here.get(key("one")) is not None
        assert here.get(key("two")) is not None
        assert here.get(key("other")) is None
        assert here.complete([CONFIG_MAPS.group_kind])
        cluster.seed(config_map("two", "b"), config_map("other", "b"))
        await until(lambda: here.get(key("two", "b")))
        assert here.get(key("other", "b")) is None
        assert not here.awaits(NAMESPACES.group_kind)


async def test_a_list_of_one_namespace_says_nothing_of_another() -> None:
    cluster = FakeCluster()
    cluster.seed(config_map("one"), config_map("two"))
    async with index(cluster, Scope(namespaces=("one", "two"))) as here:
        cluster.vanish(key("one"))
        cluster.compact()
        cluster.cut_watches()
        await until(lambda: here.get(key("one")) is None)
        await here.current()
        assert here.get(key("two")) is not None


async def test_cluster_scoped_kinds_are_watched_where_that_is_asked_for() -> None:
    async with index(FakeCluster(), Scope(namespaces=("one",), cluster_resources=True)) as here:
        assert here.complete([NAMESPACES.group_kind, CONFIG_MAPS.group_kind])


def test_a_kind_is_as_well_as_its_worst_namespace() -> None:
    good = KindState(CONFIG_MAPS, WatchState.CURRENT, 1.0, listed=True)
    bad = KindState(CONFIG_MAPS, WatchState.FAILING, 3.0, listed=True)
    worse = KindState(CONFIG_MAPS, WatchState.FAILING, 2.0, listed=False)
    assert joined([good]) == good
    assert joined([good, bad, worse]) == worse
    assert joined([good, bad]) == bad


@pytest.mark.parametrize(
    ("rbac", "barred", "awaited"),
    [
        (RespectRbac.OFF, True, True),
        (RespectRbac.NORMAL, False, False),
        (RespectRbac.STRICT, True, False),
        (RespectRbac.STRICT, False, True),
    ],
)
async def test_kinds_that_may_not_be_listed(
    rbac: RespectRbac,
    barred: bool,
    awaited: bool,
) -> None:
    cluster = FakeCluster()
    cluster.forbidden.add(SECRETS.group_kind)
    asked: list[str] = []

    async def may_list(resource: ApiResource, namespace: str) -> bool:
        assert resource == SECRETS
        asked.append(namespace)
        return not barred

    scope = Scope(namespaces=("one", "two"), rbac=lambda: rbac, may_list=may_list)
    async with index(cluster, scope) as here:
        await until(lambda: here.awaits(SECRETS.group_kind) == awaited)
        await asyncio.sleep(0.02)
        assert here.awaits(SECRETS.group_kind) == awaited
        assert not here.complete([SECRETS.group_kind])
        assert here.complete([CONFIG_MAPS.group_kind])
        assert bool(asked) == (rbac is RespectRbac.STRICT)
        if rbac is RespectRbac.STRICT and barred:
            assert set(asked) == {"one", "two"}


async def test_a_review_that_fails_says_nothing() -> None:
    async def fails(_resource: ApiResource, _namespace: str) -> bool:
        raise KubeUnreachableError("nobody is there")

    scope = Scope(rbac=lambda: RespectRbac.STRICT, may_list=fails)
    assert not await scope.drops(SECRETS)
    assert await Scope().may_list(SECRETS, "")


async def test_an_object_of_a_kind_that_is_left_out_is_asked_for() -> None:
    cluster = FakeCluster()
    cluster.seed({**config_map("one"), "kind": "Secret"})
    lists = {"list"}
    cluster.fail = lambda verb, at: (
        ForbiddenError("no", status=403) if verb in lists and at.kind == "Secret" else None
    )
    async with index(cluster, Scope(rbac=lambda: RespectRbac.NORMAL)) as here:
        await until(lambda: not here.awaits(SECRETS.group_kind))
        assert await here.manifest(ResourceKey("", "Secret", "one", "a")) is not None
        # Rights that were given meanwhile are found when the cluster is looked at again.
        lists.clear()
        await here.start()
        await until(lambda: here.complete([SECRETS.group_kind]))
