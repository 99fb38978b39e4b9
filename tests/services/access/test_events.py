"""What is told of what callers did: written behind the call, and never in its way."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import structlog.testing

from tests.fakes.kube import NAMESPACES, FakeCluster
from tiphys.core.settings import parse_settings
from tiphys.model.access import Caller
from tiphys.model.errors import KubeError
from tiphys.services.access.auditing import Reason
from tiphys.services.access.events import KubeAudit
from tiphys.services.reconcile.events import EVENTS

APP: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "shop", "namespace": "argocd", "uid": "u", "labels": {"team": "blue"}},
    "spec": {"project": "p", "destination": {"server": "https://c", "namespace": "shop"}},
}
ALICE = Caller(claims={"iss": "argocd", "sub": "alice:login"})
SSO = Caller(claims={"iss": "https://i", "sub": "1234", "email": "bob@x"})


def audit(cluster: FakeCluster, *enabled: str, cm: dict[str, str] | None = None) -> KubeAudit:
    settings = parse_settings(cm or {}, {})
    numbers = count(255)
    return KubeAudit(
        cluster,
        lambda: settings,
        namespace="argocd",
        now=lambda: datetime(2026, 11, 23, tzinfo=UTC),
        unique=lambda: next(numbers),
        enabled=enabled or ("all",),
        project=lambda name: {"metadata": {"labels": {"unit": name}}},
    )


def events(cluster: FakeCluster) -> list[Any]:
    return [value for key, value in cluster.objects.items() if key.kind == "Event"]


@pytest.fixture
def cluster() -> FakeCluster:
    found = FakeCluster([NAMESPACES, EVENTS])
    found.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
    return found


async def test_an_event_and_a_line_with_the_actor(cluster: FakeCluster) -> None:
    told = audit(cluster, cm={"resource.includeEventLabelKeys": "*"})
    with structlog.testing.capture_logs() as lines:
        told.tell(SSO, APP, Reason.UPDATED, "updated application spec")
        await told.drain(within=5)
    (event,) = events(cluster)
    assert event["message"] == "bob@x updated application spec"
    assert event["metadata"]["name"] == "shop.ff"
    assert event["metadata"]["labels"] == {"team": "blue", "unit": "p"}
    assert lines[0]["actor"] == "bob@x"
    assert (lines[0]["reason"], lines[0]["name"]) == ("ResourceUpdated", "shop")


async def test_labels_only_where_settings_ask(cluster: FakeCluster) -> None:
    told = audit(cluster)
    told.tell(ALICE, APP, Reason.DELETED, "deleted application")
    told.tell(ALICE, {**APP, "kind": "AppProject"}, Reason.DELETED, "deleted project")
    await told.drain(within=5)
    assert [event["metadata"].get("labels") for event in events(cluster)] == [{}, {}]


@pytest.mark.parametrize(("enabled", "written"), [("none", 0), ("ResourceCreated", 1)])
async def test_reasons_are_chosen_and_the_line_stays(
    cluster: FakeCluster, enabled: str, written: int
) -> None:
    told = audit(cluster, enabled)
    with structlog.testing.capture_logs() as lines:
        told.tell(ALICE, APP, Reason.CREATED, "created application")
        told.tell(ALICE, APP, Reason.OPERATION_STARTED, "initiated sync to HEAD")
        await told.drain(within=5)
    assert len(events(cluster)) == written
    assert [line["event"] for line in lines] == ["created application", "initiated sync to HEAD"]


async def test_a_failure_is_only_logged(cluster: FakeCluster) -> None:
    cluster.fail = lambda verb, key: KubeError("no") if key.kind == "Event" else None
    told = audit(cluster)
    with structlog.testing.capture_logs() as lines:
        told.tell(ALICE, APP, Reason.CREATED, "created application")
        await told.drain(within=5)
    assert [line["event"] for line in lines][1:] == ["event was not written"]


async def test_too_many_are_left_out(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiphys.services.access.events._MOST", 2)
    told = audit(cluster)
    for _ in range(3):
        told.tell(ALICE, APP, Reason.CREATED, "created application")
    await told.drain(within=5)
    assert len(events(cluster)) == 2
