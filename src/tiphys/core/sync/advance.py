"""The sync engine: `advance(plan, state, event) -> (state, commands)`, pure and total.

An event is taken into the state first. When no answer is outstanding, the ladder of the stage
that the state is in decides what comes next, until there is something to ask for. Nothing here
knows of Kubernetes' API, of time or of storage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from tiphys.core.sync import check, closing, failing, passes, terminate
from tiphys.core.sync.absorb import absorb
from tiphys.core.sync.events import (
    Apply,
    Command,
    Delete,
    DryRun,
    Event,
    RemoveHookFinalizer,
    Sleep,
)
from tiphys.core.sync.state import Stage, SyncState
from tiphys.core.sync.step import Step
from tiphys.core.sync.task import Plan

_LADDERS: Mapping[Stage, Callable[[Plan, SyncState], Step]] = MappingProxyType(
    {
        Stage.CHECK: check.decide,
        Stage.RUN: passes.decide,
        Stage.CLOSE: closing.decide,
        Stage.FAIL: failing.decide,
        Stage.TERMINATE: terminate.decide,
    }
)


def advance(plan: Plan, state: SyncState, event: Event) -> Step:
    """What becomes of the state, and what is to be done now.

    An empty answer means that answers or awaited changes are still to come. Events that are no
    longer of interest change nothing.
    """
    if state.done:
        return state, ()
    state = absorb(plan, state, event)
    while not state.busy:
        state, commands = _LADDERS[state.stage](plan, state)
        if commands:
            return _opened(state, commands), commands
    return state, ()


def _opened(state: SyncState, commands: tuple[Command, ...]) -> SyncState:
    opened = {
        command.task: command
        for command in commands
        if isinstance(command, Apply | Delete | RemoveHookFinalizer)
    }
    return replace(
        state,
        open={**state.open, **opened},
        dry_running=any(isinstance(command, DryRun) for command in commands),
        sleeping=any(isinstance(command, Sleep) for command in commands),
    )
