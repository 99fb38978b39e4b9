"""Before anything is applied: the plan's problems, the destination namespace, the dry run."""

from __future__ import annotations

from dataclasses import replace

from tiphys.core.sync import wording
from tiphys.core.sync.events import Apply, DryRun
from tiphys.core.sync.state import Stage, SyncState
from tiphys.core.sync.step import Step, finish
from tiphys.core.sync.task import Plan
from tiphys.model.status import OperationPhase, ResultCode


def decide(plan: Plan, state: SyncState) -> Step:
    # A plan that is not valid runs nothing, not even the rest of what was begun.
    if plan.problems:
        return _invalid(plan, state)
    if state.checked:
        return _checked(plan, state)
    # The destination namespace is made for real: the dry run of the rest relies on it.
    if plan.namespace and not plan.dry_run:
        if not state.hook_phase(plan.namespace):
            return state, (Apply(plan.namespace),)
        if state.sync_failed(plan.namespace):
            reason = state.results[plan.namespace].message
            return finish(state, OperationPhase.FAILED, wording.namespace_failed(reason))
    return _dry_run(plan, state)


def _invalid(plan: Plan, state: SyncState) -> Step:
    for problem in plan.problems:
        if problem.task is not None:
            # No hook phase: the task did not fail, it was never begun.
            state = state.with_result(
                plan.by_id[problem.task],
                None,
                status=ResultCode.SYNC_FAILED,
                message=problem.text,
            )
    message = wording.invalid(problem.text for problem in plan.problems)
    return finish(state, OperationPhase.FAILED, message)


def _checked(plan: Plan, state: SyncState) -> Step:
    if any(state.sync_failed(task.id) for task in plan.tasks):
        return finish(state, OperationPhase.FAILED, wording.DRY_RUN_FAILED)
    if plan.dry_run:
        return finish(state, OperationPhase.SUCCEEDED, wording.NO_MORE)
    return replace(state, stage=Stage.RUN), ()


def _dry_run(plan: Plan, state: SyncState) -> Step:
    tasks = tuple(
        task.id
        for task in plan.tasks
        if not task.skip_dry_run and plan.needed(task) and not state.hook_phase(task.id)
    )
    if not tasks:
        return replace(state, checked=True), ()
    return state, (DryRun(tasks),)
