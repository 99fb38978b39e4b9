"""One object's part in a sync, as a value: what is wanted, what is live, and when its turn is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tiphys.core.health import judge
from tiphys.core.sync.manner import PLAIN, Manner
from tiphys.model.live import Propagation
from tiphys.model.names import ANNOTATION_OPERATION, FINALIZER_HOOK
from tiphys.model.resource import GroupVersionKind, Manifest, ResourceKey
from tiphys.model.status import HealthStatus, HookDeletePolicy, SyncPhase


class TaskId(NamedTuple):
    """Stable over restarts: it is read back from syncResult.resources[].

    `shown` is the key as results show it: a cluster-scoped target carries the destination's
    namespace there.
    """

    phase: SyncPhase
    shown: ResourceKey


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """What the engine has to know of a live object. `health` None: its kind has no judgement."""

    uid: str
    deleting: bool = False
    stamp: str = ""
    finalizer: bool = False
    health: HealthStatus | None = None


def live_facts(manifest: Manifest) -> LiveFacts:
    metadata: Mapping[str, object] = manifest.get("metadata") or {}
    annotations = metadata.get("annotations")
    finalizers = metadata.get("finalizers")
    stamp = annotations.get(ANNOTATION_OPERATION) if isinstance(annotations, Mapping) else ""
    return LiveFacts(
        uid=str(metadata.get("uid") or ""),
        deleting=bool(metadata.get("deletionTimestamp")),
        stamp=str(stamp or ""),
        finalizer=isinstance(finalizers, list) and FINALIZER_HOOK in finalizers,
        health=judge(manifest),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTask:
    """Applies `target`, or prunes the live object where target is None.

    `key` is the object's real key, its namespace empty for cluster-scoped kinds. `live` is what
    was live when the plan was made. `keep` says why a prune is left out, `` that it is not; `last`
    that PruneLast concerns it, `confirm` that somebody has to agree first. `instance` is whose what
    is pruned said that it was.
    `stamp` is what a hook of this operation, attempt and phase carries. `changed`: the comparison
    says that desired and live differ.
    """

    id: TaskId
    key: ResourceKey
    gvk: GroupVersionKind
    wave: int = 0
    target: Manifest | None = None
    live: LiveFacts | None = None
    hook: bool = False
    policies: frozenset[HookDeletePolicy] = frozenset()
    stamp: str = ""
    keep: str = ""
    last: bool = False
    confirm: bool = False
    instance: str = ""
    manner: Manner = PLAIN
    changed: bool = True
    validate: bool = True
    skip_dry_run: bool = False
    images: tuple[str, ...] = ()

    @property
    def phase(self) -> SyncPhase:
        return self.id.phase

    @property
    def prune(self) -> bool:
        return self.target is None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a sync cannot begin; `task` None where it concerns the whole request."""

    task: TaskId | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sync will do, in the order in which it will: read by the runner, the CLI, dry runs.

    SyncFail hooks come last; they run only after a failure. `namespace` is the task that creates
    the destination namespace, where there is none yet: it goes before the dry run. `confirmed`:
    somebody has agreed to the prunes that ask for it. `permits` is the request's: of a kind that
    is not served yet only its scope tells what holds for it.
    """

    tasks: tuple[SyncTask, ...] = ()
    problems: tuple[Problem, ...] = ()
    namespace: TaskId | None = None
    propagation: Propagation = Propagation.FOREGROUND
    dry_run: bool = False
    confirmed: bool = False
    out_of_sync_only: bool = False
    wave_delay: float = 2.0
    permits: Callable[[ResourceKey, bool], str] = field(
        default=lambda _key, _namespaced: "", compare=False
    )

    @cached_property
    def by_id(self) -> Mapping[TaskId, SyncTask]:
        return {task.id: task for task in self.tasks}

    @cached_property
    def main(self) -> tuple[SyncTask, ...]:
        """All tasks but the SyncFail hooks."""
        return tuple(task for task in self.tasks if task.phase is not SyncPhase.SYNC_FAIL)

    @cached_property
    def rescue(self) -> tuple[SyncTask, ...]:
        """The SyncFail hooks."""
        return tuple(task for task in self.tasks if task.phase is SyncPhase.SYNC_FAIL)

    @cached_property
    def gated(self) -> bool:
        """Whether health is waited for: there is more than one phase or wave, hooks included."""
        turns = {(task.phase, task.wave) for task in self.tasks}
        return len(turns) > 1

    @cached_property
    def last_turn(self) -> tuple[SyncPhase, int] | None:
        """The phase and wave after which there is nothing to wait for."""
        return (self.main[-1].phase, self.main[-1].wave) if self.main else None

    def needed(self, task: SyncTask) -> bool:
        """Whether ApplyOutOfSyncOnly leaves the task in."""
        if not self.out_of_sync_only or task.hook:
            return True
        return task.target is None or task.live is None or task.changed
