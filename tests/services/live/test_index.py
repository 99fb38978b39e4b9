"""What is found in the index, and what its listeners are told."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.fakes.kube import FakeCluster, api
from tests.services.live.build import (
    CONFIG_MAP,
    KEY,
    Heard,
    config_map,
    deployment,
    indexed,
    owned,
    replica_set,
    settle,
    until,
)
from tiphys.model.live import LiveChange
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import ResourceKey, key_of
from tiphys.model.status import HealthCode, HealthStatus


async def test_what_is_there_is_found_by_key_and_application(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", app="guestbook"), config_map("loose"))
    async with indexed(cluster) as index:
        found = index.get(KEY)
        assert found is not None
        assert (found.instance, found.health) == (
            "guestbook",
            HealthStatus(HealthCode.HEALTHY, "1"),
        )
        assert [one.key for one in index.tracked("guestbook")] == [KEY]
        assert [one.key.name for one in index.namespaced("shop")] == ["loose", "web"]
        assert index.tracked("other") == []


async def test_a_watch_brings_what_happens_later(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        heard = Heard(index)
        cluster.seed(config_map("web", app="guestbook"))
        await until(lambda: index.get(KEY))
        cluster.change(config_map("web", app="guestbook", data="2"))
        await until(
            lambda: (found := index.get(KEY)) and found.health and found.health.message == "2"
        )
        cluster.vanish(KEY)
        await until(lambda: index.get(KEY) is None)
        await until(lambda: any(change.new is None for change in heard.of(KEY)))
        assert index.tracked("guestbook") == []


async def test_quick_changes_are_told_once(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", app="guestbook"))
    async with indexed(cluster) as index:
        await settle()
        heard = Heard(index)
        cluster.change(config_map("web", app="guestbook", data="2"))
        await until(lambda: heard.batches)
        for value in range(3, 8):
            cluster.change(config_map("web", app="guestbook", data=str(value)))
            await asyncio.sleep(0.005)
        await until(lambda: len(heard.batches) == 2)
        assert len(heard.of(KEY)) == 2
        last = heard.of(KEY)[-1]
        assert last.old is not None
        assert last.new is not None
        assert (last.old.health, last.new.health) == (
            HealthStatus(HealthCode.HEALTHY, "2"),
            HealthStatus(HealthCode.HEALTHY, "7"),
        )


async def test_a_batch_is_told_early_when_somebody_must_know(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", app="guestbook"))
    async with indexed(cluster) as index:
        await settle()
        heard = Heard(index)
        index.observe(cluster.change(config_map("web", app="guestbook", data="2")))
        assert not heard.batches
        index.tell_now()
        assert [change.key for change in heard.changes] == [KEY]
        # Once, and not again when the batch would have been due.
        index.tell_now()
        await settle()
        assert len(heard.of(KEY)) == 1


async def test_what_came_and_went_within_a_batch_is_told_as_gone(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        await settle()
        heard = Heard(index)
        cluster.seed(config_map("first"))
        await until(lambda: heard.batches)
        cluster.seed(config_map("web"))
        await until(lambda: index.get(KEY))
        seen = index.get(KEY)
        cluster.vanish(KEY)
        await settle()
        # Whoever asked the index in between, as a comparison does, took it for live.
        assert heard.of(KEY) == [LiveChange(KEY, seen, None)]


async def test_untracked_objects_are_told_only_when_their_facts_change(
    cluster: FakeCluster,
) -> None:
    cluster.seed(config_map("web"))
    async with indexed(cluster) as index:
        await settle()
        heard = Heard(index)
        cluster.change(config_map("web", labels={"touched": "yes"}))
        await until(lambda: (found := index.get(KEY)) and found.resource_version == "102")
        await settle()
        assert heard.changes == []
        cluster.change(config_map("web", data="2"))
        await until(lambda: heard.of(KEY))


async def test_endpoints_that_change_are_not_looked_at(cluster: FakeCluster) -> None:
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": "shop"},
    }
    cluster.seed(endpoints)
    async with indexed(cluster) as index:
        cluster.change({**endpoints, "subsets": []})
        cluster.seed(config_map("marker"))
        await until(lambda: index.get(KEY._replace(name="marker")))
        found = index.get(key_of(endpoints))
        assert found is not None
        assert found.resource_version == "101"


async def test_the_chain_of_owners_leads_to_the_tracked_root(cluster: FakeCluster) -> None:
    web = deployment("web", app="guestbook")
    middle = replica_set("web-1", "r-1", web)
    pod = owned("v1", "Pod", "web-1-x", middle)
    cluster.seed(web, middle, pod)
    async with indexed(cluster) as index:
        root = index.root(key_of(pod))
        assert root is not None
        assert root.key == key_of(web)
        assert index.root(key_of(web)) == root
        assert [one.key for one in index.dependants("d-web")] == [key_of(middle)]
        assert [one.key for one in index.dependants("r-1")] == [key_of(pod)]
        assert index.dependants("unknown") == []


async def test_a_reference_with_another_uid_leads_nowhere(cluster: FakeCluster) -> None:
    web = deployment("web", app="guestbook")
    forged = replica_set("web-1", "r-1", {**web, "metadata": {**web["metadata"], "uid": "forged"}})
    cluster.seed(web, forged)
    async with indexed(cluster) as index:
        assert index.root(key_of(forged)) is None


async def test_owners_in_a_circle_end(cluster: FakeCluster) -> None:
    first = replica_set("a", "r-a", {**deployment("b", app=""), "kind": "ReplicaSet"})
    second = replica_set("b", "d-b", {**first})
    cluster.seed(first, second)
    async with indexed(cluster) as index:
        assert index.root(key_of(first)) is None


async def test_an_object_without_owner_or_tracking_belongs_to_none(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web"))
    async with indexed(cluster) as index:
        assert index.root(KEY) is None
        assert index.root(KEY._replace(name="absent")) is None


@pytest.mark.parametrize("claim_first", [True, False])
async def test_claims_belong_to_the_set_they_were_made_for(
    cluster: FakeCluster, claim_first: bool
) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-db-0", "namespace": "shop"},
    }
    database = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "db",
            "namespace": "shop",
            "annotations": {ANNOTATION_TRACKING_ID: "guestbook:apps/StatefulSet:shop/db"},
        },
        "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
    }
    later = [claim, database] if claim_first else [database, claim]
    async with indexed(cluster) as index:
        for manifest in later:
            cluster.seed(manifest)
            await until(partial(index.get, key_of(manifest)))
        root = index.root(key_of(claim))
        assert root is not None
        assert root.key == key_of(database)
        assert [one.key for one in index.dependants(root.uid)] == [key_of(claim)]
        cluster.vanish(key_of(database))
        await until(lambda: index.get(key_of(database)) is None)
        assert index.root(key_of(claim)) is None


async def test_endpoints_are_found_under_their_service(cluster: FakeCluster) -> None:
    meta = {"name": "web", "namespace": "shop"}
    cluster.seed({"apiVersion": "v1", "kind": "Service", "metadata": {**meta, "uid": "s-1"}})
    cluster.seed({"apiVersion": "v1", "kind": "Endpoints", "metadata": meta})
    async with indexed(cluster) as index:
        assert [one.key.kind for one in index.dependants("s-1")] == ["Endpoints"]


async def test_tracked_manifests_come_from_memory(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", app="guestbook"))
    async with indexed(cluster) as index:
        cluster.calls.clear()
        assert await index.manifest(KEY) == cluster.objects[KEY]
        assert await index.manifest(KEY, "v1") == cluster.objects[KEY]
        assert cluster.calls == []


async def test_others_are_fetched_and_kept_until_they_change(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web"))
    async with indexed(cluster) as index:
        assert await index.manifest(KEY) == cluster.objects[KEY]
        cluster.calls.clear()
        assert await index.manifest(KEY) == cluster.objects[KEY]
        assert cluster.calls == []
        cluster.change(config_map("web", data="2"))
        await until(lambda: (found := index.get(KEY)) and found.resource_version == "102")
        assert await index.manifest(KEY) == cluster.objects[KEY]
        assert cluster.calls == [("get", KEY)]


async def test_what_a_current_watch_does_not_know_is_not_asked_for(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        cluster.calls.clear()
        assert await index.manifest(KEY) is None
        assert cluster.calls == []


async def test_kinds_without_a_watch_are_fetched(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", app="guestbook"))
    async with indexed(cluster, excluded=lambda kind: kind == CONFIG_MAP) as index:
        assert index.get(KEY) is None
        assert await index.manifest(KEY) == cluster.objects[KEY]
        assert index.get(KEY) is None, "no watch would ever tell that it changed"
        cluster.vanish(KEY)
        assert await index.manifest(KEY) is None


async def test_a_kind_that_is_not_served_has_no_manifests(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        assert await index.manifest(ResourceKey("example.com", "Widget", "shop", "w")) is None


async def test_a_manifest_in_another_version_is_fetched_in_it(cluster: FakeCluster) -> None:
    beta = api("apps", "v1beta1", "Deployment", "deployments")
    cluster.resources.append(beta)
    cluster.seed(deployment("web", app="guestbook"))
    key = key_of(deployment("web", app=""))
    async with indexed(cluster) as index:
        cluster.calls.clear()
        assert await index.manifest(key, "v1beta1") is not None
        assert await index.manifest(key, "v1") is not None
        assert cluster.calls == [("get", key)]


async def test_a_get_that_finds_nothing_is_believed(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web"))
    async with indexed(cluster) as index:
        heard = Heard(index)
        # As if the watch were behind: the object goes and no event says so.
        del cluster.objects[KEY]
        assert await index.manifest(KEY) is None
        assert index.get(KEY) is None
        await until(lambda: heard.of(KEY))
