"""One batch: prunes, then hooks that have to go first, then applies kind by kind."""

from __future__ import annotations

from itertools import groupby

from tiphys.core.sync import wording
from tiphys.core.sync.absorb import pruned
from tiphys.core.sync.events import (
    Apply,
    Command,
    Delete,
    DeleteReason,
    RemoveHookFinalizer,
)
from tiphys.core.sync.state import SyncState, missing_results
from tiphys.core.sync.step import Step, await_confirmation, await_gone, mine
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask
from tiphys.model.status import HookDeletePolicy, OperationPhase, ResultCode


def run_batch(plan: Plan, state: SyncState, batch: tuple[SyncTask, ...]) -> Step | None:
    """The next step of the batch; None when each task has a result, or may not have one."""
    # Nothing new is applied after a deletion failed.
    if state.halted:
        return None
    todo = missing_results(state, batch)
    if prunes := tuple(task for task in todo if task.prune):
        # Also where it is not pruned in the end: who asks to be asked means the whole batch.
        asked = tuple(task for task in prunes if task.confirm and task.key in state.live)
        if asked and not state.confirmed:
            return await_confirmation(state, asked)
        return _prune(plan, state, prunes)
    if made := tuple(task for task in todo if _made_already(state, task)):
        return _adopt(state, made), ()
    if blocked := tuple(task for task in todo if _blocked(state, task)):
        return _make_room(plan, state, blocked)
    # Objects of one kind side by side, the next kind only then, also after a failure.
    for _, group in groupby(todo, key=lambda task: task.key.group_kind):
        return state, tuple(Apply(task.id) for task in group)
    return None


def _prune(plan: Plan, state: SyncState, tasks: tuple[SyncTask, ...]) -> Step:
    commands: list[Command] = []
    for task in tasks:
        facts = state.live.get(task.key)
        if task.keep:
            state = state.with_result(
                task,
                OperationPhase.SUCCEEDED,
                status=ResultCode.PRUNE_SKIPPED,
                message=task.keep,
            )
        elif facts is None or facts.deleting:
            state = pruned(state, task)
        else:
            # Told before it is done: once the object is gone, no plan speaks of it any more.
            state = state.with_result(task, OperationPhase.RUNNING, status=ResultCode.PRUNED)
            commands.append(Delete(task.id, facts.uid, plan.propagation, DeleteReason.PRUNE))
    return state, tuple(commands)


def _made_already(state: SyncState, task: SyncTask) -> bool:
    """Whether the live hook was created by this very task before a restart."""
    return mine(state, task) is not None


def _adopt(state: SyncState, tasks: tuple[SyncTask, ...]) -> SyncState:
    for task in tasks:
        state = state.with_result(
            task,
            OperationPhase.RUNNING,
            status=ResultCode.SYNCED,
            message=f"{wording.object_name(task.gvk, task.key.name)} created",
        )
    return state


def _blocked(state: SyncState, task: SyncTask) -> bool:
    """Whether a hook of an earlier run has to go, or be let go of, before this one is applied."""
    facts = state.live.get(task.key)
    if not task.hook or facts is None:
        return False
    held = facts.deleting or facts.finalizer
    return held or HookDeletePolicy.BEFORE_HOOK_CREATION in task.policies


def _make_room(plan: Plan, state: SyncState, tasks: tuple[SyncTask, ...]) -> Step:
    commands = tuple(
        command
        for task in tasks
        if (command := _removal(plan, task, state.live[task.key])) is not None
    )
    return (state, commands) if commands else await_gone(state, tasks)


def _removal(plan: Plan, task: SyncTask, facts: LiveFacts) -> Command | None:
    if facts.finalizer:
        return RemoveHookFinalizer(task.id, facts.uid, ended=False)
    if facts.deleting:
        return None
    return Delete(task.id, facts.uid, plan.propagation, DeleteReason.BEFORE_CREATION)
