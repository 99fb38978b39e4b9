"""Takes an event into the state: answers close their command, sightings replace what is known."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from msgspec.structs import replace as replace_struct

from tiphys.core.sync import wording
from tiphys.core.sync.events import (
    Applied,
    Apply,
    Command,
    Confirmed,
    Delete,
    Deleted,
    DeleteReason,
    DryRunDone,
    Event,
    Failed,
    FinalizerRemoved,
    Gone,
    RemoveHookFinalizer,
    Seen,
    Started,
    Terminated,
    TimerFired,
)
from tiphys.core.sync.state import Stage, SyncState
from tiphys.core.sync.task import Plan, SyncTask
from tiphys.model.status import OperationPhase, ResultCode, SyncPhase


def absorb(plan: Plan, state: SyncState, event: Event) -> SyncState:
    match event:
        case Started(live=live):
            for key, facts in live.items():
                state = state.with_live(key, facts)
            return state
        case Seen(key=key, live=facts):
            return state.with_live(key, facts)
        case Gone(key=key):
            return state.with_live(key, None)
        case TimerFired():
            return replace(state, sleeping=False)
        case Confirmed():
            return replace(state, confirmed=True)
        case Terminated(message=message):
            return _terminating(state, message)
        case DryRunDone():
            return _dry_run(plan, state, event) if state.dry_running else state
        case Applied() | Deleted() | FinalizerRemoved() | Failed():
            return _answered(plan, state, event)
        case _:
            assert_never(event)


def _terminating(state: SyncState, message: str) -> SyncState:
    """Answers that are outstanding are still taken in: what was sent may have happened."""
    record = replace_struct(state.record, phase=OperationPhase.TERMINATING.value, message=message)
    return replace(state, record=record, stage=Stage.TERMINATE, sleeping=False, batch=())


def _dry_run(plan: Plan, state: SyncState, event: DryRunDone) -> SyncState:
    state = replace(state, dry_running=False, checked=True)
    for task in plan.tasks:
        error = event.errors.get(task.id)
        if error is not None:
            state = _refused(state, task, error)
        elif plan.dry_run and task.phase is not SyncPhase.SYNC_FAIL and plan.needed(task):
            state = _predicted(state, task, event.messages.get(task.id, wording.NOT_TRIED))
    return state


def _predicted(state: SyncState, task: SyncTask, message: str) -> SyncState:
    if not task.prune:
        status = ResultCode.SYNCED
    elif task.keep:
        status, message = ResultCode.PRUNE_SKIPPED, task.keep
    else:
        status, message = ResultCode.PRUNED, wording.PRUNED_DRY_RUN
    return state.with_result(task, OperationPhase.SUCCEEDED, status=status, message=message)


def _answered(
    plan: Plan, state: SyncState, event: Applied | Deleted | FinalizerRemoved | Failed
) -> SyncState:
    command = state.open.get(event.task)
    if command is None:
        return state
    task = plan.by_id[event.task]
    # Copied whole: a comparison of each key would cost a hundred times as much.
    left = dict(state.open)
    del left[event.task]
    state = replace(state, open=left)
    match event:
        case Applied(message=message, live=facts):
            return state.with_live(task.key, facts).with_result(
                task, OperationPhase.RUNNING, status=ResultCode.SYNCED, message=message
            )
        case FinalizerRemoved(live=facts):
            return state.with_live(task.key, facts)
        case Deleted(gone=gone):
            return _deleted(state, task, command, gone=gone)
        case Failed(message=message):
            return _failed(state, task, command, message)
        case _:
            assert_never(event)


def _deleted(state: SyncState, task: SyncTask, command: Command, *, gone: bool) -> SyncState:
    facts = state.live.get(task.key)
    if gone or facts is None:
        state = state.with_live(task.key, None)
    else:
        state = state.with_live(task.key, replace(facts, deleting=True))
    if isinstance(command, Delete) and command.reason is DeleteReason.PRUNE:
        return pruned(state, task)
    return state


def pruned(state: SyncState, task: SyncTask) -> SyncState:
    return state.with_result(
        task, OperationPhase.SUCCEEDED, status=ResultCode.PRUNED, message=wording.PRUNED
    )


def _failed(state: SyncState, task: SyncTask, command: Command, message: str) -> SyncState:
    match command:
        case Apply():
            return _refused(state, task, message)
        case Delete(reason=DeleteReason.PRUNE | DeleteReason.BEFORE_CREATION):
            return replace(_refused(state, task, message), halted=True)
        case RemoveHookFinalizer(ended=False):
            text = f"failed to remove hook finalizer: {message}"
            return replace(_refused(state, task, text), halted=True)
        case RemoveHookFinalizer():
            return _left_behind(state, task, "failed to remove hook finalizer", message)
        case _:
            return _left_behind(state, task, "failed to delete resource", message)


def _refused(state: SyncState, task: SyncTask, message: str) -> SyncState:
    return state.with_result(
        task, OperationPhase.FAILED, status=ResultCode.SYNC_FAILED, message=message
    )


def _left_behind(state: SyncState, task: SyncTask, what: str, message: str) -> SyncState:
    """A hook that ended could not be removed; it is not tried again in this run."""
    state = replace(state, given_up=state.given_up | {task.id})
    return state.with_result(task, OperationPhase.ERROR, message=f"{what}: {message}")
