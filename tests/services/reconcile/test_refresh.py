"""One pass: what it asks, what it writes, and what it leaves alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.reconcile.world import AUTO, URL, World, application, key, until, world
from tiphys.model.errors import (
    KubeUnreachableError,
    RepositoryUnreachableError,
)
from tiphys.model.repository import Repository
from tiphys.model.resource import ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.reconcile.again import Again


def conditions(here: World) -> list[tuple[str, str]]:
    return [(one["type"], one["message"]) for one in here.status().get("conditions", [])]


async def test_a_new_application_is_compared_in_one_patch() -> None:
    async with world(application()) as here:
        assert await here.refresh() is None
        assert here.status()["sync"]["status"] == "OutOfSync"
        assert here.status()["sync"]["revision"] == (await here.git.refs(Repository(URL)))["HEAD"]
        assert here.status()["health"]["status"] == "Missing"
        assert here.patches() == 1
        assert await here.refresh() is None
        assert here.patches() == 1


async def test_nothing_changed_nothing_written() -> None:
    async with world(application()) as here:
        await here.refresh()
        await here.refresh(CompareLevel.RECENT)
        assert here.patches() == 1


async def test_the_annotation_goes_with_the_answer() -> None:
    async with world(application(annotations={"argocd.argoproj.io/refresh": "normal"})) as here:
        await here.refresh()
        assert not here.raw()["metadata"].get("annotations")


async def test_a_newer_request_stays() -> None:
    async with world(application()) as here:
        here.annotate(refresh="normal", **{"refresh-timestamp": "1"})
        await until(lambda: here.app().metadata.annotations)
        here.annotate(refresh="normal", **{"refresh-timestamp": "2"})
        await here.refresh()
        notes = here.raw()["metadata"]["annotations"]
        assert notes["argocd.argoproj.io/refresh-timestamp"] == "2"
        await until(lambda: "2" in str(here.app().metadata.annotations))
        await here.refresh()
        assert not here.raw()["metadata"].get("annotations")


async def test_a_hard_request_is_not_answered_by_a_normal_refresh() -> None:
    async with world(application()) as here:
        here.annotate(refresh="normal")
        await until(lambda: here.app().metadata.annotations)
        here.annotate(refresh="hard")
        await here.refresh()
        assert here.raw()["metadata"]["annotations"] == {"argocd.argoproj.io/refresh": "hard"}


async def test_a_missing_project_is_said_and_the_request_answered() -> None:
    async with world(application(annotations={"argocd.argoproj.io/refresh": "normal"})) as here:
        here.projects.clear()
        await here.refresh()
        assert conditions(here) == [
            (
                "InvalidSpecError",
                "Application referencing project default which does not exist",
            )
        ]
        assert here.status()["sync"]["status"] == here.status()["health"]["status"] == "Unknown"
        assert not here.raw()["metadata"].get("annotations")


async def test_a_refused_application_asks_for_nothing_more() -> None:
    async with world(application()) as here:
        here.projects.clear()
        assert await here.refresh(CompareLevel.FORCE_RESOLVE) is None
        assert here.memories.of("web").requested is None


async def test_a_repository_secret_that_asks_for_more_is_named() -> None:
    async with world(application()) as here:
        here.refused.append("Secret repo-1: username is not supported")
        await here.refresh()
        assert conditions(here) == [
            ("InvalidSpecError", "Secret repo-1: username is not supported")
        ]


async def test_an_unreachable_repository_is_said_when_asked_for() -> None:
    async with world(application()) as here:
        await here.refresh()
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        again = await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert here.status()["sync"]["status"] == "Unknown"
        text = "Failed to load target state: failed to generate manifest for source 1 of 1: "
        assert conditions(here) == [("ComparisonError", f"{text}no route")]
        # Nothing else would bring it back.
        assert again == Again(180.0)
        # Nor does what was listed before make it known again.
        await here.refresh(CompareLevel.LATEST)
        assert here.status()["sync"]["status"] == "Unknown"
        here.git.failure = None
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert here.status()["sync"]["status"] == "OutOfSync"
        assert conditions(here) == []


async def test_an_unreachable_repository_goes_unmentioned_for_a_while() -> None:
    async with world(application()) as here:
        await here.refresh()
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        here.clock.now += 200
        here.pass_time(30)
        assert await here.refresh(CompareLevel.LATEST) == Again(30.0)
        assert conditions(here) == []
        # The request is kept, so that the time does come.
        here.pass_time(170)
        assert await here.refresh() == Again(11.0)
        here.pass_time(11)
        here.clock.now += 181
        await here.refresh()
        assert [kind for kind, _ in conditions(here)] == ["ComparisonError"]


async def test_a_request_is_not_lost_when_the_status_cannot_be_written() -> None:
    async with world(application()) as here:
        await here.refresh()
        here.cluster.seed(_config_map("a", text="one"))
        await until(lambda: here.index.get(_at("a")))

        def fail(verb: str, at: Any) -> KubeUnreachableError | None:
            return KubeUnreachableError("away") if verb == "patch" and at == key("web") else None

        here.cluster.fail = fail
        with pytest.raises(KubeUnreachableError):
            await here.refresh(CompareLevel.RECENT)
        here.cluster.fail = lambda _verb, _at: None
        await here.refresh()
        assert here.status()["health"]["status"] == "Healthy"


async def test_a_comparison_of_what_has_changed_since_is_thrown_away() -> None:
    async with world(application()) as here:
        here.renderer.gate.clear()
        import asyncio

        running = asyncio.create_task(here.refresh())
        await here.renderer.started.wait()
        spec = here.raw()["spec"]
        here.change(spec={**spec, "destination": {**spec["destination"], "namespace": "other"}})
        await until(lambda: here.app().spec.destination.namespace == "other")
        here.renderer.gate.set()
        assert await running == Again(0.0)
        assert here.status() == {}
        await here.refresh()
        assert here.status()["sync"]["comparedTo"]["destination"]["namespace"] == "other"


async def test_an_automated_sync_begins_in_the_same_patch_as_the_status() -> None:
    async with world(application(policy=AUTO)) as here:
        await here.refresh()
        assert here.patches() == 1
        assert here.raw()["operation"]["initiatedBy"] == {"automated": True}
        assert here.state()["operation"] == here.raw()["operation"]
        assert (here.state()["phase"], here.state()["startedAt"]) == (
            "Running",
            "2026-11-23T12:00:00Z",
        )
        assert here.status()["sync"]["status"] == "OutOfSync"


async def test_nothing_of_the_last_operation_stays_in_the_new_one() -> None:
    done = {
        "operation": {"sync": {"revision": "old"}},
        "phase": "Succeeded",
        "startedAt": "2026-11-23T12:00:00Z",
        "finishedAt": "2026-11-23T12:00:00Z",
        "message": "done",
        "syncResult": {"revision": "old", "source": {"repoURL": URL}},
    }
    manifest = application(policy=AUTO) | {"status": {"operationState": done}}
    async with world(manifest) as here:
        # It begins in a second of its own, for hooks are told apart by it.
        assert await here.refresh() == Again(1.0)
        assert here.state() == done
        here.pass_time(1)
        await here.refresh()
        assert here.state()["startedAt"] == "2026-11-23T12:00:01Z"
        assert here.state().keys() == {"operation", "phase", "startedAt"}


async def test_an_automated_sync_does_not_begin_where_somebody_wrote_meanwhile() -> None:
    async with world(application(policy=AUTO)) as here:

        def interfere(verb: str, at: Any) -> None:
            if (verb, at) == ("patch", key("web")):
                here.cluster.fail = lambda _verb, _at: None
                here.ask()

        here.cluster.fail = interfere
        assert await here.refresh() == Again(0.2)
        assert here.raw()["operation"]["initiatedBy"] == {"username": "admin"}
        assert here.state() == {}
        assert here.status()["sync"]["status"] == "OutOfSync"
        assert here.memories.of("web").requested is CompareLevel.LATEST


async def test_a_live_state_that_is_not_complete_is_asked_again_ever_more_slowly() -> None:
    async with world(application()) as here:
        await here.refresh()
        here.index.complete = lambda kinds: not list(kinds)  # type: ignore[method-assign]
        waits = [await here.refresh(CompareLevel.RECENT) for _ in range(8)]
        assert [wait.seconds for wait in waits if wait] == [1, 2, 4, 8, 16, 32, 60, 60]
        assert here.status()["sync"]["status"] == "Unknown"
        assert here.status()["health"]["status"] == "Unknown"


async def test_a_status_that_cannot_be_read_is_dropped_and_made_anew() -> None:
    history = [{"id": "x"}]
    manifest = application() | {"status": {"history": history, "sourceType": "Directory"}}
    async with world(manifest) as here:
        assert await here.refresh() == Again(0.2)
        assert here.status() == {"sourceType": "Directory"}
        await here.refresh()
        assert here.status()["sync"]["status"] == "OutOfSync"


async def test_a_spec_that_cannot_be_read_keeps_the_history() -> None:
    manifest = application(annotations={"argocd.argoproj.io/refresh": "normal"})
    manifest["spec"]["source"]["repoURL"] = 1
    manifest["status"] = {
        "history": [{"id": 0, "revision": "x", "deployedAt": "2026-01-01T00:00:00Z"}]
    }
    async with world(manifest) as here:
        assert await here.refresh() is None
        ((kind, text),) = conditions(here)
        assert kind == "InvalidSpecError"
        assert "spec.source.repoURL" in text
        assert [one["id"] for one in here.status()["history"]] == [0]
        assert not here.raw()["metadata"].get("annotations")


async def test_a_hard_expiry_is_waited_for() -> None:
    async with world(application()) as here:
        from dataclasses import replace

        here.settings = replace(here.settings, hard_reconciliation=3600.0)
        assert await here.refresh() == Again(3601.0)
        here.pass_time(100)
        assert await here.refresh() == Again(3501.0)


async def test_what_a_higher_rung_left_is_done_next() -> None:
    async with world(application()) as here:
        await here.refresh()
        here.pass_time(500)
        assert await here.refresh(CompareLevel.FORCE_RESOLVE) == Again(0.0)
        assert await here.refresh() is None


def _config_map(name: str, text: str) -> dict[str, Any]:
    tracking = f"web:/ConfigMap:demo/{name}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": "demo",
            "annotations": {"argocd.argoproj.io/tracking-id": tracking},
        },
        "data": {"text": text},
    }


def _at(name: str) -> Any:
    from tiphys.model.resource import ResourceKey

    return ResourceKey("", "ConfigMap", "demo", name)


async def test_nothing_is_written_over_a_later_comparison() -> None:
    """The end of an operation compares beside the passes; the one that began last holds."""
    async with world(application()) as here:
        real, held = here.comparer.compare, asyncio.Event()
        first: list[object] = []

        async def late(*arguments: Any, **named: Any) -> Any:
            compared = await real(*arguments, **named)
            if not first:
                first.append(compared)
                await held.wait()
            return compared

        here.comparer.compare = late  # type: ignore[method-assign]
        early = asyncio.create_task(here.refresh(CompareLevel.RECENT))
        await until(lambda: first)
        here.seed(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": "a",
                    "namespace": "demo",
                    "annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:demo/a"},
                },
                "data": {"content": "one"},
            }
        )
        await until(lambda: here.index.get(ResourceKey("", "ConfigMap", "demo", "a")))
        await here.refresh(CompareLevel.LATEST)
        assert here.status()["health"]["status"] == "Healthy"
        held.set()
        assert await early == Again(0.0)
        assert here.status()["health"]["status"] == "Healthy"
        # What the earlier one was asked for is still to be done.
        assert here.memories.of("web").requested is not None
