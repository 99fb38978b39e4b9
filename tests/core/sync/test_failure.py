"""A sync that fails: what still runs, what is deleted, what the message says."""

from __future__ import annotations

from dataclasses import replace
from time import process_time

import pytest

from tests.core.sync.world import DEGRADED, PROGRESSING, World, job, record, run, task
from tiphys.core.sync.advance import advance
from tiphys.core.sync.events import (
    Applied,
    Apply,
    AwaitHealth,
    Delete,
    Deleted,
    DeleteReason,
    DryRunDone,
    Failed,
    FinalizerRemoved,
    Finish,
    Gone,
    RemoveHookFinalizer,
    Seen,
    Started,
    TimerFired,
)
from tiphys.core.sync.state import Stage, begin, to_record
from tiphys.core.sync.task import LiveFacts, Plan
from tiphys.core.sync.wording import cleaned
from tiphys.model.live import Propagation
from tiphys.model.status import HealthCode, HealthStatus, HookDeletePolicy, SyncPhase

FAILED_POLICY = HookDeletePolicy.HOOK_FAILED
RESCUE = SyncPhase.SYNC_FAIL


def statuses(plan: Plan, world: World) -> list[tuple[str, str, str, str]]:
    state = run(plan, world)
    stored = to_record(state).sync_result
    assert stored
    return [(r.name, r.status, r.hook_phase, r.message) for r in stored.resources]


def test_a_dry_run_that_fails_applies_nothing() -> None:
    world = World(dry_fails=frozenset({"b"}))
    plan = Plan(tasks=(task(name="a"), task(name="b"), job("rescue", RESCUE)))
    state = run(plan, world)
    assert world.log == ["dry run 3"]
    assert state.record.phase == "Failed"
    assert state.record.message == "one or more objects failed to apply (dry run)"
    assert [(r.name, r.status, r.hook_phase) for r in state.results.values()] == [
        ("b", "SyncFailed", "Failed")
    ]


def test_the_next_kind_is_applied_after_a_failure_the_next_wave_is_not() -> None:
    world = World(fails=frozenset({"a", "b"}))
    plan = Plan(
        tasks=(task(name="a"), task(name="b"), task("Deployment", "web"), task(name="c", wave=1))
    )
    state = run(plan, world)
    assert world.log == ["dry run 4", "fail a", "fail b", "create Sync web"]
    assert state.record.phase == "Failed"
    assert state.record.message == "one or more objects failed to apply, reason: a is bad,b is bad"


def test_a_prune_that_fails_stops_the_batch() -> None:
    world = World(undeletable=frozenset({"old"}))
    plan = Plan(tasks=(task(name="a"), task(name="old", prune=True)))
    assert statuses(plan, world) == [("old", "SyncFailed", "Failed", "forbidden")]
    assert world.log == ["dry run 2"]


def test_a_degraded_object_fails_the_wave() -> None:
    world = World(health={"web": DEGRADED})
    plan = Plan(tasks=(task("Deployment", "web"), task(name="late", wave=1)), wave_delay=0)
    state = run(plan, world)
    assert state.record.phase == "Failed"
    assert state.record.message == "one or more synchronization tasks completed unsuccessfully"
    (result,) = state.results.values()
    assert (result.status, result.hook_phase, result.message) == ("Synced", "Failed", "it broke")


@pytest.mark.parametrize("health", [HealthCode.DEGRADED, HealthCode.UNKNOWN])
def test_a_hook_that_fails_brings_the_rescue(health: HealthCode) -> None:
    world = World(health={"migrate": HealthStatus(health, "no luck")})
    plan = Plan(
        tasks=(
            job(policies=[FAILED_POLICY]),
            task(name="a"),
            job("rescue", RESCUE, policies=[FAILED_POLICY]),
        ),
        wave_delay=0,
    )
    state = run(plan, world)
    assert world.log[1:] == [
        "create PreSync migrate",
        "release migrate",
        "delete migrate (hook failed)",
        "create SyncFail rescue",
        "release rescue",
        "delete rescue (hook failed)",
    ]
    assert state.record.phase == "Failed"
    assert state.record.message == "one or more synchronization tasks completed unsuccessfully"


def test_a_rescue_that_fails_says_so() -> None:
    world = World(fails=frozenset({"a", "rescue"}))
    plan = Plan(tasks=(task(name="a"), job("rescue", RESCUE)), wave_delay=0)
    state = run(plan, world)
    assert state.record.message == (
        "one or more objects failed to apply, reason: a is bad\n"
        "one or more SyncFail hooks failed, reason: rescue is bad"
    )


