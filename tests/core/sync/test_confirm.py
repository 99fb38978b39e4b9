"""Prunes that somebody has to agree to: the batch stops, and goes on when they have."""

from __future__ import annotations

from dataclasses import replace

from tests.core.sync.world import World, job, record, run, task
from tiphys.core.sync.advance import advance
from tiphys.core.sync.events import (
    Applied,
    Apply,
    AwaitConfirmation,
    Confirmed,
    Delete,
    Deleted,
    DryRun,
    DryRunDone,
    Finish,
    Gone,
    Started,
    Terminated,
    durable,
)
from tiphys.core.sync.state import SyncState, begin, to_record
from tiphys.core.sync.task import LiveFacts, Plan
from tiphys.model.status import OperationPhase

ASKS = task(name="asks", prune=True, confirm=True)
GOES = task(name="goes", prune=True)
NEW = task(name="new")
PLAN = Plan(tasks=(ASKS, GOES, NEW), wave_delay=0)


def waiting(plan: Plan = PLAN) -> SyncState:
    state, commands = advance(plan, begin(plan, record()), Started())
    assert commands == (DryRun(tuple(one.id for one in plan.tasks)),)
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (AwaitConfirmation((ASKS.id,)),)
    assert not durable(commands[0])
    return state


def test_nothing_of_the_batch_runs_before() -> None:
    state = waiting()
    assert state.record.message == "waiting for pruning confirmation of /ConfigMap/asks"
    assert state.results == {}
    state, commands = advance(PLAN, state, Confirmed())
    assert [type(command) for command in commands] == [Delete, Delete]
    state, commands = advance(PLAN, state, Deleted(ASKS.id, gone=True))
    assert commands == ()
    state, commands = advance(PLAN, state, Deleted(GOES.id, gone=True))
    assert commands == (Apply(NEW.id),)
    state, commands = advance(PLAN, state, Applied(NEW.id, "new created", LiveFacts("1")))
    assert commands == (Finish(OperationPhase.SUCCEEDED, "successfully synced (all tasks run)"),)


def test_earlier_waves_run() -> None:
    early = task(name="early", wave=-1)
    plan = Plan(tasks=(early, ASKS), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (Apply(early.id),)
    state, commands = advance(plan, state, Applied(early.id, "early created", LiveFacts("1")))
    assert commands == (AwaitConfirmation((ASKS.id,)),)


def test_only_those_that_ask_are_counted() -> None:
    second = task(name="second", prune=True, confirm=True)
    plan = Plan(tasks=(ASKS, GOES, second, job("h", policies=())), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    assert (
        state.record.message
        == "waiting for pruning confirmation of /ConfigMap/asks and 1 more resources"
    )


def test_who_asks_is_asked_even_if_nothing_is_pruned() -> None:
    kept = replace(ASKS, keep="ignored (requires pruning)")
    plan = Plan(tasks=(kept, NEW), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (AwaitConfirmation((kept.id,)),)
    state, commands = advance(plan, state, Confirmed())
    assert state.results[kept.id].status == "PruneSkipped"


def test_an_object_that_went_by_itself_needs_nobody() -> None:
    state, commands = advance(PLAN, waiting(), Gone(ASKS.key))
    assert [command.task for command in commands if isinstance(command, Delete)] == [GOES.id]
    assert state.results[ASKS.id].status == "Pruned"


def test_who_agreed_before_is_not_asked_again() -> None:
    world = World()
    state = run(replace(PLAN, confirmed=True), world)
    assert state.record.phase == "Succeeded"
    assert "delete asks (prune)" in world.log


def test_after_a_restart_it_waits_again() -> None:
    state = waiting()
    again = begin(PLAN, to_record(state))
    again, commands = advance(PLAN, again, Started())
    assert commands == (DryRun(tuple(one.id for one in PLAN.tasks)),)


def test_a_dry_run_waits_for_nobody() -> None:
    world = World()
    state = run(replace(PLAN, dry_run=True), world)
    assert state.record.phase == "Succeeded"
    assert state.results[ASKS.id].message == "pruned (dry run)"


def test_waiting_can_be_ended() -> None:
    state, commands = advance(PLAN, waiting(), Terminated())
    assert commands == (Finish(OperationPhase.FAILED, "Operation terminated"),)
    assert state.results == {}
