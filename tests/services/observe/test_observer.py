"""What would follow from a comparison is told, and nothing follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from structlog.testing import capture_logs

from tests.services.reconcile.world import AUTO, URL, World, application, until, world
from tiphys.model.status import CompareLevel
from tiphys.services.observe.observation import Action, Observation
from tiphys.services.observe.observer import Observer
from tiphys.services.reconcile.admission import Admission


@asynccontextmanager
async def observed(*manifests: dict[str, Any]) -> AsyncIterator[tuple[World, Observer]]:
    async with world(*manifests) as here:
        observer = Observer(
            here.store,
            here.memories,
            here.clusters,
            here.desired,
            here.comparer,
            admission=Admission(here.rules, lambda _url, _project: here.refused),
            rules=here.rules,
            settings=lambda: here.settings,
            now=lambda: here.time,
        )
        yield here, observer


async def seen(here: World, observer: Observer, name: str = "web") -> Observation:
    """As soon as the cluster was read."""
    found: list[Observation] = []

    async def look() -> bool:
        one = await observer.observe(name)
        if one is not None and not one.waits:
            found.append(one)
        return bool(found)

    while not await look():
        await until(lambda: here.index.complete([]))
    return found[0]


def synced(**status: Any) -> dict[str, Any]:
    return {
        "sync": {"status": "Synced", "revision": "c0"},
        "health": {"status": "Healthy"},
    } | status


async def test_what_a_sync_would_do_is_told_by_object() -> None:
    live = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "old",
            "namespace": "demo",
            "annotations": {
                "argocd.argoproj.io/tracking-id": "web:/ConfigMap:demo/old",
            },
        },
    }
    changed = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "namespace": "demo",
            "annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:demo/a"},
        },
        "data": {"text": "by hand"},
    }
    app = application(policy=AUTO) | {"status": synced()}
    async with observed(app, live, changed) as (here, observer):
        commit = here.git.commit(URL, {"web/a": "one", "web/new": "two"})
        calls = len(here.cluster.calls)
        one = await seen(here, observer)
        assert {(change.name, change.action): change.fields for change in one.objects} == {
            ("a", Action.UPDATE): ("data.text",),
            ("new", Action.CREATE): (),
            ("old", Action.PRUNE): (),
        }
        assert (one.theirs.sync, one.ours.sync, one.agrees) == ("Synced", "OutOfSync", False)
        assert one.ours.revision == commit
        assert one.would_sync
        written = [
            verb for verb, _ in here.cluster.calls[calls:] if verb not in ("get", "list", "watch")
        ]
        assert written == []
        assert "by hand" not in str(one.document())


async def test_without_pruning_what_is_unwanted_is_kept() -> None:
    live = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "old",
            "namespace": "demo",
            "annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:demo/old"},
        },
    }
    async with observed(application(), live) as (here, observer):
        one = await seen(here, observer)
        assert {(change.name, change.action) for change in one.objects} == {
            ("a", Action.CREATE),
            ("old", Action.KEEP),
        }
        assert (one.would_sync, one.reason) == (False, "automated sync is off")


async def test_what_speaks_against_an_application_is_told() -> None:
    refused = application("refused")
    refused["spec"]["project"] = "gone"
    unreadable = application("unreadable")
    unreadable["spec"]["source"] = 7
    async with observed(refused, unreadable) as (here, observer):
        one = await seen(here, observer, "refused")
        assert one.ours.sync == "Unknown"
        assert "gone" in dict(one.conditions)["InvalidSpecError"]
        one = await seen(here, observer, "unreadable")
        assert dict(one.conditions).keys() == {"InvalidSpecError"}
        assert await observer.observe("nobody") is None


async def test_only_what_is_new_is_logged() -> None:
    async with observed(application(policy=AUTO)) as (here, observer):
        await seen(here, observer)
        with capture_logs() as logs:
            for _ in range(3):
                here.memories.of("web").request(CompareLevel.RECENT)
                assert await observer.step("web") is None
        told = [entry for entry in logs if entry["event"] == "observed"]
        assert [entry["objects"] for entry in told] == [["create ConfigMap demo/a"]]
        assert await observer.step("nobody") is None