def test_running_hooks_of_the_batch_are_waited_for() -> None:
    hook, bad = job(phase=SyncPhase.SYNC, policies=[FAILED_POLICY]), task(name="bad")
    rescue = job("rescue", RESCUE)
    plan = Plan(tasks=(bad, hook, rescue), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    state, _ = advance(plan, state, Failed(bad.id, "no"))
    progressing = LiveFacts("1", stamp=hook.stamp, finalizer=True, health=PROGRESSING)
    state, commands = advance(plan, state, Applied(hook.id, "m", progressing))
    # The rescue starts at once, beside the hook that still runs.
    assert commands == (Apply(rescue.id),)
    running = LiveFacts("2", stamp=rescue.stamp, finalizer=True, health=PROGRESSING)
    state, commands = advance(plan, state, Applied(rescue.id, "m", running))
    assert commands == (AwaitHealth((hook.id, rescue.id)),)
    done = HealthStatus(HealthCode.HEALTHY)
    state, commands = advance(plan, state, Seen(hook.key, replace(progressing, health=done)))
    assert commands == (RemoveHookFinalizer(hook.id, "1", ended=True),)
    state, commands = advance(
        plan, state, FinalizerRemoved(hook.id, replace(progressing, health=done, finalizer=False))
    )
    assert commands == (AwaitHealth((rescue.id,)),)
    state, commands = advance(plan, state, Seen(rescue.key, replace(running, health=done)))
    assert commands == (RemoveHookFinalizer(rescue.id, "2", ended=True),)
    state, commands = advance(plan, state, FinalizerRemoved(rescue.id))
    assert commands == (Delete(hook.id, "1", Propagation.FOREGROUND, DeleteReason.HOOK_FAILED),)
    state, commands = advance(plan, state, Deleted(hook.id))
    assert isinstance(commands[0], Finish)
    assert commands[0].message == (
        "one or more synchronization tasks completed unsuccessfully, reason: no"
    )


def test_an_object_that_vanished_fails() -> None:
    web = task("Deployment", "web")
    plan = Plan(tasks=(web, task(name="late", wave=1)), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    state, _ = advance(plan, state, Applied(web.id, "m", LiveFacts("1", health=PROGRESSING)))
    state, commands = advance(plan, state, Gone(web.key))
    assert isinstance(commands[0], Finish)
    text = "Resource apps/Deployment/web is missing, it might have been deleted"
    assert state.results[web.id].message == text
    assert (state.results[web.id].status, state.results[web.id].hook_phase) == (
        "SyncFailed",
        "Error",
    )
    assert commands[0].message.endswith(f", reason: {text}")


def test_a_finalizer_that_stays_fails_the_hook() -> None:
    hook = job()
    plan = Plan(tasks=(hook, task(name="a")), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    done = LiveFacts("1", stamp=hook.stamp, finalizer=True, health=HealthStatus(HealthCode.HEALTHY))
    state, commands = advance(plan, state, Applied(hook.id, "m", done))
    assert commands == (RemoveHookFinalizer(hook.id, "1", ended=True),)
    state, commands = advance(plan, state, Failed(hook.id, "forbidden"))
    assert isinstance(commands[0], Finish)
    result = state.results[hook.id]
    assert (result.hook_phase, result.message) == (
        "Error",
        "failed to remove hook finalizer: forbidden",
    )


@pytest.mark.parametrize("finalizer", [True, False])
def test_an_earlier_hook_that_stays_fails_the_batch(*, finalizer: bool) -> None:
    hook, other = job(live=LiveFacts("old", finalizer=finalizer)), job("other")
    plan = Plan(tasks=(hook, other), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    state, commands = advance(plan, state, Failed(hook.id, "forbidden"))
    # The other hook is not created after that.
    assert isinstance(commands[0], Finish)
    assert state.results[hook.id].status == "SyncFailed"
    assert other.id not in state.results


def test_a_rescue_whose_room_is_not_made_is_not_tried_for_ever() -> None:
    rescue = job("rescue", RESCUE, live=LiveFacts("old"))
    world = World(fails=frozenset({"a"}), undeletable=frozenset({"rescue"}))
    state = run(Plan(tasks=(task(name="a"), rescue), wave_delay=0), world)
    assert state.record.message.endswith("one or more SyncFail hooks failed, reason: forbidden")


def test_a_rescue_waits_for_its_room_with_the_message_of_the_failure() -> None:
    rescue = job("rescue", RESCUE, live=LiveFacts("old", deleting=True))
    messages: list[str] = []
    run(
        Plan(tasks=(task(name="a"), rescue), wave_delay=0),
        World(fails=frozenset({"a"})),
        messages=messages,
    )
    assert not [text for text in messages if text.startswith("waiting")]


def test_late_and_unknown_answers_change_nothing() -> None:
    only = task(name="a")
    plan = Plan(tasks=(only,))
    state, _ = advance(plan, begin(plan, record()), Started())
    assert advance(plan, state, Failed(only.id, "x")) == (state, ())
    assert advance(plan, state, TimerFired()) == (state, ())
    state, _ = advance(plan, state, DryRunDone())
    again, commands = advance(plan, state, DryRunDone(errors={only.id: "late"}))
    assert (again, commands) == (state, ())
    state, _ = advance(plan, state, Applied(only.id, "m", LiveFacts("1")))
    assert state.stage is Stage.DONE
    assert advance(plan, state, Started()) == (state, ())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('error validating "/tmp/1.yaml": no such field', "no such field"),
        ('error: error when creating "/tmp/1.yaml": forbidden', "forbidden"),
        (
            'error when applying patch:\n{"a":1}\nto:\nobject\nfor: "/tmp/1.yaml": immutable',
            "immutable",
        ),
        ("value: map[a:b c:[d]] is odd", "value:  is odd"),
        # Go's names of types are no values.
        ('Invalid value: map[string]string{"a":"b"}: immutable',) * 2,
        (
            "bad; if you choose to ignore these errors, turn validation off with --validate=false",
            "bad",
        ),
    ],
)
def test_errors_are_told_without_files_and_objects(said: str, told: str) -> None:
    assert cleaned(said) == told


def test_a_text_made_to_be_hard_is_cleaned_at_once() -> None:
    hard = "Invalid value: " + "map[:" * 20_000
    began = process_time()
    assert cleaned(hard) == hard
    assert process_time() - began < 1.0
