"""Where a sync stands, and how that is written to and read from `status.operationState`.

What must survive a restart is in the contract's fields alone: the results, the phase and the
message. Everything else here is what the running engine remembers between two events; after a
restart it is built again from the record and a fresh plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from msgspec.structs import replace as replace_struct

from tiphys.core.sync import wording
from tiphys.core.sync.events import Command
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask, TaskId
from tiphys.model.operation import OperationState, ResourceResult, SyncOperationResult
from tiphys.model.resource import ResourceKey
from tiphys.model.status import OperationPhase, ResultCode, SyncPhase


class Stage(Enum):
    """Which ladder decides what comes next."""

    CHECK = auto()
    RUN = auto()
    CLOSE = auto()
    FAIL = auto()
    TERMINATE = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class SyncState:
    """`live` holds what is live by real key; what is not in it is absent.

    `open` holds the commands that are not answered yet, by task. `halted`: something in the batch
    failed that the rest of the batch must not run after. `rescued`: the SyncFail hooks had their
    turn. `given_up`: hooks whose removal failed. `confirmed`: somebody has agreed to the prunes
    that ask for it. `ending`: the final message, once it is decided.
    """

    record: OperationState
    results: Mapping[TaskId, ResourceResult] = field(default_factory=dict)
    live: Mapping[ResourceKey, LiveFacts] = field(default_factory=dict)
    stage: Stage = Stage.CHECK
    checked: bool = False
    open: Mapping[TaskId, Command] = field(default_factory=dict)
    dry_running: bool = False
    sleeping: bool = False
    batch: tuple[TaskId, ...] = ()
    halted: bool = False
    rescued: bool = False
    given_up: frozenset[TaskId] = frozenset()
    confirmed: bool = False
    ending: str = ""

    @property
    def done(self) -> bool:
        return self.stage is Stage.DONE

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come, so that nothing new is decided."""
        return bool(self.open) or self.dry_running or self.sleeping

    def hook_phase(self, task: TaskId) -> str:
        result = self.results.get(task)
        return result.hook_phase if result else ""

    def running(self, task: TaskId) -> bool:
        return self.hook_phase(task) == OperationPhase.RUNNING

    def completed(self, task: TaskId) -> bool:
        phase = self.hook_phase(task)
        return bool(phase) and OperationPhase(phase).completed

    def failed(self, task: TaskId) -> bool:
        return self.completed(task) and self.hook_phase(task) != OperationPhase.SUCCEEDED

    def sync_failed(self, task: TaskId) -> bool:
        result = self.results.get(task)
        return result is not None and result.status == ResultCode.SYNC_FAILED

    def with_live(self, key: ResourceKey, facts: LiveFacts | None) -> SyncState:
        known = dict(self.live)
        if facts is None:
            known.pop(key, None)
        else:
            before = known.get(key)
            # A watch may lag behind our own delete: an object never stops being deleted.
            if before and before.uid == facts.uid and before.deleting:
                facts = replace(facts, deleting=True)
            known[key] = facts
        return replace(self, live=known)

    def with_message(self, message: str) -> SyncState:
        return replace(self, record=replace_struct(self.record, message=message))

    def with_result(
        self,
        task: SyncTask,
        phase: OperationPhase | None,
        *,
        status: ResultCode | None = None,
        message: str = "",
    ) -> SyncState:
        """Only what is given changes: an empty message never overwrites one."""
        before = self.results.get(task.id) or _blank(task)
        after = replace_struct(
            before,
            status=status.value if status else before.status,
            hook_phase=phase.value if phase else before.hook_phase,
            message=message or before.message,
        )
        if after == before and task.id in self.results:
            return self
        return replace(self, results={**self.results, task.id: after})


def _blank(task: SyncTask) -> ResourceResult:
    shown = task.id.shown
    return ResourceResult(
        group=shown.group,
        version=task.gvk.version,
        kind=shown.kind,
        namespace=shown.namespace,
        name=shown.name,
        hook_type=task.phase.value if task.hook else "",
        sync_phase=task.phase.value,
        images=task.images,
    )


def begin(plan: Plan, record: OperationState) -> SyncState:
    """The state of an operation that starts, or goes on after a restart."""
    results = dict(_resumed(plan, record))
    live = {task.key: task.live for task in plan.tasks if task.live is not None}
    state = SyncState(record=record, results=results, live=live, confirmed=plan.confirmed)
    if record.phase == OperationPhase.TERMINATING:
        return replace(state, stage=Stage.TERMINATE)
    if not _resources(record) or plan.problems:
        return state
    # The message was stored together with the decision, before the first step that followed it.
    if record.message in wording.SUCCESSES:
        return replace(state, stage=Stage.CLOSE, ending=record.message)
    if record.message in wording.FAILURES:
        return replace(state, stage=Stage.FAIL, ending=record.message)
    # Results that were stored say that the dry run was passed.
    return replace(state, stage=Stage.RUN)


def to_record(state: SyncState) -> OperationState:
    """What is stored: only the contract's fields."""
    before = state.record.sync_result
    if before is None:
        sync = state.record.operation.sync
        before = SyncOperationResult(revision=sync.revision if sync else "")
    resources = tuple(state.results.values())
    return replace_struct(state.record, sync_result=replace_struct(before, resources=resources))


def missing_results(state: SyncState, tasks: Iterable[SyncTask]) -> tuple[SyncTask, ...]:
    """The tasks that were not begun."""
    return tuple(task for task in tasks if not state.hook_phase(task.id))


def _resumed(plan: Plan, record: OperationState) -> Iterator[tuple[TaskId, ResourceResult]]:
    """The stored results. A prune that was begun is done where its object is gone, else to do."""
    for result in _resources(record):
        identity = _id_of(result)
        begun = result.status == ResultCode.PRUNED and result.hook_phase == OperationPhase.RUNNING
        if not begun:
            yield identity, result
        elif identity not in plan.by_id:
            done = OperationPhase.SUCCEEDED.value
            yield identity, replace_struct(result, hook_phase=done, message=wording.PRUNED)


def _resources(record: OperationState) -> tuple[ResourceResult, ...]:
    return record.sync_result.resources if record.sync_result else ()


def _id_of(result: ResourceResult) -> TaskId:
    known = result.sync_phase in SyncPhase.__members__.values()
    phase = SyncPhase(result.sync_phase) if known else SyncPhase.SYNC
    return TaskId(phase, ResourceKey(result.group, result.kind, result.namespace, result.name))
