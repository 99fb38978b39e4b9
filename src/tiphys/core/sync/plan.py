"""`plan(request, pairs, hooks) -> Plan`: everything that a sync will do, before it does any of it.

The same inputs give the same plan, so that after a restart the results that were stored fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tiphys.core.sync import options, wording
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest
from tiphys.core.sync.task import Plan, Problem, SyncTask, TaskId
from tiphys.core.sync.tasks import (
    brought_kinds,
    hook_tasks,
    may_skip_dry_run,
    namespace_task,
    object_tasks,
    problems_of,
)
from tiphys.core.sync.turns import in_turn
from tiphys.model.resource import ResourceKey


def plan(request: SyncRequest, pairs: Sequence[SyncPair], hooks: Sequence[HookTarget] = ()) -> Plan:
    """`hooks` are those that `hook_targets` named, with what is live of them."""
    tasks = [*object_tasks(request, pairs), *hook_tasks(request, hooks)]
    space = namespace_task(request, tasks)
    if space is not None:
        tasks.append(space)
    brought = brought_kinds(tasks)
    tasks = [replace(task, skip_dry_run=may_skip_dry_run(request, task, brought)) for task in tasks]
    # Two hooks that come to one name in one phase are one task: the last one, as for objects.
    ordered = in_turn({task.id: task for task in tasks}.values(), namespace=request.namespace)
    return Plan(
        tasks=ordered,
        problems=_problems(request, ordered),
        namespace=_namespace(request, ordered),
        propagation=options.propagation(request.options),
        dry_run=request.dry_run,
        confirmed=request.confirmed,
        out_of_sync_only=options.OUT_OF_SYNC_ONLY in request.options,
        wave_delay=request.wave_delay,
        permits=request.permits,
    )


def _problems(request: SyncRequest, tasks: Sequence[SyncTask]) -> tuple[Problem, ...]:
    space = wording.namespace_unknown(request.namespace_error) if request.namespace_error else ""
    general = (Problem(None, space),) if space else ()
    return general + tuple(problem for task in tasks for problem in problems_of(request, task))


def _namespace(request: SyncRequest, tasks: Sequence[SyncTask]) -> TaskId | None:
    """The task that creates the destination namespace, from Git or of its own."""
    key = ResourceKey("", "Namespace", "", request.namespace)
    return next(
        (
            task.id
            for task in tasks
            if task.key == key and not task.hook and not task.prune and task.live is None
        ),
        None,
    )
