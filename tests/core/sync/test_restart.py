"""Whatever the order of answers and wherever the process is killed: one end, one hook each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.sync.test_course import results
from tests.core.sync.world import (
    DEGRADED,
    HEALTHY,
    START,
    KilledError,
    World,
    job,
    record,
    run,
    task,
)
from tiphys.core.sync.advance import advance
from tiphys.core.sync.events import Delete, DryRunDone, Started
from tiphys.core.sync.state import SyncState, begin, to_record
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask
from tiphys.model.operation import ResourceResult, SyncOperationResult
from tiphys.model.status import HookDeletePolicy, SyncPhase

POLICIES = st.sets(st.sampled_from(HookDeletePolicy), max_size=2)
OLD = LiveFacts("old", stamp="2026-01-01T00:00:00Z/0/PreSync", finalizer=True)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[SyncTask, ...]:
    found: list[SyncTask] = []
    for index in range(draw(st.integers(1, 6))):
        name = f"n{index}"
        wave = draw(st.integers(0, 1))
        match draw(st.sampled_from(["object", "workload", "prune", "hook", "hook"])):
            case "object":
                found.append(task(name=name, wave=wave))
            case "workload":
                found.append(task("Deployment", name, wave=wave))
            case "prune":
                found.append(task(name=name, wave=wave, prune=True))
            case _:
                live = draw(st.sampled_from([None, OLD, replace(OLD, deleting=True)]))
                phase = draw(st.sampled_from(SyncPhase))
                policies = draw(POLICIES)
                found.append(job(name, phase, wave=wave, policies=policies, live=live))
    order = list(SyncPhase)
    return tuple(sorted(found, key=lambda t: (order.index(t.phase), t.wave, t.key.kind)))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = st.sets(st.sampled_from([f"n{index}" for index in range(6)]), max_size=2)
    bad = draw(names)
    return World(
        health={f"n{index}": DEGRADED if f"n{index}" in bad else HEALTHY for index in range(6)},
        fails=frozenset(draw(names)),
        dry_fails=frozenset(draw(st.sampled_from([set(), set(), {"n1"}]))),
        lingering=draw(st.booleans()),
    )


def copy(world: World) -> World:
    return World(
        health=dict(world.health),
        fails=world.fails,
        dry_fails=world.dry_fails,
        lingering=world.lingering,
        uids=count(),
    )


def verdict(state: SyncState) -> tuple[str, str, frozenset[tuple[str, str, str]]]:
    results = frozenset((r.sync_phase, r.name, r.status) for r in state.results.values())
    return state.record.phase, state.record.message, results


def created_once(world: World) -> bool:
    made = [line for line in world.log if line.startswith("create")]
    return len(made) == len(set(made))


@settings(max_examples=300, deadline=None)
@given(tasks(), worlds(), st.data())
def test_any_order_of_answers_ends_the_same(
    items: tuple[SyncTask, ...], world: World, data: st.DataObject
) -> None:
    plan = Plan(tasks=items, wave_delay=0)
    straight = run(plan, copy(world))
    world = copy(world)
    mixed = run(plan, world, choose=lambda size: data.draw(st.integers(0, size - 1)))
    assert verdict(mixed) == verdict(straight)
    assert created_once(world)


def settled(state: SyncState) -> tuple[str, str, frozenset[tuple[str, str, str]]]:
    """What a restart may not change."""
    phase, message, results = verdict(state)
    return phase, "" if phase == "Succeeded" else message, results


@settings(max_examples=500, deadline=None)
@given(
    tasks(),
    worlds(),
    st.lists(st.integers(0, 25), min_size=1, max_size=3),
    st.sampled_from([0.0, 2.0]),
)
def test_a_killed_sync_ends_as_if_it_was_not(
    items: tuple[SyncTask, ...], world: World, kills: list[int], delay: float
) -> None:
    plan = Plan(tasks=items, wave_delay=delay)
    straight = run(plan, copy(world))
    world = copy(world)
    current = plan
    for when in kills:
        steps = count()
        try:
            run(current, world, kill=partial(lambda steps, when: next(steps) == when, steps, when))
        except KilledError:
            current = world.fresh(plan)
        else:
            return
    final = run(current, world)
    assert created_once(world)
    # What was pruned is in no plan any more. Where it was a wave of its own, one wave is left,
    # whose health nobody waits for.
    if current.gated == plan.gated:
        assert settled(final) == settled(straight)
    if final.record.phase == "Succeeded":
        left = [
            world.objects[item.key] for item in items if item.key in world.objects and item.prune
        ]
        assert all(facts.deleting for facts in left)


def test_a_prune_that_was_begun_is_told_though_its_answer_never_came() -> None:
    old, keeper = task(name="old", prune=True), task(name="a")
    plan = Plan(tasks=(keeper, old))
    state, (command,) = advance(plan, begin(plan, record()), Started())
    state, (command,) = advance(plan, state, DryRunDone())
    assert isinstance(command, Delete)
    stored = to_record(state)
    assert results(stored) == [("old", "Pruned", "Running", "")]

    # The object went: nothing but the record knows of it.
    gone = begin(Plan(tasks=(keeper,)), stored)
    assert results(to_record(gone)) == [("old", "Pruned", "Succeeded", "pruned")]
    # It is still there: it is pruned now.
    state, commands = advance(plan, begin(plan, stored), Started())
    assert commands == (command,)


def test_what_is_stored_reads_back() -> None:
    plan = Plan(tasks=(job(), task(name="a")), wave_delay=0)
    state = run(plan, World())
    stored = to_record(state)
    assert to_record(begin(plan, stored)) == stored


def test_what_was_seen_just_now_beats_the_plan() -> None:
    web, hook = task("Deployment", "web", live=LiveFacts("1", health=HEALTHY)), job()
    plan = Plan(tasks=(web, hook))
    seen = {web.key: None, hook.key: LiveFacts("2", stamp=hook.stamp)}
    state, _ = advance(plan, begin(plan, record()), Started(seen))
    assert state.live == {hook.key: LiveFacts("2", stamp=hook.stamp)}


def test_results_of_others_are_kept() -> None:
    odd = ResourceResult(
        group="", version="v1", kind="X", namespace="", name="n", sync_phase="Later"
    )
    before = record(sync_result=SyncOperationResult(resources=(odd,), revision="abc"))
    plan = Plan()
    state, _ = advance(plan, begin(plan, before), Started())
    kept = to_record(state).sync_result
    assert kept
    assert kept.resources == (odd,)
    assert kept.revision == "abc"


def test_a_result_takes_its_revision_from_the_operation() -> None:
    created = to_record(begin(Plan(), record())).sync_result
    assert created
    assert created.revision == "abc1234567"
    bare = record(operation=type(record().operation)())
    empty = to_record(begin(Plan(), bare)).sync_result
    assert empty
    assert empty.revision == ""
    assert START
