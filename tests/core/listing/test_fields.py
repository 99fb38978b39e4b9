"""The choice of fields in lists of applications, as the contract names them."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.listing.fields import ListFields

APP: dict[str, Any] = {
    "metadata": {"name": "guestbook", "namespace": "argocd", "uid": "u", "labels": {"a": "b"}},
    "spec": {
        "project": "default",
        "destination": {"namespace": "demo"},
        "source": {"path": "guestbook"},
        "revisionHistoryLimit": 5,
    },
    "operation": {"sync": {"prune": True}, "retry": {}},
    "status": {
        "sync": {"status": "Synced", "revision": "abc", "comparedTo": {}},
        "health": {"status": "Healthy"},
        "operationState": {"phase": "Running", "startedAt": "now", "syncResult": {"x": 1}},
    },
}


def chosen(text: str, app: dict[str, Any] = APP) -> dict[str, Any]:
    return ListFields(text).apply(app)


def test_only_what_is_asked_for_is_answered() -> None:
    asked = (
        "items.metadata.name,items.spec.project,items.status.sync.status,metadata.resourceVersion"
    )
    assert chosen(asked) == {
        "metadata": {"name": "guestbook"},
        "spec": {"project": "default"},
        "status": {"sync": {"status": "Synced"}},
    }


@pytest.mark.parametrize("text", ["items.metadata.uid", "metadata.name", "items.spec.proj", ","])
def test_what_the_contract_does_not_name_is_not_there(text: str) -> None:
    assert chosen(text) == {}


def test_what_is_named_covers_its_parts() -> None:
    assert chosen("items.metadata") == {
        "metadata": {
            "name": "guestbook",
            "namespace": "argocd",
            "annotations": None,
            "labels": {"a": "b"},
            "creationTimestamp": None,
            "deletionTimestamp": None,
        }
    }
    assert chosen("items.spec,items.spec.project") == {"spec": APP["spec"]}
    assert chosen("items.status.sync") == {
        "status": {"sync": {"status": "Synced", "revision": "abc"}}
    }


def test_the_rest_is_what_is_not_named() -> None:
    found = chosen("-items.metadata,items.spec.source,items.status,items.operation")
    # What was asked away in part cannot come as a whole.
    assert found == {
        "spec": {
            "destination": {"namespace": "demo"},
            "project": "default",
            "sources": None,
            "sourceHydrator": None,
            "syncPolicy": None,
        }
    }
    assert chosen("-items") == {}


def test_what_is_unset_is_null_and_what_is_not_done_is_absent() -> None:
    empty: dict[str, Any] = {"metadata": {"name": "a"}, "spec": None}
    asked = (
        "items.spec.source,items.spec.project,items.status.health,items.status.summary,"
        "items.status.resources,items.status.operationState.phase,items.operation.sync,"
        "items.status.sync.revision"
    )
    assert chosen(asked, empty) == {
        "spec": {"source": None, "project": ""},
        "status": {"health": {}, "summary": {}, "sync": {"revision": ""}},
    }


def test_what_came_of_the_operation_stands_for_it() -> None:
    asked = "items.status.operationState.operation.sync,items.status.operationState.startedAt"
    assert chosen(asked) == {
        "status": {"operationState": {"operation": {"sync": {"x": 1}}, "startedAt": "now"}}
    }
    assert chosen("items.operation.sync") == {"operation": {"sync": {"prune": True}}}


def test_the_same_choice_is_equal() -> None:
    one, other = ListFields("items.metadata.name, items.x"), ListFields("items.metadata.name")
    assert one == other
    assert hash(one) == hash(other)
    assert one != ListFields("items.metadata")
    assert one != "items.metadata.name"
