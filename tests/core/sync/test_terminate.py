"""An operation that is ended from outside."""

from __future__ import annotations

from dataclasses import replace

from tests.core.sync.world import (
    HEALTHY,
    PROGRESSING,
    World,
    job,
    record,
    run,
    task,
)
from tiphys.core.sync.advance import advance
from tiphys.core.sync.events import (
    Applied,
    Apply,
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
    Terminated,
)
from tiphys.core.sync.state import SyncState, begin, to_record
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask
from tiphys.model.live import Propagation
from tiphys.model.status import HookDeletePolicy, OperationPhase

FINISH = Finish(OperationPhase.FAILED, "Operation terminated")


def applied(hook: SyncTask, **changes: object) -> LiveFacts:
    facts = LiveFacts("1", stamp=hook.stamp, finalizer=True, health=PROGRESSING)
    return replace(facts, **changes)  # type: ignore[arg-type]


def waiting(plan: Plan, hook: SyncTask, facts: LiveFacts) -> SyncState:
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (Apply(hook.id),)
    state, _ = advance(plan, state, Applied(hook.id, "m", facts))
    return state


def test_a_running_hook_is_released_and_deleted() -> None:
    hook = job()
    plan = Plan(tasks=(hook, task(name="a")), wave_delay=0)
    state = waiting(plan, hook, applied(hook))
    state, commands = advance(plan, state, Terminated())
    assert state.record.phase == "Terminating"
    assert state.record.message == "operation is terminating"
    assert commands == (RemoveHookFinalizer(hook.id, "1", ended=True),)
    # The result is there before the hook goes.
    assert state.results[hook.id].hook_phase == "Failed"
    assert state.results[hook.id].message == "Terminated"
    state, commands = advance(
        plan, state, FinalizerRemoved(hook.id, applied(hook, finalizer=False))
    )
    assert commands == (Delete(hook.id, "1", Propagation.FOREGROUND, DeleteReason.TERMINATED),)
    state, commands = advance(plan, state, Deleted(hook.id))
    assert commands == (FINISH,)


def test_what_was_sent_is_waited_for() -> None:
    hook = job()
    plan = Plan(tasks=(hook,))
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    state, commands = advance(plan, state, Terminated())
    assert commands == ()
    state, commands = advance(plan, state, Applied(hook.id, "m", applied(hook)))
    assert commands == (RemoveHookFinalizer(hook.id, "1", ended=True),)


def test_a_hook_that_is_gone_has_succeeded() -> None:
    hook = job()
    plan = Plan(tasks=(hook,))
    state = waiting(plan, hook, applied(hook))
    state = replace(state, live={})
    state, commands = advance(plan, state, Terminated())
    assert commands == (FINISH,)
    result = state.results[hook.id]
    assert (result.hook_phase, result.message) == ("Succeeded", "Terminated")


def test_a_hook_that_had_ended_keeps_how() -> None:
    hook, slow = job(), job("slow")
    plan = Plan(tasks=(hook, slow))
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    state, _ = advance(plan, state, Applied(slow.id, "m", applied(slow)))
    state, _ = advance(plan, state, Terminated("operation is terminating due to timeout"))
    done = applied(hook, health=HEALTHY, finalizer=False)
    state, commands = advance(plan, state, Applied(hook.id, "m", done))
    assert [type(command) for command in commands] == [RemoveHookFinalizer]
    assert state.results[hook.id].hook_phase == "Succeeded"
    assert state.results[hook.id].message == "m"


def test_a_hook_with_the_failed_policy_goes_too() -> None:
    hook = job(policies=[HookDeletePolicy.HOOK_FAILED])
    plan = Plan(tasks=(hook,))
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    state, _ = advance(plan, state, Terminated())
    done = applied(hook, health=HEALTHY, finalizer=False)
    state, commands = advance(plan, state, Applied(hook.id, "m", done))
    assert [type(command) for command in commands] == [Delete]


def test_trouble_makes_it_an_error() -> None:
    hook = job()
    plan = Plan(tasks=(hook,))
    state = waiting(plan, hook, applied(hook, finalizer=False))
    state, commands = advance(plan, state, Terminated())
    assert [type(command) for command in commands] == [Delete]
    state, commands = advance(plan, state, Failed(hook.id, "forbidden"))
    assert commands == (Finish(OperationPhase.ERROR, "Operation termination had errors"),)


def test_a_restart_goes_on_terminating() -> None:
    hook = job()
    plan = Plan(tasks=(hook, task(name="a")), wave_delay=0)
    state, _ = advance(plan, waiting(plan, hook, applied(hook)), Terminated())
    stored = to_record(state)
    world = World(stored=stored)
    world.objects[hook.key] = applied(hook, finalizer=False)
    state = run(world.fresh(plan), world)
    assert state.record.message == "Operation terminated"
    assert world.log == ["delete migrate (terminated)"]


def test_objects_that_are_no_hooks_stay() -> None:
    first = task("Deployment", "web")
    plan = Plan(tasks=(first, task(name="late", wave=1)))
    state, _ = advance(plan, begin(plan, record()), Started())
    state, _ = advance(plan, state, DryRunDone())
    facts = LiveFacts("1", health=PROGRESSING)
    state, _ = advance(plan, state, Applied(first.id, "m", facts))
    assert state.sleeping
    state, commands = advance(plan, state, Terminated())
    assert commands == (FINISH,)
    assert state.results[first.id].hook_phase == "Running"


def test_the_rescue_does_not_run() -> None:
    plan = Plan(tasks=(job(), job("rescue")))
    state, _ = advance(plan, begin(plan, record()), Started())
    state, commands = advance(plan, state, Terminated())
    assert commands == ()
    state, commands = advance(plan, state, DryRunDone())
    assert commands == (FINISH,)
    assert advance(plan, state, Seen(plan.tasks[0].key, LiveFacts("1"))) == (state, ())
    assert advance(plan, state, Gone(plan.tasks[0].key)) == (state, ())
