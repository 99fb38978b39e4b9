"""Events are written beside the work, and never in its way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from structlog.testing import capture_logs

from tests.fakes.kube import FakeCluster
from tests.services.reconcile.world import application
from tiphys.core.app.events import started
from tiphys.model.application import Application
from tiphys.model.errors import KubeUnreachableError
from tiphys.services.reconcile.events import EVENTS, EventRecorder

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def recorder(cluster: FakeCluster, *enabled: str) -> EventRecorder:
    return EventRecorder(
        cluster,
        lambda: NOW,
        lambda: 255,
        enabled=enabled or ("all",),
        labels=lambda app: dict(app.metadata.labels),
    )


def app(**changes: Any) -> Application:
    made = application(uid="u1", labels={"team": "a"}, resourceVersion="7")
    return Application(made | changes)


async def test_an_event_tells_whom_it_is_about() -> None:
    cluster = FakeCluster((EVENTS,))
    recorder(cluster).record(app(), started("Initiated"))
    await asyncio.sleep(0.01)
    (event,) = cluster.objects.values()
    assert event["metadata"]["name"] == "web.ff"
    assert event["metadata"]["labels"] == {"team": "a"}
    assert event["metadata"]["annotations"] == {
        "dest-server": "https://kubernetes.default.svc",
        "dest-namespace": "demo",
    }
    assert event["involvedObject"]["uid"] == "u1"
    assert (event["reason"], event["type"], event["message"]) == (
        "OperationStarted",
        "Normal",
        "Initiated",
    )


async def test_a_spec_that_cannot_be_read_is_no_reason_for_silence() -> None:
    cluster = FakeCluster((EVENTS,))
    recorded = recorder(cluster)
    recorded.record(app(spec={"source": 1}), started("x"))
    await recorded.drain(within=1.0)
    assert len(cluster.objects) == 1


async def test_a_failure_is_no_ones_problem() -> None:
    cluster = FakeCluster((EVENTS,))
    cluster.fail = lambda _verb, _at: KubeUnreachableError("away")
    recorded = recorder(cluster)
    recorded.record(app(), started("x"))
    await recorded.drain(within=1.0)
    assert cluster.objects == {}


async def test_a_stop_does_not_wait_for_ever() -> None:
    cluster = FakeCluster((EVENTS,))

    async def never(*_arguments: Any, **_named: Any) -> Any:
        await asyncio.Event().wait()

    cluster.create = never  # type: ignore[method-assign]
    recorded = recorder(cluster)
    recorded.record(app(), started("x"))
    async with asyncio.timeout(1):
        await recorded.drain(within=0.01)


async def test_only_wanted_events_are_written_and_logged() -> None:
    cluster = FakeCluster((EVENTS,))
    with capture_logs() as logs:
        for enabled in ("none", "StatusRefreshed"):
            recorded = recorder(cluster, enabled)
            recorded.record(app(), started("x"))
            await recorded.drain(within=1.0)
        assert (cluster.objects, logs) == ({}, [])
        recorded = recorder(cluster, "OperationStarted")
        recorded.record(app(), started("x"))
        await recorded.drain(within=1.0)
    assert len(cluster.objects) == 1
    assert logs[0]["reason"] == "OperationStarted"
    assert (logs[0]["application"], logs[0]["app-namespace"]) == ("web", "argocd")


async def test_who_asked_for_it_is_told() -> None:
    cluster = FakeCluster((EVENTS,))
    recorded = recorder(cluster)
    recorded.record(app(), replace(started("x"), user="alice"))
    await recorded.drain(within=1.0)
    (event,) = cluster.objects.values()
    assert event["metadata"]["annotations"]["user"] == "alice"


async def test_events_keep_out_of_the_way_of_work() -> None:
    cluster = FakeCluster((EVENTS,))
    recorded = recorder(cluster)
    work = [True]
    recorded.busy = lambda: bool(work)
    recorded.record(app(), started("x"))
    await asyncio.sleep(0.15)
    assert not cluster.objects
    work.clear()
    await asyncio.sleep(0.15)
    assert len(cluster.objects) == 1


async def test_work_without_end_delays_no_event_for_ever() -> None:
    cluster = FakeCluster((EVENTS,))
    recorded = recorder(cluster)
    recorded.patience = 0.05
    recorded.busy = lambda: True
    recorded.record(app(), started("x"))
    await asyncio.sleep(0.3)
    assert len(cluster.objects) == 1


async def test_who_leaves_waits_for_no_work() -> None:
    cluster = FakeCluster((EVENTS,))
    recorded = recorder(cluster)
    recorded.busy = lambda: True
    recorded.record(app(), started("x"))
    await recorded.drain(within=1.0)
    assert len(cluster.objects) == 1
