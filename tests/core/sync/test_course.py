"""The course of a sync that succeeds: order, gates, hooks, prunes, messages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.sync.world import (
    BEFORE,
    HEALTHY,
    PROGRESSING,
    STAMP,
    World,
    job,
    reasons,
    record,
    run,
    task,
)
from tiphys.core.sync.advance import advance
from tiphys.core.sync.events import (
    Applied,
    Apply,
    AwaitGone,
    AwaitHealth,
    DeleteReason,
    DryRun,
    DryRunDone,
    Finish,
    Gone,
    Seen,
    Sleep,
    Started,
    TimerFired,
)
from tiphys.core.sync.state import begin, to_record
from tiphys.core.sync.task import LiveFacts, Plan, Problem, SyncTask
from tiphys.model.operation import OperationState
from tiphys.model.status import (
    HealthCode,
    HealthStatus,
    HookDeletePolicy,
    OperationPhase,
    SyncPhase,
)

SUCCEEDED = HookDeletePolicy.HOOK_SUCCEEDED


def results(state_record: OperationState) -> list[tuple[str, str, str, str]]:
    assert state_record.sync_result
    return [(r.name, r.status, r.hook_phase, r.message) for r in state_record.sync_result.resources]


def test_one_wave_without_hooks_ends_at_once() -> None:
    world = World()
    state = run(Plan(tasks=(task(name="a"), task("Deployment", "web"))), world)
    assert (
        world.log
        == [
            "dry run 2",
            "create Sync a",
            "create Sync web",
            "finish Succeeded",
        ][:3]
    )
    assert state.record.phase == "Succeeded"
    assert state.record.message == "successfully synced (all tasks run)"
    # Nothing waited for health, so the results say what they said when it was applied.
    assert results(to_record(state)) == [
        ("a", "Synced", "Running", "a created"),
        ("web", "Synced", "Running", "web created"),
    ]


def test_nothing_to_do() -> None:
    state = run(Plan(), World())
    assert state.record.message == "successfully synced (no more tasks)"


def test_kinds_run_one_after_another() -> None:
    plan = Plan(tasks=(task(name="a"), task(name="b"), task("Deployment", "web")))
    state, commands = advance(plan, begin(plan, record()), Started())
    assert commands == (DryRun(tuple(t.id for t in plan.tasks)),)
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (Apply(plan.tasks[0].id), Apply(plan.tasks[1].id))
    state, commands = advance(plan, state, Applied(plan.tasks[0].id, "m", LiveFacts("1")))
    assert commands == ()
    state, commands = advance(plan, state, Applied(plan.tasks[1].id, "m", LiveFacts("2")))
    assert commands == (Apply(plan.tasks[2].id),)
    state, commands = advance(plan, state, Applied(plan.tasks[2].id, "m", LiveFacts("3")))
    assert commands == (Finish(OperationPhase.SUCCEEDED, "successfully synced (all tasks run)"),)


def test_waves_wait_for_health_and_for_the_delay() -> None:
    first, second = task("Deployment", "web", wave=0), task(name="late", wave=1)
    plan = Plan(tasks=(first, second))
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (Apply(first.id),)
    applied = LiveFacts("1", health=PROGRESSING)
    state, commands = advance(plan, state, Applied(first.id, "web created", applied))
    assert commands == (Sleep(2.0),)
    assert state.record.message == "waiting for healthy state of apps/Deployment/web"
    state, commands = advance(plan, state, Seen(first.key, applied))
    assert commands == ()
    state, commands = advance(plan, state, TimerFired())
    assert commands == (AwaitHealth((first.id,)),)
    healthy = replace(applied, health=HealthStatus(HealthCode.HEALTHY, "all well"))
    state, commands = advance(plan, state, Seen(first.key, healthy))
    assert commands == (Apply(second.id),)
    state, commands = advance(plan, state, Applied(second.id, "late created", LiveFacts("2")))
    assert state.done
    # There is no delay after the last wave, and the last wave is not waited for.
    assert results(to_record(state)) == [
        ("web", "Synced", "Succeeded", "all well"),
        ("late", "Synced", "Running", "late created"),
    ]


def test_no_delay_where_none_is_set() -> None:
    world = World()
    run(Plan(tasks=(task(name="a"), task(name="b", wave=1)), wave_delay=0), world)
    assert not [line for line in world.log if line.startswith("sleep")]


def test_the_message_counts_the_rest() -> None:
    web, api = task("Deployment", "web"), task("Deployment", "api")
    plan = Plan(tasks=(web, api, task(name="late", wave=1)), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    for item in (web, api):
        facts = LiveFacts("1", health=PROGRESSING)
        state, _ = advance(plan, state, Applied(item.id, "m", facts))
    assert (
        state.record.message
        == "waiting for healthy state of apps/Deployment/web and 1 more resources"
    )


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ((), "waiting for completion of hook batch/Job/migrate"),
        ((job("second"),), "waiting for completion of hook batch/Job/migrate and 1 more hooks"),
        (
            (task("Deployment", "web", phase=SyncPhase.PRE_SYNC),),
            "waiting for completion of hook batch/Job/migrate and 1 more resources",
        ),
    ],
)
def test_the_message_names_a_hook_first(others: tuple[SyncTask, ...], text: str) -> None:
    hook = job()
    plan = Plan(tasks=(*others[1:], *others[:1], hook, task(name="z")), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, DryRunDone())
    while commands and isinstance(commands[0], Apply):
        for command in commands:
            assert isinstance(command, Apply)
            facts = LiveFacts("1", health=PROGRESSING)
            state, more = advance(plan, state, Applied(command.task, "m", facts))
        commands = more
    expected = text
    if others and others[0].hook:
        expected = text.replace("migrate", "second")
    assert state.record.message == expected


def test_hooks_run_around_the_sync() -> None:
    plan = Plan(
        tasks=(
            job("pre"),
            task(name="a"),
            job("post", SyncPhase.POST_SYNC),
            job("rescue", SyncPhase.SYNC_FAIL),
        ),
        wave_delay=0,
    )
    world = World()
    state = run(plan, world)
    assert [line for line in world.log if not line.startswith("dry")] == [
        "create PreSync pre",
        "release pre",
        "create Sync a",
        "create PostSync post",
        "release post",
    ]
    assert state.record.message == "successfully synced (no more tasks)"
    stored = to_record(state).sync_result
    assert stored
    assert [(r.hook_type, r.sync_phase) for r in stored.resources] == [
        ("PreSync", "PreSync"),
        ("", "Sync"),
        ("PostSync", "PostSync"),
    ]


def test_a_hook_without_judgement_succeeds_at_once() -> None:
    hook = task(name="note", phase=SyncPhase.PRE_SYNC, hook=True)
    state = run(Plan(tasks=(hook,), wave_delay=0), World())
    assert results(to_record(state)) == [("note", "Synced", "Succeeded", "note created")]


def test_a_rescue_hook_turns_the_gate_on() -> None:
    plan = Plan(tasks=(task("Deployment", "web"), job("rescue", SyncPhase.SYNC_FAIL)))
    assert plan.gated
    assert not Plan(tasks=(task("Deployment", "web"),)).gated


def test_an_earlier_run_of_a_hook_goes_first() -> None:
    old = LiveFacts("old", stamp="2026-01-01T00:00:00Z/0/PreSync", finalizer=True)
    plan = Plan(tasks=(job(live=old), task(name="a")), wave_delay=0)
    world = World(lingering=True)
    state = run(plan, world)
    assert world.log[1:5] == [
        "release migrate",
        "delete migrate (before creation)",
        "create PreSync migrate",
        "release migrate",
    ]
    assert state.record.phase == "Succeeded"


def test_waiting_for_an_earlier_hook_says_so() -> None:
    old = LiveFacts("old", deleting=True)
    hook = job(live=old)
    plan = Plan(tasks=(hook,))
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (AwaitGone((hook.id,)),)
    assert state.record.message == "waiting for deletion of hook batch/Job/migrate"
    # A sighting that lags behind does not make it undeleted.
    state, commands = advance(plan, state, Seen(hook.key, LiveFacts("old")))
    assert commands == (AwaitGone((hook.id,)),)
    state, commands = advance(plan, state, Gone(hook.key))
    assert commands == (Apply(hook.id),)


def test_without_the_policy_an_earlier_hook_is_applied_onto() -> None:
    hook = job(live=LiveFacts("old"), policies=[SUCCEEDED])
    world = World()
    run(Plan(tasks=(hook,), wave_delay=0), world)
    assert world.log[1:] == [
        "patch PreSync migrate",
        "release migrate",
        "delete migrate (hook succeeded)",
    ]


def test_a_hook_of_this_attempt_is_not_created_again() -> None:
    mine = LiveFacts("1", stamp=f"{STAMP}/PreSync", finalizer=True, health=HEALTHY)
    world = World()
    state = run(Plan(tasks=(job(live=mine),), wave_delay=0), world)
    assert world.log[1:] == ["release migrate"]
    assert results(to_record(state)) == [
        ("migrate", "Synced", "Succeeded", "job.batch/migrate created")
    ]


def test_a_hook_of_two_phases_runs_twice() -> None:
    plan = Plan(tasks=(job("twice"), job("twice", SyncPhase.POST_SYNC)), wave_delay=0)
    world = World()
    run(plan, world)
    assert [line for line in world.log if line.startswith("create")] == [
        "create PreSync twice",
        "create PostSync twice",
    ]


def test_succeeded_hooks_go_at_the_very_end() -> None:
    plan = Plan(tasks=(job(policies=[SUCCEEDED]), task(name="a")), wave_delay=0)
    world = World()
    state = run(plan, world)
    assert world.log[-2:] == ["create Sync a", "delete migrate (hook succeeded)"]
    assert state.record.message == "successfully synced (all tasks run)"


def test_a_hook_that_cannot_be_deleted_does_not_fail_the_sync() -> None:
    plan = Plan(tasks=(job(policies=[SUCCEEDED]),), wave_delay=0)
    state = run(plan, World(undeletable=frozenset({"migrate"})))
    assert state.record.phase == "Succeeded"
    assert results(to_record(state)) == [
        ("migrate", "Synced", "Error", "failed to delete resource: forbidden")
    ]


def test_prunes_go_before_applies() -> None:
    plan = Plan(tasks=(task(name="a"), task(name="old", prune=True)))
    world = World()
    state = run(plan, world)
    assert world.log[1:] == ["delete old (prune)", "create Sync a"]
    assert results(to_record(state))[0] == ("old", "Pruned", "Succeeded", "pruned")


def test_what_is_kept_is_not_pruned() -> None:
    kept = task(name="kept", prune=True, keep="ignored (requires pruning)")
    gone = task(name="gone", prune=True, live=LiveFacts("1", deleting=True))
    world = World()
    state = run(Plan(tasks=(kept, gone)), world)
    assert not reasons(world.log, DeleteReason.PRUNE)
    assert results(to_record(state)) == [
        ("kept", "PruneSkipped", "Succeeded", "ignored (requires pruning)"),
        ("gone", "Pruned", "Succeeded", "pruned"),
    ]


def test_the_next_wave_waits_until_pruned_objects_are_gone() -> None:
    old = task(name="old", prune=True)
    plan = Plan(tasks=(old, task(name="late", wave=1)), wave_delay=0)
    world = World(lingering=True)
    messages: list[str] = []
    state = run(plan, world, messages=messages)
    assert "waiting for deletion of /ConfigMap/old" in messages
    assert state.record.phase == "Succeeded"


def test_out_of_sync_only_leaves_out_what_is_equal() -> None:
    equal = task(name="equal", live=LiveFacts("1"), changed=False)
    other = task(name="other", live=LiveFacts("2"), changed=True)
    hook = task(name="hook", hook=True, live=LiveFacts("3"), changed=False, policies=[SUCCEEDED])
    plan = Plan(
        tasks=(equal, other, task(name="new"), task(name="old", prune=True), hook),
        out_of_sync_only=True,
    )
    world = World()
    run(plan, world)
    assert world.log[0] == "dry run 4"
    assert not [line for line in world.log if "equal" in line]
    nothing = Plan(tasks=(equal,), out_of_sync_only=True)
    state = run(nothing, World())
    assert state.record.message == "successfully synced (no more tasks)"


def test_the_namespace_is_made_before_the_dry_run() -> None:
    space = task("Namespace", "demo", phase=SyncPhase.PRE_SYNC)
    world = World()
    plan = Plan(tasks=(space, task(name="a")), namespace=space.id, wave_delay=0)
    state = run(plan, world)
    assert world.log == ["create PreSync demo", "dry run 1", "create Sync a"]
    assert state.record.message == "successfully synced (all tasks run)"


def test_a_namespace_that_cannot_be_made_ends_it() -> None:
    space = task("Namespace", "demo", phase=SyncPhase.PRE_SYNC)
    world = World(fails=frozenset({"demo"}))
    state = run(Plan(tasks=(space, task(name="a")), namespace=space.id), world)
    assert state.record.phase == "Failed"
    assert state.record.message == "the namespace failed to apply, reason: demo is bad"


def test_a_dry_run_operation_sends_nothing() -> None:
    space = task("Namespace", "demo", phase=SyncPhase.PRE_SYNC)
    plan = Plan(
        tasks=(
            space,
            task(name="a"),
            task(name="odd", skip_dry_run=True),
            task(name="old", prune=True),
            task(name="kept", prune=True, keep="ignored (no prune)"),
            job("rescue", SyncPhase.SYNC_FAIL),
        ),
        namespace=space.id,
        dry_run=True,
    )
    world = World()
    state = run(plan, world)
    assert world.log == ["dry run 5"]
    assert state.record.phase == "Succeeded"
    assert state.record.message == "successfully synced (no more tasks)"
    skipped = "the dry run was skipped: the cluster does not serve the kind yet"
    assert results(to_record(state)) == [
        ("demo", "Synced", "Succeeded", "demo (dry run)"),
        ("a", "Synced", "Succeeded", "a (dry run)"),
        ("odd", "Synced", "Succeeded", skipped),
        ("old", "Pruned", "Succeeded", "pruned (dry run)"),
        ("kept", "PruneSkipped", "Succeeded", "ignored (no prune)"),
    ]


def test_a_plan_with_problems_runs_nothing() -> None:
    bad, good = task(name="bad"), task(name="good")
    plan = Plan(
        tasks=(bad, good),
        problems=(
            Problem(bad.id, "z is bad"),
            Problem(None, "a is bad"),
            Problem(None, "a is bad"),
        ),
    )
    for stored in (record(), to_record(begin(plan, record()))):
        world = World(stored=stored)
        state = run(plan, world)
        assert world.log == []
        assert state.record.phase == "Failed"
        text = "one or more synchronization tasks are not valid: a is bad; z is bad"
        assert state.record.message == text
        assert results(to_record(state)) == [("bad", "SyncFailed", "", "z is bad")]


def test_a_suspended_cron_job_is_not_waited_for() -> None:
    asleep = HealthStatus(HealthCode.SUSPENDED)
    tasks = (task("CronJob", "nightly"), task(name="late", wave=1))
    world = World(health={"nightly": asleep})
    cron = replace(tasks[0])
    plan = Plan(tasks=(cron, tasks[1]), wave_delay=0)
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, DryRunDone())
    state, commands = advance(plan, state, Applied(cron.id, "m", LiveFacts("1", health=asleep)))
    assert commands == (Apply(tasks[1].id),)
    assert world.log == []


def test_the_policies_of_a_hook_default_to_before_creation() -> None:
    assert job().policies == BEFORE
