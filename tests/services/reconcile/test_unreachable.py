"""Applications whose cluster is away: what is said, what waits, and what goes on by itself."""

from __future__ import annotations

import asyncio
import base64

from tests.fakes.kube import SECRETS
from tests.services.reconcile.test_operation import with_hook
from tests.services.reconcile.world import (
    AUTO,
    World,
    application,
    complete,
    key,
    until,
    world,
)
from tiphys.model.errors import KubeUnreachableError
from tiphys.model.live import WatchEvent, WatchVerb
from tiphys.model.names import FINALIZER_RESOURCES, LABEL_SECRET_TYPE
from tiphys.model.resource import ResourceKey
from tiphys.model.status import CompareLevel

AWAY = KubeUnreachableError("nobody is there")
_OWN = frozenset({"Application", "AppProject", "Event"})


def leave(here: World) -> None:
    """The objects' cluster is away; where the Applications live is not."""

    def fail(_verb: str, at: ResourceKey) -> KubeUnreachableError | None:
        return None if at.kind in _OWN else AWAY

    here.connection.broken = AWAY
    here.cluster.fail = fail
    here.cluster.cut_watches()


def come_back(here: World) -> None:
    here.connection.broken = None
    here.cluster.fail = lambda _verb, _key: None


def said(here: World) -> list[str]:
    return [
        one["message"]
        for one in here.status().get("conditions") or ()
        if one["type"] == "ComparisonError"
    ]


UNREACHABLE = (
    'cluster "in-cluster" (https://kubernetes.default.svc) cannot be reached since '
    "2026-11-23T12:00:00Z: nobody is there"
)


async def test_nothing_is_claimed_of_a_cluster_that_is_away() -> None:
    async with world(application(policy=AUTO), controller=True) as here:
        await until(lambda: here.status().get("sync", {}).get("status") == "Synced")
        leave(here)
        await until(lambda: said(here), what=here.status)
        assert said(here) == [f"Failed to load live state: {UNREACHABLE}"]
        status = here.status()
        assert status["sync"]["status"] == status["health"]["status"] == "Unknown"
        assert {one["status"] for one in status["resources"]} == {"Unknown"}
        # It stays said, and is not written again and again.
        await asyncio.sleep(0.1)
        written = here.patches()
        await asyncio.sleep(0.2)
        assert here.patches() == written
        come_back(here)
        await until(lambda: here.status()["sync"]["status"] == "Synced", what=here.status)
        assert said(here) == []


async def test_nobody_waits_for_a_cluster_that_is_being_connected() -> None:
    async with world(application()) as here:
        await here.refresh(CompareLevel.LATEST)
        compared = here.status()["reconciledAt"]
        # Other credentials: what was known of it counts no more.
        here.cluster.fail = lambda _verb, _key: AWAY
        member = here.clusters._members.pop("https://kubernetes.default.svc")
        await member.close()
        here.pass_time(60)
        here.cluster.fail = lambda _verb, _key: None
        again = await here.refresh(CompareLevel.LATEST)
        assert again is not None
        assert here.memories.of("web").requested is CompareLevel.LATEST
        assert here.status()["reconciledAt"] == compared


async def test_a_sync_goes_on_when_the_cluster_is_back() -> None:
    async with world(application(), controller=True) as here:
        await until(lambda: here.status().get("sync"))
        leave(here)
        await until(lambda: said(here), what=here.status)
        here.ask()
        await asyncio.sleep(0.2)
        assert here.state().get("phase") in (None, "Running")
        come_back(here)
        await until(lambda: here.state().get("phase") == "Succeeded", within=10, what=here.state)


async def test_a_sync_can_be_ended_while_the_cluster_is_away() -> None:
    async with world(application(), controller=True) as here:
        await until(lambda: here.status().get("sync"))
        leave(here)
        await until(lambda: said(here), what=here.status)
        here.ask()
        await until(lambda: here.state().get("phase") == "Running", what=here.state)
        ending = {**here.status(), "operationState": {**here.state(), "phase": "Terminating"}}
        here.change(status=ending)
        await until(lambda: here.state().get("finishedAt"), within=10, what=here.state)
        assert here.state()["phase"] == "Error"
        assert here.state()["message"] == "Operation termination had errors"


async def test_a_deletion_says_why_it_waits() -> None:
    app = application(policy=AUTO, finalizers=[FINALIZER_RESOURCES])
    async with world(app, controller=True) as here:
        await until(lambda: here.status().get("sync", {}).get("status") == "Synced")
        leave(here)
        await until(lambda: said(here), what=here.status)
        metadata = {**here.raw()["metadata"], "deletionTimestamp": "2026-11-23T12:00:00Z"}
        here.change(metadata=metadata)

        def told() -> bool:
            conditions = here.status().get("conditions") or ()
            return any(
                one["type"] == "DeletionError" and UNREACHABLE in one["message"]
                for one in conditions
            )

        await until(told, what=here.status)
        come_back(here)
        await until(lambda: key("web") not in here.cluster.objects, within=10)


async def test_a_sync_that_waits_goes_on_over_the_next_connection() -> None:
    async with world(application(), controller=True) as here:
        with_hook(here)
        here.ask()
        await until(lambda: here.live("migrate", "Job"), what=here.state)
        await until(lambda: here.state().get("phase") == "Running")
        first = here.connection
        # Other credentials for the same cluster.
        config = base64.b64encode(b'{"bearerToken":"new"}').decode()
        server = base64.b64encode(b"https://kubernetes.default.svc").decode()
        secret = {
            "metadata": {"name": "own", "labels": {LABEL_SECRET_TYPE: "cluster"}},
            "data": {"server": server, "config": config},
        }
        here.clusters.changed(SECRETS, WatchEvent(WatchVerb.MODIFIED, secret))
        await until(lambda: first.closed)
        complete(here)
        await until(lambda: here.state().get("phase") == "Succeeded", within=15, what=here.state)
        made = [at for verb, at in here.cluster.calls if (verb, at.kind) == ("create", "Job")]
        assert len(made) == 1
