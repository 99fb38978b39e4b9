"""The course of a sync: phase after phase, wave after wave, each only when the last is done."""

from __future__ import annotations

from dataclasses import replace

from tiphys.core.sync import wording
from tiphys.core.sync.batch import run_batch
from tiphys.core.sync.events import Sleep
from tiphys.core.sync.state import Stage, SyncState, missing_results
from tiphys.core.sync.step import (
    Step,
    await_gone,
    await_health,
    enter,
    refresh,
    release,
    running,
)
from tiphys.core.sync.task import Plan, SyncTask
from tiphys.model.status import ResultCode


def decide(plan: Plan, state: SyncState) -> Step:
    # A batch that was begun goes on until each of its tasks has a result.
    if state.batch:
        batch = tuple(plan.by_id[task] for task in state.batch)
        step = run_batch(plan, state, batch)
        return step if step else _after(plan, state, batch)
    # Hooks are always waited for, other objects only where there is more than one turn.
    watched = tuple(task for task in plan.main if task.hook or plan.gated)
    state = refresh(state, (t for t in plan.main if t.hook or plan.gated or t.key in state.live))
    if waiting := running(state, watched):
        return await_health(state, waiting)
    if leaving := _leaving(plan, state):
        return await_gone(state, leaving)
    if commands := release(state, plan.main):
        return state, commands
    if any(state.failed(task.id) for task in plan.main):
        return enter(state, Stage.FAIL, wording.TASKS_FAILED), ()
    return _next_batch(plan, state)


def _leaving(plan: Plan, state: SyncState) -> tuple[SyncTask, ...]:
    """Pruned objects that are still on their way out."""
    return tuple(
        task
        for task in plan.main
        if (result := state.results.get(task.id)) and result.status == ResultCode.PRUNED
        if (facts := state.live.get(task.key)) and facts.deleting
    )


def _next_batch(plan: Plan, state: SyncState) -> Step:
    pending = _pending(plan, state)
    if not pending:
        return enter(state, Stage.CLOSE, wording.NO_MORE), ()
    turn = (pending[0].phase, pending[0].wave)
    batch = tuple(task.id for task in pending if (task.phase, task.wave) == turn)
    return replace(state, batch=batch), ()


def _pending(plan: Plan, state: SyncState) -> tuple[SyncTask, ...]:
    return tuple(task for task in missing_results(state, plan.main) if plan.needed(task))


def _after(plan: Plan, state: SyncState, batch: tuple[SyncTask, ...]) -> Step:
    """The batch is through: what it leads to."""
    state = replace(state, batch=(), halted=False)
    hooks = any(task.hook for task in batch)
    if any(state.sync_failed(task.id) for task in batch):
        # Hooks that run are waited for, and have their say in how it ended.
        left = any(task.hook and state.running(task.id) for task in batch)
        return enter(state, Stage.FAIL, wording.TASKS_FAILED if left else wording.APPLY_FAILED), ()
    if not hooks and not _pending(plan, state):
        return enter(state, Stage.CLOSE, wording.ALL_RUN), ()
    if (batch[0].phase, batch[0].wave) == plan.last_turn or plan.wave_delay <= 0:
        return state, ()
    # Others react to what was applied: their controllers get time before health is judged.
    state = state.with_message(wording.waiting_for_health(running(state, batch)))
    return state, (Sleep(plan.wave_delay),)
