"""Reports of one object by several ways: none takes the index back in time."""

from __future__ import annotations

from tests.fakes.kube import CONFIG_MAPS, FakeCluster
from tests.services.live.build import (
    CONFIG_MAP,
    KEY,
    Heard,
    config_map,
    indexed,
    settle,
    until,
)
from tiphys.model.status import HealthCode, HealthStatus


async def test_the_answer_of_a_write_is_seen_at_once(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        index.observe(await cluster.create(CONFIG_MAPS, config_map("web", app="guestbook")))
        assert [one.key for one in index.tracked("guestbook")] == [KEY]


async def test_the_watch_repeats_a_write_without_telling_it_twice(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        await settle()
        heard = Heard(index)
        index.observe(await cluster.create(CONFIG_MAPS, config_map("web", app="guestbook")))
        await settle()
        assert len(heard.of(KEY)) == 1


async def test_a_late_answer_takes_nothing_back(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        early = await cluster.create(CONFIG_MAPS, config_map("web", data="old"))
        cluster.change(config_map("web", data="new"))
        await until(lambda: (found := index.get(KEY)) and found.resource_version == "102")
        index.observe(early)
        found = index.get(KEY)
        assert found is not None
        assert found.health == HealthStatus(HealthCode.HEALTHY, "new")


async def test_what_is_gone_does_not_come_back_by_a_late_answer(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        answer = await cluster.create(CONFIG_MAPS, config_map("web"))
        await until(lambda: index.get(KEY))
        cluster.vanish(KEY)
        await until(lambda: index.get(KEY) is None)
        index.observe(answer)
        assert index.get(KEY) is None


async def test_forgetting_is_about_one_uid(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", uid="u-1"))
    async with indexed(cluster) as index:
        index.forget(KEY, "another")
        assert index.get(KEY) is not None
        index.forget(KEY, "u-1")
        assert index.get(KEY) is None
        # Events of the forgotten object that were still under way.
        cluster.change(config_map("web", data="2"))
        await settle()
        assert index.get(KEY) is None


async def test_a_namesake_is_another_object(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", uid="u-1"))
    async with indexed(cluster) as index:
        old = await cluster.get(CONFIG_MAPS, "shop", "web")
        index.observe(
            {**config_map("web", uid="u-2"), "metadata": {**old["metadata"], "uid": "u-2"}}
        )
        found = index.get(KEY)
        assert found is not None
        assert found.uid == "u-2"
        index.observe(old)
        assert index.get(KEY) == found


async def test_a_new_list_drops_what_it_does_not_hold(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", app="guestbook"), config_map("stays"))
    async with indexed(cluster) as index:
        heard = Heard(index)
        cluster.cut_watches()
        cluster.vanish(KEY)
        cluster.compact()
        await until(lambda: index.get(KEY) is None)
        await until(lambda: heard.of(KEY))
        assert heard.of(KEY)[-1].new is None
        assert index.get(KEY._replace(name="stays")) is not None
        await until(lambda: index.complete([CONFIG_MAP]))


async def test_a_restored_cluster_is_believed(cluster: FakeCluster) -> None:
    """Its versions are smaller than those that we have seen."""
    cluster.latest = 5000
    cluster.seed(config_map("web", data="new"), config_map("added"))
    async with indexed(cluster) as index:
        cluster.restore(1000, config_map("web", uid="uid-1", data="old"))
        await until(lambda: (found := index.get(KEY)) and found.resource_version == "1001")
        assert index.get(KEY._replace(name="added")) is None


async def test_a_broken_status_is_unknown_and_breaks_nothing(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", data="odd"), config_map("fine"))
    async with indexed(cluster) as index:
        found, fine = index.get(KEY), index.get(KEY._replace(name="fine"))
        assert found is not None
        assert fine is not None
        assert found.health is not None
        assert found.health.status is HealthCode.UNKNOWN
        assert fine.health == HealthStatus(HealthCode.HEALTHY, "1")
