"""An operation that is ended from outside: running hooks are deleted, nothing is rolled back.

SyncFail hooks do not run.
"""

from __future__ import annotations

from tiphys.core.sync import wording
from tiphys.core.sync.events import Command, Delete, DeleteReason
from tiphys.core.sync.state import SyncState
from tiphys.core.sync.step import Step, finish, mine, refresh, release, running
from tiphys.core.sync.task import Plan, SyncTask
from tiphys.model.status import HookDeletePolicy, OperationPhase


def decide(plan: Plan, state: SyncState) -> Step:
    hooks = tuple(task for task in plan.tasks if task.hook)
    state = _settle(state, hooks)
    commands = release(state, hooks) + _stop(plan, state, hooks)
    if commands:
        return state, commands
    if state.given_up:
        return finish(state, OperationPhase.ERROR, wording.TERMINATED_WITH_ERRORS)
    return finish(state, OperationPhase.FAILED, wording.TERMINATED)


def _settle(state: SyncState, hooks: tuple[SyncTask, ...]) -> SyncState:
    """A hook that had ended keeps how it ended. The result is there before the hook goes."""
    gone = tuple(task for task in running(state, hooks) if task.key not in state.live)
    for task in gone:
        state = state.with_result(task, OperationPhase.SUCCEEDED, message=wording.HOOK_TERMINATED)
    state = refresh(state, hooks)
    for task in running(state, hooks):
        state = state.with_result(task, OperationPhase.FAILED, message=wording.HOOK_TERMINATED)
    return state


def _stop(plan: Plan, state: SyncState, hooks: tuple[SyncTask, ...]) -> tuple[Command, ...]:
    return tuple(
        Delete(task.id, facts.uid, plan.propagation, DeleteReason.TERMINATED)
        for task in hooks
        if _stopped(state, task) and task.id not in state.given_up
        if (facts := mine(state, task)) is not None
        if not facts.finalizer and not facts.deleting
    )


def _stopped(state: SyncState, task: SyncTask) -> bool:
    """Read from the result, so that a restart finds a hook that was not deleted yet."""
    if not state.completed(task.id):
        return False
    if HookDeletePolicy.HOOK_FAILED in task.policies:
        return True
    return state.results[task.id].message == wording.HOOK_TERMINATED
