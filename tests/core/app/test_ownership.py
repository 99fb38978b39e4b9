"""Whose fields are whose, and what a status should be after somebody wrote it."""

from typing import Any

import pytest

from tiphys.core.app.ownership import (
    after_write,
    merged,
    of_others,
    parts_written,
    rightful_status,
)
from tiphys.model.live import PatchKind

START = "2026-11-23T12:00:00Z"


def state(phase: str, **more: Any) -> dict[str, Any]:
    return {"phase": phase, "startedAt": START, **more}


def test_the_status_is_not_others_but_a_wish_to_terminate_is() -> None:
    before = {"spec": {"a": 1}, "status": {"operationState": state("Running"), "x": 1}}
    assert of_others(before) == of_others({**before, "status": {"y": 2}})
    assert of_others(before) != of_others({**before, "spec": {}})
    ending = {"operationState": state("Terminating")}
    assert of_others(before) != of_others({**before, "status": ending})


RUNNING, DONE = state("Running"), state("Succeeded")


@pytest.mark.parametrize(
    ("known", "stored", "operation", "rightful"),
    [
        # Nothing of others' writing counts,
        (RUNNING, state("Failed"), None, RUNNING),
        (RUNNING, None, None, RUNNING),
        (None, DONE, None, None),
        (None, None, {}, None),
        # but that a new operation drops what has ended,
        (DONE, None, {}, None),
        (RUNNING, None, {}, RUNNING),
        # and that what runs may be told to end.
        (RUNNING, state("Terminating"), {}, state("Terminating")),
        (RUNNING, state("Terminating", message="x"), {}, state("Terminating", message="x")),
        (RUNNING, {**state("Terminating"), "startedAt": "other"}, {}, RUNNING),
        (DONE, state("Terminating"), {}, DONE),
    ],
)
def test_what_others_may_change(
    known: Any, stored: Any, operation: Any, rightful: dict[str, Any] | None
) -> None:
    old = {"status": {"history": [], **({"operationState": known} if known else {})}}
    new = {"operation": operation, "status": {"operationState": stored} if stored else {}}
    found = rightful_status(old, new)
    assert found["history"] == []
    assert found.get("operationState") == rightful


def test_a_merge_patch() -> None:
    body = {"metadata": {"uid": "u"}, "status": {"a": {"x": None, "y": 2}, "b": None, "c": [1]}}
    status = {"a": {"x": 1, "z": 3}, "b": 1, "d": 4}
    wanted = {"a": {"y": 2, "z": 3}, "c": [1], "d": 4}
    assert after_write(PatchKind.MERGE, body, status, status) == wanted
    assert parts_written(PatchKind.MERGE, body) == {"a", "b", "c"}
    assert after_write(PatchKind.MERGE, {"status": None}, status, status) == {}
    assert merged(1, {"a": 1}) == {"a": 1}


def test_what_is_said_as_a_whole_is_not_mixed_with_what_was_said_meanwhile() -> None:
    basis = {"health": {"status": "Missing"}}
    meanwhile = {"health": {"status": "Progressing", "message": "Caused by Pod:x"}, "a": 1}
    body = {"status": {"health": {"status": "Healthy"}, "sync": {"status": "Synced"}}}
    wanted = {"health": {"status": "Healthy"}, "sync": {"status": "Synced"}, "a": 1}
    assert after_write(PatchKind.MERGE, body, meanwhile, basis) == wanted


def test_a_json_patch() -> None:
    body = [
        {"op": "test", "path": "/metadata/uid", "value": "u"},
        {"op": "remove", "path": "/operation"},
        {"op": "add", "path": "/status/history", "value": [1]},
    ]
    assert after_write(PatchKind.JSON, body, {"a": 1}, {}) == {"a": 1, "history": [1]}
    assert parts_written(PatchKind.JSON, body) == {"history"}
