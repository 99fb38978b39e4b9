"""What a pass does with an operation: begin, resume, wait, try again, or end it.

The copy inside status.operationState is what runs. It survives restarts, so a restart is one
more pass. How an attempt ends, and when the next one is due, is core.sync.retry's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from tiphys.core.app.asking import asked_by_operation
from tiphys.core.app.times import parse_rfc3339, rfc3339
from tiphys.core.settings import Settings
from tiphys.core.sync.retry import RetryPolicyError, due, next_attempt
from tiphys.model.application import (
    Application,
    ApplicationSpec,
    Operation,
    OperationState,
    RevisionHistory,
    SyncOperation,
)
from tiphys.model.status import OperationPhase

TIMED_OUT = "operation is terminating due to timeout"
BLOCKED = "Sync operation blocked by sync window"

_DEFAULT_HISTORY = 10
_COMPLETED = frozenset(phase.value for phase in OperationPhase if phase.completed)


@dataclass(frozen=True, slots=True)
class RunOperation:
    """Run it from this state. `store`: the state is new and has to be stored first."""

    state: OperationState
    store: bool


@dataclass(frozen=True, slots=True)
class TerminateOperation:
    """End it. `timed_out`: nobody asked for it, it took too long; store the state first."""

    state: OperationState
    timed_out: bool


@dataclass(frozen=True, slots=True)
class WaitForRetry:
    until: datetime


@dataclass(frozen=True, slots=True)
class EndOperation:
    """It cannot go on; this is its last state."""

    state: OperationState


OperationStep = RunOperation | TerminateOperation | WaitForRetry | EndOperation


def decide_operation(
    app: Application, now: datetime, settings: Settings, *, superseded: bool = False
) -> OperationStep | None:
    """The first rung that holds decides; None where there is no operation.

    `superseded`: there is a newer commit than the one of the last attempt.
    """
    state = app.status.operation_state
    # Nothing runs, so what is asked for begins.
    if state is None or state.phase in _COMPLETED:
        if app.operation is None:
            return None
        return RunOperation(begun(app.operation, now), store=True)
    # It was taken away while it ran, which is how one that hangs is often stopped.
    if app.operation is None:
        return TerminateOperation(
            replace(state, phase=OperationPhase.TERMINATING.value), timed_out=False
        )
    # Somebody asked for its end.
    if state.phase == OperationPhase.TERMINATING:
        return TerminateOperation(state, timed_out=state.message == TIMED_OUT)
    if _is_late(state, now, settings):
        ending = replace(
            state,
            phase=OperationPhase.TERMINATING.value,
            message=TIMED_OUT,
        )
        return TerminateOperation(ending, timed_out=True)
    return _resumed(state, now, superseded=superseded)


def begun(operation: Operation, now: datetime) -> OperationState:
    """The state of an operation that begins."""
    return OperationState(
        operation=operation, phase=OperationPhase.RUNNING.value, started_at=rfc3339(now)
    )


def misasked(spec: ApplicationSpec, sync: SyncOperation) -> list[str]:
    """What is wrong with the revisions that an operation asks for, field by field."""
    asking = asked_by_operation(spec, sync, None)
    if not asking.several:
        text = "operation.sync.revisions is for applications with several sources"
        return [text] if sync.revisions else []
    found = []
    if sync.revision:
        found.append("operation.sync.revision names one revision, and there are several sources")
    asked, known = len(sync.revisions), len(asking.sources)
    if asked > known:
        found.append(f"operation.sync.revisions names {asked} revisions for {known} sources")
    return found


def awaits_newer(state: OperationState | None) -> bool:
    """Whether an operation waits for its next attempt, which is to be made of the newest commit."""
    if state is None or state.phase != OperationPhase.RUNNING or state.finished_at is None:
        return False
    return state.operation.retry.refresh


def is_manual(state: OperationState) -> bool:
    return not state.operation.initiated_by.automated


def blocked(state: OperationState, error: str) -> OperationState:
    """What is shown of an operation that a sync window holds up; it stays in its phase."""
    if state.phase != OperationPhase.RUNNING:
        return state
    return replace(state, message=BLOCKED + (f": {error}" if error else ""))


def _resumed(state: OperationState, now: datetime, *, superseded: bool) -> OperationStep:
    try:
        next_try = due(state)
    except RetryPolicyError as error:
        message = f"{state.message} (failed to retry: {error})"
        return EndOperation(replace(state, phase=OperationPhase.ERROR.value, message=message))
    # It was interrupted, or its last pass ended with something to wait for.
    if next_try is None:
        return RunOperation(state, store=False)
    # What failed may be mended by the newer commit, so nobody waits for the old one's turn.
    if now < next_try and not (superseded and awaits_newer(state)):
        return WaitForRetry(next_try)
    return RunOperation(next_attempt(state), store=True)


def _is_late(state: OperationState, now: datetime, settings: Settings) -> bool:
    started = parse_rfc3339(state.started_at)
    if settings.sync_timeout <= 0 or started is None:
        return False
    return now > started + timedelta(seconds=settings.sync_timeout)


def history_after(
    history: Sequence[RevisionHistory], state: OperationState, spec: ApplicationSpec, now: datetime
) -> tuple[RevisionHistory, ...] | None:
    """The history after an operation has ended; None where it does not enter the history."""
    sync = state.operation.sync or SyncOperation()
    result = state.sync_result
    whole = state.phase == OperationPhase.SUCCEEDED and not sync.dry_run and not sync.resources
    if not whole or result is None:
        return None
    entry = RevisionHistory(
        id=history[-1].id + 1 if history else 0,
        deployed_at=rfc3339(now),
        deploy_started_at=state.started_at,
        initiated_by=state.operation.initiated_by,
        revision=result.revision,
        source=result.source,
        revisions=result.revisions,
        sources=result.sources,
    )
    limit = spec.revision_history_limit
    kept = _DEFAULT_HISTORY if limit is None else max(limit, 0)
    return (*history, entry)[-kept:] if kept else ()
