"""How an attempt ends and the next one begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.core.sync.world import record
from tiphys.core.sync.retry import (
    RetryPolicyError,
    conclude,
    due,
    next_attempt,
    retry_wait,
)
from tiphys.model.operation import (
    Backoff,
    Operation,
    OperationState,
    RetryStrategy,
    SyncOperation,
    SyncOperationResult,
)

NOW = datetime(2026, 11, 23, 15, 4, 0, tzinfo=UTC)


def failed(limit: int = 5, count: int = 0, **changes: object) -> OperationState:
    retry = RetryStrategy(limit=limit, backoff=changes.pop("backoff", None))  # type: ignore[arg-type]
    operation = Operation(sync=SyncOperation(revision="abc"), retry=retry)
    return record(
        operation=operation, retry_count=count, **{"phase": "Failed", "message": "no", **changes}
    )


@pytest.mark.parametrize(
    ("backoff", "count", "seconds"),
    [
        (None, 0, 5),
        (None, 1, 10),
        (None, 2, 20),
        (None, 100, 180),
        (Backoff(duration="2"), 1, 4),
        (Backoff(duration="1m30s", factor=1), 4, 90),
        (Backoff(duration="10s", factor=3, max_duration="1m"), 3, 60),
        (Backoff(duration="1m", max_duration="10s"), 0, 10),
        (Backoff(duration="500ms", max_duration="0"), 3, 4),
        (Backoff(duration="0"), 3, 0),
        (Backoff(duration="5s", factor=0), 1, 0),
        (Backoff(duration="5s", factor=-2), 1, 0),
        # Whoever wrote this must not keep everybody waiting for the answer, or get none.
        (Backoff(duration="5s", factor=1), 10**15, 5),
        (Backoff(duration="9999999999y", max_duration="9999999999y"), 0, 36500 * 86400),
    ],
)
def test_waits(backoff: Backoff | None, count: int, seconds: float) -> None:
    assert retry_wait(RetryStrategy(backoff=backoff), count) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["soon", "5x", "5s later"])
def test_a_duration_that_cannot_be_read(text: str) -> None:
    with pytest.raises(RetryPolicyError, match=text):
        retry_wait(RetryStrategy(backoff=Backoff(duration=text)), 0)


def test_a_failure_is_tried_again() -> None:
    after = conclude(failed(), NOW)
    assert after.phase == "Running"
    assert after.finished_at == "2026-11-23T15:04:00Z"
    assert after.retry_count == 1
    assert after.message == "no. Retrying attempt #1 at 3:04PM."
    # The text announces five seconds, the first real wait is ten.
    assert due(after) == NOW + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("hour", "clock"), [(0, "12:04AM"), (9, "9:04AM"), (12, "12:04PM"), (23, "11:04PM")]
)
def test_the_clock_is_local(hour: int, clock: str) -> None:
    local = datetime(2026, 11, 23, hour, 4, tzinfo=timezone(timedelta(hours=2)))
    assert conclude(failed(), local).message.endswith(f"at {clock}.")


@pytest.mark.parametrize(("limit", "count", "again"), [(0, 0, False), (2, 2, False), (-1, 9, True)])
def test_the_limit(limit: int, count: int, *, again: bool) -> None:
    assert (conclude(failed(limit, count), NOW).phase == "Running") is again


def test_the_last_failure_says_how_often() -> None:
    after = conclude(failed(1, 1), NOW)
    assert (after.phase, after.message) == ("Failed", "no (retried 1 times).")
    assert conclude(failed(0, 0), NOW).message == "no"


def test_a_success_is_final() -> None:
    after = conclude(failed(count=2, phase="Succeeded", message="done"), NOW)
    assert (after.phase, after.message) == ("Succeeded", "done")
    assert after.finished_at == "2026-11-23T15:04:00Z"
    assert due(after) is None


def test_a_terminated_operation_is_not_tried_again() -> None:
    assert conclude(failed(), NOW, terminated=True).phase == "Failed"
    after = conclude(failed(count=1, message="Operation terminated"), NOW, timed_out=True)
    assert after.message == (
        "Operation terminated, triggered by controller sync timeout (retried 1 times)."
    )


def test_a_bad_duration_ends_it_as_an_error() -> None:
    after = conclude(failed(backoff=Backoff(duration="soon")), NOW)
    assert after.phase == "Error"
    assert after.message == 'no (failed to retry: invalid duration "soon")'


def test_a_record_that_runs_is_not_due() -> None:
    assert due(record()) is None


def test_the_next_attempt_starts_over() -> None:
    waiting = conclude(failed(sync_result=SyncOperationResult(revision="abc")), NOW)
    after = next_attempt(waiting)
    assert after.message == "Retrying operation. Attempt #1"
    assert after.finished_at is None
    assert after.sync_result is None
    assert after.phase == "Running"
    assert after.operation.sync
    assert after.operation.sync.revision == "abc"


def test_refresh_looks_for_the_latest_revision() -> None:
    sync = SyncOperation(revision="abc", revisions=("a", "b"), prune=True)
    for operation in (
        Operation(sync=sync, retry=RetryStrategy(refresh=True)),
        Operation(retry=RetryStrategy(refresh=True)),
    ):
        after = next_attempt(record(operation=operation, retry_count=2))
        assert after.message == "Retrying operation with latest revisions. Attempt #2"
        assert after.operation.sync
        assert after.operation.sync.revision == ""
        assert after.operation.sync.revisions == ()
        assert after.operation.sync.prune is (operation.sync is not None)
