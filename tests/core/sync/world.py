"""A cluster of the sync engine's size: objects by key, commands run on them, events out.

Deterministic, without time: health is what the scenario says, asked for in a chosen order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count

from tiphys.core.sync.advance import advance
from tiphys.core.sync.events import (
    Applied,
    Apply,
    Await,
    AwaitConfirmation,
    AwaitGone,
    AwaitHealth,
    Command,
    Confirmed,
    Delete,
    Deleted,
    DeleteReason,
    DryRun,
    DryRunDone,
    Event,
    Failed,
    FinalizerRemoved,
    Finish,
    Gone,
    RemoveHookFinalizer,
    Seen,
    Sleep,
    Started,
    TimerFired,
    durable,
)
from tiphys.core.sync.state import SyncState, begin, to_record
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask, TaskId
from tiphys.model.operation import Operation, OperationState, SyncOperation
from tiphys.model.resource import GroupVersionKind, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus, HookDeletePolicy, SyncPhase

START = "2026-11-23T10:00:00Z"
HEALTHY = HealthStatus(HealthCode.HEALTHY)
PROGRESSING = HealthStatus(HealthCode.PROGRESSING)
DEGRADED = HealthStatus(HealthCode.DEGRADED, "it broke")
BEFORE = frozenset({HookDeletePolicy.BEFORE_HOOK_CREATION})
STAMP = f"{START}/0"


def record(**changes: object) -> OperationState:
    operation = Operation(sync=SyncOperation(revision="abc1234567"))
    fields = {"operation": operation, "phase": "Running", "started_at": START, **changes}
    return OperationState(**fields)  # type: ignore[arg-type]


def task(
    kind: str = "ConfigMap",
    name: str = "a",
    *,
    phase: SyncPhase = SyncPhase.SYNC,
    wave: int = 0,
    prune: bool = False,
    hook: bool = False,
    policies: Iterable[HookDeletePolicy] = (),
    live: LiveFacts | None = None,
    **rest: object,
) -> SyncTask:
    group = {"Deployment": "apps", "Job": "batch", "CronJob": "batch"}.get(kind, "")
    key = ResourceKey(group, kind, "demo", name)
    wanted = None if prune else {"kind": kind, "metadata": {"name": name}}
    chosen = frozenset(policies) or (BEFORE if hook else frozenset())
    return SyncTask(
        id=TaskId(phase, key),
        key=key,
        gvk=GroupVersionKind(group, "v1", kind),
        wave=wave,
        target=wanted,
        live=live if live or not prune else LiveFacts("uid-live"),
        hook=hook,
        policies=chosen,
        stamp=f"{STAMP}/{phase}" if hook else "",
        **rest,  # type: ignore[arg-type]
    )


def job(name: str = "migrate", phase: SyncPhase = SyncPhase.PRE_SYNC, **rest: object) -> SyncTask:
    return task("Job", name, phase=phase, hook=True, **rest)  # type: ignore[arg-type]


@dataclass
class World:
    """`fails` and `dry_fails` name the objects whose writes fail; `health` what they come to."""

    health: dict[str, HealthStatus | None] = field(default_factory=dict)
    fails: frozenset[str] = frozenset()
    dry_fails: frozenset[str] = frozenset()
    undeletable: frozenset[str] = frozenset()
    lingering: bool = False
    objects: dict[ResourceKey, LiveFacts] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    stored: OperationState | None = None
    uids: count[int] = field(default_factory=count)

    def settled(self, item: SyncTask) -> HealthStatus | None:
        default = HEALTHY if item.key.kind in ("Job", "Deployment") else None
        return self.health.get(item.key.name, default)

    def answer(self, plan: Plan, command: Command) -> Iterable[Event]:
        match command:
            case DryRun(tasks=tasks):
                self.log.append(f"dry run {len(tasks)}")
                bad = {t: "no" for t in tasks if t.shown.name in self.dry_fails}
                good = {t: f"{t.shown.name} (dry run)" for t in tasks if t not in bad}
                yield DryRunDone(good, bad)
            case Apply(task=identity):
                yield self.apply(plan.by_id[identity])
            case Delete():
                yield self.delete(plan.by_id[command.task], command)
            case RemoveHookFinalizer(task=identity):
                yield self.release(plan.by_id[identity])
            case AwaitHealth(tasks=tasks) | AwaitGone(tasks=tasks):
                for identity in tasks:
                    yield self.look(plan.by_id[identity])
            case AwaitConfirmation(tasks=tasks):
                self.log.append(f"ask for {' '.join(one.shown.name for one in tasks)}")
                yield Confirmed()
            case Sleep(seconds=seconds):
                self.log.append(f"sleep {seconds:g}")
                yield TimerFired()
            case Finish(phase=phase):
                self.log.append(f"finish {phase}")

    def apply(self, item: SyncTask) -> Event:
        if item.key.name in self.fails:
            self.log.append(f"fail {item.key.name}")
            return Failed(item.id, f"{item.key.name} is bad")
        before = self.objects.get(item.key)
        self.log.append(f"{'patch' if before else 'create'} {item.phase} {item.key.name}")
        facts = LiveFacts(
            uid=before.uid if before else f"uid-{next(self.uids)}",
            stamp=item.stamp,
            finalizer=item.hook,
            health=None if self.settled(item) is None else PROGRESSING,
        )
        self.objects[item.key] = facts
        return Applied(item.id, f"{item.key.name} created", facts)

    def delete(self, item: SyncTask, command: Delete) -> Event:
        facts = self.objects.get(item.key)
        if item.key.name in self.undeletable:
            return Failed(item.id, "forbidden")
        self.log.append(f"delete {item.key.name} ({command.reason.value})")
        if facts is None or facts.uid != command.uid:
            return Deleted(item.id, gone=True)
        if facts.finalizer or self.lingering:
            self.objects[item.key] = replace(facts, deleting=True)
            return Deleted(item.id)
        del self.objects[item.key]
        return Deleted(item.id, gone=True)

    def release(self, item: SyncTask) -> Event:
        facts = self.objects.get(item.key)
        self.log.append(f"release {item.key.name}")
        if facts is None:
            return FinalizerRemoved(item.id)
        if facts.deleting:
            del self.objects[item.key]
            return FinalizerRemoved(item.id)
        self.objects[item.key] = replace(facts, finalizer=False)
        return FinalizerRemoved(item.id, self.objects[item.key])

    def look(self, item: SyncTask) -> Event:
        facts = self.objects.get(item.key)
        if facts is None:
            return Gone(item.key)
        if facts.deleting and not facts.finalizer:
            del self.objects[item.key]
            return Gone(item.key)
        if facts.health is not None:
            facts = self.objects[item.key] = replace(facts, health=self.settled(item))
        return Seen(item.key, facts)

    def fresh(self, plan: Plan) -> Plan:
        """The plan as it would be made now: live facts read again, pruned objects gone."""
        tasks = tuple(
            replace(item, live=self.objects.get(item.key))
            for item in plan.tasks
            if not item.prune or item.key in self.objects
        )
        return replace(plan, tasks=tasks)


Kill = Callable[[], bool]


class KilledError(Exception):
    pass


def run(
    plan: Plan,
    world: World,
    *,
    choose: Callable[[int], int] = lambda _: 0,
    kill: Kill = lambda: False,
    messages: list[str] | None = None,
) -> SyncState:
    """Runs to the end as the runner does: stores before durable steps and when it waits."""
    for item in plan.tasks:
        if item.live is not None:
            world.objects.setdefault(item.key, item.live)
    state = begin(plan, world.stored or record())
    state, commands = advance(plan, state, Started())
    queue = _accept(world, state, commands)
    for _ in range(10_000):
        if state.done:
            return state
        assert queue, "nothing outstanding and not done: no wake-up"
        command = queue.pop(choose(len(queue)))
        if kill():
            raise KilledError
        events = list(world.answer(plan, command))
        if kill():
            raise KilledError
        for event in events:
            state, commands = advance(plan, state, event)
            if messages is not None:
                messages.append(state.record.message)
            queue = _merged(queue, _accept(world, state, commands))
    raise AssertionError("does not end")


def _accept(world: World, state: SyncState, commands: Iterable[Command]) -> list[Command]:
    commands = list(commands)
    boundary = any(durable(c) or isinstance(c, Await | Sleep) for c in commands)
    if boundary:
        world.stored = to_record(state)
    return commands


def _merged(queue: list[Command], new: list[Command]) -> list[Command]:
    if any(isinstance(c, Await) for c in new):
        queue = [c for c in queue if not isinstance(c, Await)]
    return queue + new


def reasons(log: Iterable[str], reason: DeleteReason) -> list[str]:
    return [line for line in log if line.endswith(f"({reason.value})")]
