"""Changes of objects that are overlooked, and those that are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.fakes.kube import FakeCluster
from tests.services.live.build import KEY, config_map
from tiphys.model.live import LiveChange
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.live.index import ClusterIndex


class Hashes:
    """Overlooks everything but `value`."""

    def __init__(self, *, jq: bool = False, on: bool = True) -> None:
        self.jq = jq
        self.on = on
        self.hashed = 0
        self.broken = False

    def concerns(self, manifest: Manifest, *, tracked: bool) -> bool:
        del manifest
        return self.on and tracked

    def needs_jq(self, key: ResourceKey) -> bool:
        del key
        return self.jq

    def hash(self, manifest: Manifest) -> str:
        self.hashed += 1
        return str(manifest["data"]["value"])

    async def hashes(self, manifests: Sequence[Manifest]) -> Sequence[str]:
        await asyncio.sleep(0)
        return ["" if self.broken else self.hash(one) for one in manifests]


def health(manifest: Manifest) -> HealthStatus:
    code = manifest["metadata"].get("labels", {}).get("health", "Healthy")
    return HealthStatus(HealthCode(code), manifest["metadata"].get("labels", {}).get("say", ""))


@asynccontextmanager
async def index(
    cluster: FakeCluster, hashes: Hashes
) -> AsyncIterator[tuple[ClusterIndex, list[LiveChange]]]:
    made = ClusterIndex(cluster, cluster, judge=health, updates=hashes)
    told: list[LiveChange] = []
    try:
        await made.start()
        await made.ready()
        await asyncio.sleep(0.15)
        made.subscribe(told.extend)
        yield made, told
    finally:
        await made.close()


def tracked(value: str, **labels: Any) -> dict[str, Any]:
    return config_map("web", app="shop", data=value, uid="u", labels=labels)


def change(cluster: FakeCluster, manifest: dict[str, Any]) -> str:
    return str(cluster.change(manifest)["metadata"]["resourceVersion"])


async def until(holds: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + 5
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


async def seen(index: ClusterIndex, version: str) -> None:
    await until(lambda: (one := index.get(KEY)) and one.resource_version == version)
    await asyncio.sleep(0.3)


async def test_what_is_overlooked_wakes_nobody_and_is_known_all_the_same() -> None:
    cluster, hashes = FakeCluster(), Hashes()
    cluster.seed(tracked("1"))
    async with index(cluster, hashes) as (here, told):
        # Nothing is hashed that did not change.
        assert hashes.hashed == 0
        await seen(here, change(cluster, tracked("1", note="x")))
        assert told == []
        manifest = await here.manifest(KEY)
        assert manifest is not None
        assert manifest["metadata"]["labels"] == {"note": "x"}
        await seen(here, change(cluster, tracked("2", note="x")))
        assert [one.key for one in told] == [KEY]


async def test_another_health_is_told_another_word_for_it_is_not() -> None:
    cluster = FakeCluster()
    cluster.seed(tracked("1"))
    async with index(cluster, Hashes()) as (here, told):
        await seen(here, change(cluster, tracked("1", say="fine")))
        assert told == []
        await seen(here, change(cluster, tracked("1", health="Degraded")))
        assert len(told) == 1


async def test_what_is_not_hashed_is_told() -> None:
    cluster = FakeCluster()
    cluster.seed(tracked("1"))
    async with index(cluster, Hashes(on=False)) as (here, told):
        await seen(here, change(cluster, tracked("1", note="x")))
        assert len(told) == 1


async def test_who_an_object_belongs_to_is_told() -> None:
    cluster = FakeCluster()
    cluster.seed(tracked("1"))
    async with index(cluster, Hashes()) as (here, told):
        other = config_map("web", app="other", data="1", uid="u")
        await seen(here, change(cluster, other))
        await seen(here, change(cluster, config_map("web", data="1", uid="u")))
        assert len(told) == 2


async def test_expressions_are_asked_for_a_moment_later() -> None:
    cluster, hashes = FakeCluster(), Hashes(jq=True)
    cluster.seed(tracked("1"))
    async with index(cluster, hashes) as (here, told):
        await seen(here, change(cluster, tracked("1", note="x")))
        assert told == []
        change(cluster, tracked("2"))
        await seen(here, change(cluster, tracked("3")))
        assert [one.new and one.new.resource_version for one in told][-1] == str(cluster.latest)
        told.clear()
        hashes.broken = True
        await seen(here, change(cluster, tracked("3", note="y")))
        assert len(told) == 1


async def test_what_went_and_came_back_within_the_moment_is_told() -> None:
    """Somebody may have looked in between, and would not know that it came back."""
    cluster, hashes = FakeCluster(), Hashes(jq=True)
    cluster.seed(tracked("1"))
    async with index(cluster, hashes) as (here, told):
        change(cluster, tracked("2"))
        await seen(here, change(cluster, tracked("1")))
        assert [one.new and one.new.resource_version for one in told] == [str(cluster.latest)]
