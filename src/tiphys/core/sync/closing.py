"""A sync that succeeded: its HookSucceeded hooks are deleted, then it is over."""

from __future__ import annotations

from tiphys.core.sync.events import DeleteReason
from tiphys.core.sync.state import SyncState
from tiphys.core.sync.step import Step, discard, finish
from tiphys.core.sync.task import Plan
from tiphys.model.status import HookDeletePolicy, OperationPhase


def decide(plan: Plan, state: SyncState) -> Step:
    succeeded = HookDeletePolicy.HOOK_SUCCEEDED
    if commands := discard(plan, state, succeeded, DeleteReason.HOOK_SUCCEEDED):
        return state, commands
    return finish(state, OperationPhase.SUCCEEDED, state.ending)
