"""How an attempt ends: for good, or waiting for the next one; and how the next one begins.

Durations are Go's (`1m30s`) or numbers of seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tiphys.core.settings.duration import parse_duration_or_seconds
from tiphys.model.operation import Operation, OperationState, RetryStrategy, SyncOperation
from tiphys.model.status import OperationPhase

DEFAULT_DURATION = "5s"
DEFAULT_FACTOR = 2
DEFAULT_MAX = "3m"

_FAILURES = (OperationPhase.FAILED.value, OperationPhase.ERROR.value)
_LONGEST = 36500 * 86400.0
"""A hundred years of seconds."""
_DOUBLINGS = 128
"""After so many any wait has come to its end, unless it does not grow at all."""


class RetryPolicyError(ValueError):
    """A duration of the retry strategy that cannot be read."""


def retry_wait(strategy: RetryStrategy, count: int) -> timedelta:
    """How long the attempt after `count` retries waits. Raises RetryPolicyError."""
    backoff = strategy.backoff
    duration = _seconds((backoff and backoff.duration) or DEFAULT_DURATION)
    longest = _seconds((backoff and backoff.max_duration) or DEFAULT_MAX)
    factor = backoff.factor if backoff and backoff.factor is not None else DEFAULT_FACTOR
    ceiling = min(longest, _LONGEST) if longest > 0 else _LONGEST
    wait = duration
    # The count is read from a status, which others may have written.
    for _ in range(min(count, _DOUBLINGS)):
        wait = min(wait * factor, ceiling)
        if wait in (0.0, ceiling):
            break
    return timedelta(seconds=min(max(wait, 0.0), ceiling))


def conclude(
    record: OperationState, now: datetime, *, terminated: bool = False, timed_out: bool = False
) -> OperationState:
    """An attempt has ended: the record to store, whose phase Running means that one follows.

    `now` carries the zone in which people read the time of the next attempt. `record` is what
    the sync left. A terminated operation keeps its word: nothing follows, whatever the limit.
    """
    strategy = record.operation.retry
    finished = replace(record, finished_at=rfc3339(now))
    if not (terminated or timed_out) and _again(record):
        return _scheduled(finished, strategy, now)
    message = record.message
    if timed_out:
        message += ", triggered by controller sync timeout"
    if record.phase in _FAILURES and record.retry_count > 0:
        message += f" (retried {record.retry_count} times)."
    return replace(finished, message=message)


def due(record: OperationState) -> datetime | None:
    """When a record that waits for its next attempt is due; None for any other record.

    Raises RetryPolicyError.
    """
    if record.phase != OperationPhase.RUNNING or record.finished_at is None:
        return None
    finished = datetime.fromisoformat(record.finished_at)
    return finished + retry_wait(record.operation.retry, record.retry_count)


def next_attempt(record: OperationState) -> OperationState:
    """The record with which the next attempt begins."""
    latest = record.operation.retry.refresh
    which = " with latest revisions" if latest else ""
    return replace(
        record,
        operation=_unpinned(record.operation) if latest else record.operation,
        message=f"Retrying operation{which}. Attempt #{record.retry_count}",
        finished_at=None,
        sync_result=None,
    )


def rfc3339(moment: datetime) -> str:
    """As the API server writes times: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _again(record: OperationState) -> bool:
    if record.phase not in _FAILURES:
        return False
    limit = record.operation.retry.limit
    return limit < 0 or record.retry_count < limit


def _scheduled(record: OperationState, strategy: RetryStrategy, now: datetime) -> OperationState:
    """The announced time is computed from the count before it is raised, as clients know it."""
    try:
        at = now + retry_wait(strategy, record.retry_count)
    except RetryPolicyError as err:
        message = f"{record.message} (failed to retry: {err})"
        return replace(record, phase=OperationPhase.ERROR.value, message=message)
    count = record.retry_count + 1
    clock = f"{at.hour % 12 or 12}:{at.minute:02d}{'AM' if at.hour < 12 else 'PM'}"
    return replace(
        record,
        phase=OperationPhase.RUNNING.value,
        retry_count=count,
        message=f"{record.message}. Retrying attempt #{count} at {clock}.",
    )


def _unpinned(operation: Operation) -> Operation:
    sync = operation.sync or SyncOperation()
    return replace(operation, sync=replace(sync, revision="", revisions=()))


def _seconds(text: str) -> float:
    seconds = parse_duration_or_seconds(text)
    if seconds is None:
        raise RetryPolicyError(f'invalid duration "{text}"')
    return seconds
