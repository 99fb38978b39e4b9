"""What the sync engine is told and what it asks for.

Every command but the ones that await something is answered exactly once. The commands of one answer
run side by side. A durable command may make what happened unobservable (an object vanishes,
the operation ends), so the state has to be stored before it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import assert_never

from tiphys.core.sync.task import LiveFacts, TaskId
from tiphys.model.live import Propagation
from tiphys.model.resource import ResourceKey
from tiphys.model.status import OperationPhase

# Commands


class DeleteReason(Enum):
    PRUNE = "prune"
    BEFORE_CREATION = "before creation"
    HOOK_SUCCEEDED = "hook succeeded"
    HOOK_FAILED = "hook failed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class DryRun:
    """Check everything that can be checked without sending anything."""

    tasks: tuple[TaskId, ...]


@dataclass(frozen=True, slots=True)
class Apply:
    task: TaskId


@dataclass(frozen=True, slots=True)
class Delete:
    """`uid` is the precondition: what is deleted is what was judged, or nothing."""

    task: TaskId
    uid: str
    propagation: Propagation
    reason: DeleteReason


@dataclass(frozen=True, slots=True)
class RemoveHookFinalizer:
    """`ended`: the hook ran in this operation, so that its result must be stored before."""

    task: TaskId
    uid: str
    ended: bool


@dataclass(frozen=True, slots=True)
class AwaitHealth:
    """Say what becomes of these objects, the present state first. Replaces the earlier await."""

    tasks: tuple[TaskId, ...]


@dataclass(frozen=True, slots=True)
class AwaitGone:
    """Say when these objects are gone. Replaces the earlier await."""

    tasks: tuple[TaskId, ...]


@dataclass(frozen=True, slots=True)
class AwaitConfirmation:
    """Say when somebody has agreed to these prunes. Replaces the earlier await."""

    tasks: tuple[TaskId, ...]


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Finish:
    phase: OperationPhase
    message: str


Await = AwaitHealth | AwaitGone | AwaitConfirmation
Command = DryRun | Apply | Delete | RemoveHookFinalizer | Await | Sleep | Finish


def durable(command: Command) -> bool:
    """Whether the state must be stored before the command runs."""
    match command:
        case Finish():
            return True
        case RemoveHookFinalizer(ended=ended):
            return ended
        case Delete(reason=reason):
            return reason is not DeleteReason.BEFORE_CREATION
        case DryRun() | Apply() | Sleep():
            return False
        case AwaitHealth() | AwaitGone() | AwaitConfirmation():
            return False
        case _:
            assert_never(command)


# Events


@dataclass(frozen=True, slots=True)
class Started:
    """`live` is what was seen just now of the objects that the plan and the state speak of.

    None: known to be absent. It is empty for a new operation, whose plan says it all.
    """

    live: Mapping[ResourceKey, LiveFacts | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DryRunDone:
    """For every task either a message or an error text."""

    messages: Mapping[TaskId, str] = field(default_factory=dict)
    errors: Mapping[TaskId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    task: TaskId
    message: str
    live: LiveFacts


@dataclass(frozen=True, slots=True)
class Deleted:
    """The deletion was accepted; `gone`: there is nothing left to wait for."""

    task: TaskId
    gone: bool = False


@dataclass(frozen=True, slots=True)
class FinalizerRemoved:
    """`live` None: the object went with its finalizer."""

    task: TaskId
    live: LiveFacts | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The command that is open for the task failed."""

    task: TaskId
    message: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An object's present state."""

    key: ResourceKey
    live: LiveFacts


@dataclass(frozen=True, slots=True)
class Gone:
    """An object is known to be absent: the API server said so, not only a watch."""

    key: ResourceKey


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The wave delay is over."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Somebody has agreed to the prunes that ask for it."""


@dataclass(frozen=True, slots=True)
class Terminated:
    """Somebody, or the time-out, ends the operation."""

    message: str = "operation is terminating"


Event = (
    Started
    | DryRunDone
    | Applied
    | Deleted
    | FinalizerRemoved
    | Failed
    | Seen
    | Gone
    | TimerFired
    | Confirmed
    | Terminated
)
