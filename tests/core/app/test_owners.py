"""What another controller leaves behind, and what is our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tiphys.core.app.owners import Heartbeat, foreign_workloads, foreign_writes

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def app(
    name: str = "web",
    ago: float | None = 30.0,
    *,
    home: str = "",
    manager: str = "argocd-application-controller",
) -> dict[str, Any]:
    fields = []
    if ago is not None:
        time = (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = [{"manager": "kubectl", "time": "?"}, {"manager": manager, "time": time}]
    return {
        "metadata": {"name": name, "namespace": "argocd", "managedFields": fields},
        "status": {"controllerNamespace": home},
    }


def found(*apps: dict[str, Any], ours: float | None = None) -> list[str]:
    alive = None if ours is None else NOW - timedelta(seconds=ours)
    return foreign_writes(apps, "argocd", alive, NOW)


def test_a_fresh_write_that_was_not_ours_is_another_controllers() -> None:
    (text,) = found(app("b", 30), app("a", 60))
    assert text == (
        "argocd-application-controller wrote the status of argocd/a, argocd/b, "
        "the last 30 s ago, and it was not Tiphys"
    )


@pytest.mark.parametrize(
    "manifest",
    [
        app(ago=None),
        app(ago=600),
        app(manager="argocd-server"),
        {"metadata": {"name": "bare", "namespace": "argocd"}},
    ],
)
def test_what_is_old_or_somebody_elses_says_nothing(manifest: dict[str, Any]) -> None:
    assert found(manifest) == []


def test_what_we_wrote_ourselves_is_no_strangers() -> None:
    # Alive until 40 s ago: a write 30 s ago may be the last of ours.
    assert found(app(ago=30), ours=40) == []
    assert found(app(ago=30), ours=200) != []


def test_applications_of_a_controller_in_another_namespace_are_named() -> None:
    apps = [app(f"a{number}", home="other") for number in range(5)]
    assert found(*apps, app("mine", home="argocd", ago=600), ours=0) == [
        "Applications that a controller in namespace other takes care of: "
        "argocd/a0, argocd/a1, argocd/a2 and 2 more"
    ]
    assert found(app(home="argocd"), ours=10) == []


def workload(name: str, ready: int | None, image: str = "quay.io/argoproj/argocd:v3.6.0") -> Any:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
        "status": {} if ready is None else {"readyReplicas": ready},
    }


def test_a_controller_that_runs_is_named_unless_it_is_this_one() -> None:
    name = "argocd-application-controller"
    assert foreign_workloads([workload(name, 2)], "laptop") == [
        "StatefulSet argocd-application-controller runs, with 2 of its Pods ready"
    ]
    assert foreign_workloads([workload(name, 2)], f"{name}-0") == []
    assert foreign_workloads([workload(name, None), workload(name, 0)], "laptop") == []
    assert foreign_workloads([workload(name, 1, "example.com/tiphys:1")], "laptop") == []
    assert foreign_workloads([{"metadata": {"name": name}, "status": {"readyReplicas": 1}}], "x")


def test_a_heartbeat_is_alive_for_as_long_as_it_lasts() -> None:
    lease = {
        "spec": {
            "holderIdentity": "a_1",
            "leaseDurationSeconds": 30,
            "renewTime": "2026-11-23T11:59:40.000000Z",
        }
    }
    beat = Heartbeat.of(lease)
    assert beat.is_alive(NOW)
    assert not beat.is_alive(NOW + timedelta(seconds=10))
    assert not Heartbeat.of({"spec": {**lease["spec"], "holderIdentity": ""}}).is_alive(NOW)
    assert Heartbeat.of({}) == Heartbeat("", None, timedelta(0))
    assert not Heartbeat("a_1", None, timedelta(seconds=30)).is_alive(NOW)
