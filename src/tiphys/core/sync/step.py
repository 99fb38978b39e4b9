"""What every ladder answers with, and the rungs that several of them share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from msgspec.structs import replace as replace_struct

from tiphys.core.sync import wording
from tiphys.core.sync.events import (
    AwaitConfirmation,
    AwaitGone,
    AwaitHealth,
    Command,
    Delete,
    DeleteReason,
    Finish,
    RemoveHookFinalizer,
)
from tiphys.core.sync.state import Stage, SyncState
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask
from tiphys.model.resource import GroupKind
from tiphys.model.status import HealthCode, HookDeletePolicy, OperationPhase, ResultCode

Step = tuple[SyncState, tuple[Command, ...]]

_CRON_JOB = GroupKind("batch", "CronJob")


def finish(state: SyncState, phase: OperationPhase, message: str) -> Step:
    record = replace_struct(state.record, phase=phase.value, message=message)
    return replace(state, record=record, stage=Stage.DONE), (Finish(phase, message),)


def enter(state: SyncState, stage: Stage, ending: str) -> SyncState:
    """Decides how it will end. The message is stored with the next step, so a restart knows."""
    return replace(state.with_message(ending), stage=stage, ending=ending, batch=())


def await_health(state: SyncState, tasks: Sequence[SyncTask]) -> Step:
    state = state.with_message(wording.waiting_for_health(tasks))
    return state, (AwaitHealth(tuple(task.id for task in tasks)),)


def await_gone(state: SyncState, tasks: Sequence[SyncTask]) -> Step:
    state = state.with_message(wording.waiting_for_deletion(tasks))
    return state, (AwaitGone(tuple(task.id for task in tasks)),)


def await_confirmation(state: SyncState, tasks: Sequence[SyncTask]) -> Step:
    state = state.with_message(wording.waiting_for_confirmation(tasks))
    return state, (AwaitConfirmation(tuple(task.id for task in tasks)),)


def running(state: SyncState, tasks: Iterable[SyncTask]) -> tuple[SyncTask, ...]:
    return tuple(task for task in tasks if state.running(task.id))


def refresh(state: SyncState, tasks: Iterable[SyncTask]) -> SyncState:
    """Judges the running tasks by the health that was seen; one that is gone has failed."""
    for task in running(state, tasks):
        facts = state.live.get(task.key)
        if facts is None:
            state = state.with_result(
                task,
                OperationPhase.ERROR,
                status=ResultCode.SYNC_FAILED,
                message=wording.missing(task.id.shown),
            )
        elif facts.health is None:
            message = f"{task.key.name} created" if task.hook else ""
            state = state.with_result(task, OperationPhase.SUCCEEDED, message=message)
        else:
            phase = _judged(task, facts.health.status)
            state = state.with_result(task, phase, message=facts.health.message)
    return state


def _judged(task: SyncTask, health: HealthCode) -> OperationPhase:
    match health:
        case HealthCode.HEALTHY:
            return OperationPhase.SUCCEEDED
        case HealthCode.DEGRADED:
            return OperationPhase.FAILED
        case HealthCode.UNKNOWN if task.hook:
            return OperationPhase.FAILED
        case HealthCode.SUSPENDED if task.key.group_kind == _CRON_JOB and not task.hook:
            # It was asked not to run: nothing will change while the wave waits.
            return OperationPhase.SUCCEEDED
        case _:
            return OperationPhase.RUNNING


def mine(state: SyncState, task: SyncTask) -> LiveFacts | None:
    """The live hook, if this task made it: nothing else of its name is ever cleaned up."""
    facts = state.live.get(task.key)
    return facts if task.hook and facts is not None and facts.stamp == task.stamp else None


def release(state: SyncState, tasks: Iterable[SyncTask]) -> tuple[Command, ...]:
    """Takes the finalizer off hooks that ended, so that they may go."""
    return tuple(
        RemoveHookFinalizer(task.id, facts.uid, ended=True)
        for task in tasks
        if state.completed(task.id) and task.id not in state.given_up
        if (facts := mine(state, task)) is not None and facts.finalizer
    )


def discard(
    plan: Plan, state: SyncState, policy: HookDeletePolicy, reason: DeleteReason
) -> tuple[Command, ...]:
    """Deletes the ended hooks that have this policy."""
    return tuple(
        Delete(task.id, facts.uid, plan.propagation, reason)
        for task in plan.tasks
        if policy in task.policies and state.completed(task.id)
        if task.id not in state.given_up
        if (facts := mine(state, task)) is not None and not facts.deleting
    )
