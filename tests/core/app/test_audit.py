"""Events of what callers did: where they are kept, and what they carry."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.app.audit import audit_event
from tiphys.model.resource import Manifest


def _event(about: dict[str, Any], user: str = "alice") -> Manifest:
    return audit_event(
        about,
        reason="ResourceCreated",
        text="created it",
        user=user,
        at="2026-11-23T10:00:00Z",
        number=0x17A,
        labels={"team": "blue"},
        home="argocd",
    )


def _object(kind: str, namespace: str, api: str = "argoproj.io/v1alpha1") -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {
            "name": "thing",
            "namespace": namespace,
            "uid": "u-1",
            "resourceVersion": "7",
        },
        "spec": {"destination": {"server": "https://c", "namespace": "shop"}},
    }


def test_an_application_s_event_names_its_destination() -> None:
    event = _event(_object("Application", "team-a"))
    assert event["metadata"] == {
        "name": "thing.17a",
        "namespace": "team-a",
        "labels": {"team": "blue"},
        "annotations": {"user": "alice", "dest-server": "https://c", "dest-namespace": "shop"},
    }
    assert event["involvedObject"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "name": "thing",
        "namespace": "team-a",
        "uid": "u-1",
        "resourceVersion": "7",
    }
    assert event["message"] == "alice created it"
    assert event["source"] == {"component": "argocd-server"}
    assert (event["type"], event["count"], event["reason"]) == ("Normal", 1, "ResourceCreated")


@pytest.mark.parametrize(
    ("about", "namespace", "annotations"),
    [
        (_object("AppProject", "argocd"), "argocd", {}),
        (_object("ApplicationSet", "team-a"), "team-a", {"user": "alice"}),
        (_object("Pod", "shop", "v1"), "argocd", {"resource-namespace": "shop"}),
        (_object("Application", "shop", "other.io/v1"), "argocd", {"resource-namespace": "shop"}),
        (_object("AppProject", ""), "argocd", {}),
    ],
)
def test_other_kinds_carry_less_and_strangers_are_kept_at_home(
    about: dict[str, Any], namespace: str, annotations: dict[str, str]
) -> None:
    event = _event(about)
    assert event["metadata"]["namespace"] == namespace
    assert event["metadata"]["annotations"] == annotations


def test_nobody_is_called_so() -> None:
    event = _event({}, user="")
    assert event["message"] == "Unknown user created it"
    assert event["metadata"]["name"] == ".17a"
    app = _event({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}, user="")
    assert app["metadata"]["annotations"] == {"dest-server": "", "dest-namespace": ""}
