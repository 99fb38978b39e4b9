"""A sync that failed: its SyncFail hooks run, its HookFailed hooks are deleted.

The message stays what it was decided to be, so that a restart ends the same way.
"""

from __future__ import annotations

from dataclasses import replace

from tiphys.core.sync import wording
from tiphys.core.sync.batch import run_batch
from tiphys.core.sync.events import AwaitHealth, DeleteReason
from tiphys.core.sync.state import SyncState, missing_results
from tiphys.core.sync.step import Step, discard, finish, refresh, release, running
from tiphys.core.sync.task import Plan, SyncTask
from tiphys.model.operation import ResourceResult
from tiphys.model.status import HookDeletePolicy, OperationPhase

_POLICY = HookDeletePolicy.HOOK_FAILED


def decide(plan: Plan, state: SyncState) -> Step:
    if state.batch:
        step = run_batch(plan, state, tuple(plan.by_id[task] for task in state.batch))
        if step:
            return step[0].with_message(state.ending), step[1]
        return replace(state, batch=(), halted=False), ()
    hooks = tuple(task for task in plan.tasks if task.hook)
    state = refresh(state, hooks)
    if commands := release(state, plan.tasks):
        return state, commands
    # Hooks that failed by themselves go before the rescue begins, the others at the end.
    early = state.ending == wording.TASKS_FAILED and not running(state, hooks)
    if early and (commands := discard(plan, state, _POLICY, DeleteReason.HOOK_FAILED)):
        return state, commands
    if not state.rescued and (todo := missing_results(state, plan.rescue)):
        return replace(state, rescued=True, batch=tuple(task.id for task in todo)), ()
    if waiting := running(state, hooks):
        return state, (AwaitHealth(tuple(task.id for task in waiting)),)
    if commands := discard(plan, state, _POLICY, DeleteReason.HOOK_FAILED):
        return state, commands
    return finish(state, OperationPhase.FAILED, _message(plan, state))


def _message(plan: Plan, state: SyncState) -> str:
    message = wording.with_reasons(state.ending, _failed(plan.main, state))
    return wording.rescue_failed(message, _failed(plan.rescue, state))


def _failed(tasks: tuple[SyncTask, ...], state: SyncState) -> tuple[ResourceResult, ...]:
    return tuple(state.results[task.id] for task in tasks if state.sync_failed(task.id))
