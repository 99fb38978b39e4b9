"""When operations begin: no two of one application in the same second."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.reconcile.world import application
from tiphys.model.application import Application
from tiphys.services.reconcile.memory import AppMemory
from tiphys.services.reconcile.starting import in_progress, start_time

NOW = datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)
SECOND = "2026-11-23T12:00:00Z"
NEXT = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)


def app(**status: Any) -> Application:
    return Application(application() | {"status": status})


@pytest.mark.parametrize(
    ("status", "began", "start"),
    [
        ({}, "", NOW),
        ({}, "2026-11-23T11:59:59Z", NOW),
        ({}, SECOND, NEXT),
        ({"operationState": {"phase": "Succeeded", "startedAt": SECOND}}, "", NEXT),
        ({"history": [{"id": 0}, {"id": 1, "deployStartedAt": SECOND}]}, "", NEXT),
        ({"history": [{"id": 1, "deployStartedAt": "no time"}]}, "", NOW),
        ({}, "2026-11-23T12:00:05Z", NOW + timedelta(seconds=5.5)),
        # Somebody's clock is wrong.
        ({}, "2027-11-23T12:00:05Z", NOW),
        # What runs has begun.
        ({"operationState": {"phase": "Running", "startedAt": SECOND}}, "", NOW),
    ],
)
def test_start(status: Any, began: str, start: datetime) -> None:
    assert start_time(app(**status), AppMemory(operation_began=began), NOW) == start


def test_what_is_in_progress() -> None:
    assert in_progress(app(operationState={"phase": "Terminating"}))
    assert not in_progress(app(operationState={"phase": "Error"}))
    assert not in_progress(app())
