"""When each task has its turn: prune waves mirrored, dependencies before their first user."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from tiphys.core.manifest.order import ApplyOrder, apply_order
from tiphys.core.sync.manner import CRD
from tiphys.core.sync.task import SyncTask, TaskId
from tiphys.model.resource import GroupKind, Manifest, gvk_of
from tiphys.model.status import SyncPhase


def in_turn(tasks: Iterable[SyncTask], *, namespace: str) -> tuple[SyncTask, ...]:
    """Tasks in the order in which they run; `namespace` is the destination's."""
    turned = _mirrored(tuple(tasks))
    turned = _prune_last(turned)
    ordered = sorted(turned, key=_rank)
    # Every task counts as a user of its namespace, cluster-scoped ones of the destination's.
    ordered = _before_users(ordered, _namespace_given, lambda task: task.key.namespace or namespace)
    return tuple(
        _before_users(
            ordered, lambda task: defined_kind(task.target), lambda task: task.key.group_kind
        )
    )


def _rank(task: SyncTask) -> ApplyOrder:
    return apply_order(task.phase, task.wave, task.key.kind, task.key.name)


def _mirrored(tasks: Sequence[SyncTask]) -> tuple[SyncTask, ...]:
    """What was applied first is pruned last: the lowest wave swaps with the highest."""
    waves = sorted({task.wave for task in tasks if task.prune})
    swapped = dict(zip(waves, reversed(waves), strict=True))
    return tuple(replace(task, wave=swapped[task.wave]) if task.prune else task for task in tasks)


def _prune_last(tasks: Sequence[SyncTask]) -> tuple[SyncTask, ...]:
    highest = max((task.wave for task in tasks if task.phase is SyncPhase.SYNC), default=0)
    wave = 1 + max(0, highest)
    return tuple(replace(task, wave=wave) if task.prune and task.last else task for task in tasks)


def _before_users(
    tasks: Sequence[SyncTask],
    gives: Callable[[SyncTask], Hashable | None],
    uses: Callable[[SyncTask], Hashable],
) -> list[SyncTask]:
    """Pulls what others need in front of its first user, into that one's phase and wave."""
    first: dict[Hashable, int] = {}
    for index, task in enumerate(tasks):
        first.setdefault(uses(task), index)
    pulled: dict[int, list[SyncTask]] = {}
    moved: set[int] = set()
    for index, task in enumerate(tasks):
        given = gives(task)
        user = first.get(given) if given is not None else None
        if user is not None and user < index:
            pulled.setdefault(user, []).append(_joining(task, tasks[user]))
            moved.add(index)
    result: list[SyncTask] = []
    for index, task in enumerate(tasks):
        result.extend(pulled.get(index, ()))
        if index not in moved:
            result.append(task)
    return result


def _joining(task: SyncTask, user: SyncTask) -> SyncTask:
    return replace(task, id=TaskId(user.phase, task.id.shown), wave=user.wave)


def _namespace_given(task: SyncTask) -> Hashable | None:
    is_namespace = task.key.group_kind == GroupKind("", "Namespace")
    return task.key.name if is_namespace and not task.prune else None


def defined_kind(manifest: Manifest | None) -> GroupKind | None:
    """The kind that a CustomResourceDefinition brings, None for anything else."""
    if manifest is None or gvk_of(manifest).group_kind != CRD:
        return None
    spec = manifest.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(names, Mapping):
        return None
    return GroupKind(str(spec.get("group") or ""), str(names.get("kind") or ""))
