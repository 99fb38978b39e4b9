"""What a commit elsewhere in the repository means for what was changed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.git import FakeGit
from tests.services.reconcile.world import URL, World, application, until, world

NO_HEAL = {"automated": {"prune": True}}


def color(here: World) -> Any:
    live = here.live("a")
    return None if live is None else live["data"]["text"]


async def synced_then_moved(here: World, **files: str) -> None:
    """The application is synced, then the branch gets a commit that holds these files."""
    await until(lambda: here.state().get("phase") == "Succeeded")
    await until(lambda: here.status()["sync"]["status"] == "Synced")
    commit = here.git.commit(URL, {"web/a": "one", "api/b": "two", **files})
    here.annotate(refresh="normal")
    await until(lambda: here.status()["sync"]["revision"] == commit)


def spoil(here: World) -> None:
    """Somebody changes the object by hand."""
    live = here.live("a")
    here.cluster.change({**live, "data": {"text": "by hand"}})


async def test_without_self_heal_drift_stays_after_a_commit_elsewhere() -> None:
    async with world(application(policy=NO_HEAL), controller=True) as here:
        await synced_then_moved(here, **{"api/b": "three"})
        begun = here.state()["startedAt"]
        spoil(here)
        await until(lambda: here.status()["sync"]["status"] == "OutOfSync")
        here.annotate(refresh="hard")
        await until(lambda: not here.raw()["metadata"].get("annotations"))
        assert here.state()["startedAt"] == begun
        assert color(here) == "by hand"


async def test_a_commit_that_changes_the_source_is_a_new_attempt() -> None:
    async with world(application(policy=NO_HEAL), controller=True) as here:
        await until(lambda: here.status().get("sync", {}).get("status") == "Synced")
        spoil(here)
        await until(lambda: here.status()["sync"]["status"] == "OutOfSync")
        here.pass_time(1)
        here.git.commit(URL, {"web/a": "other", "api/b": "two"})
        here.annotate(refresh="normal")
        await until(lambda: color(here) == "other")


@pytest.mark.parametrize("phase", ["Failed", "Error"])
async def test_after_a_failure_any_commit_is_a_new_attempt(phase: str) -> None:
    first = FakeGit().commit(URL, {})
    manifest = application(policy=NO_HEAL)
    failed = {
        "operation": {"sync": {"revision": first}},
        "phase": phase,
        "message": "it broke",
        "startedAt": "2026-11-23T11:00:00Z",
        "finishedAt": "2026-11-23T11:00:01Z",
        "syncResult": {"revision": first, "source": manifest["spec"]["source"]},
    }
    async with world(manifest | {"status": {"operationState": failed}}) as here:
        await here.refresh()
        assert here.state() == failed
        here.git.commit(URL, {"web/a": "one", "api/b": "three"})
        here.annotate(refresh="normal")
        await until(lambda: here.app().metadata.annotations)
        await here.refresh()
        assert here.state()["phase"] == "Running"
