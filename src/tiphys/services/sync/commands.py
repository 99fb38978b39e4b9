"""Runs one command of the sync engine and answers with its event. Nothing a cluster says raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tiphys.core.diff.errors import DiffError
from tiphys.core.sync.events import (
    Applied,
    Apply,
    Delete,
    DryRun,
    DryRunDone,
    Event,
    Failed,
    RemoveHookFinalizer,
    Sleep,
    TimerFired,
)
from tiphys.core.sync.task import Plan, SyncTask, TaskId, live_facts
from tiphys.model.errors import KubeError
from tiphys.services.sync.applying import Applier, message
from tiphys.services.sync.ports import Cluster
from tiphys.services.sync.removing import Remover
from tiphys.services.sync.wording import failure

_BREATH = 50
"""After so many dry runs others get a turn."""

Wait = Callable[[float], Awaitable[None]]
Runnable = DryRun | Apply | Delete | RemoveHookFinalizer | Sleep


class CommandRunner:
    """`limit` is how many writes of all syncs are under way at once."""

    def __init__(self, cluster: Cluster, *, limit: int, wait: Wait = asyncio.sleep) -> None:
        self._discovery = cluster.discovery
        self._applier = Applier(cluster, wait=wait)
        self._remover = Remover(cluster)
        self._gate = asyncio.Semaphore(limit)
        self._wait = wait

    async def run(self, plan: Plan, command: Runnable) -> Event:
        match command:
            case DryRun(tasks=tasks):
                return await self._dry_run(plan, tasks)
            case Sleep(seconds=seconds):
                await self._wait(seconds)
                return TimerFired()
            case Apply() | Delete() | RemoveHookFinalizer():
                task = plan.by_id[command.task]
                try:
                    async with self._gate:
                        return await self._write(task, command)
                except (KubeError, DiffError) as error:
                    return Failed(task.id, failure(error, task, self._discovery))

    async def _write(self, task: SyncTask, command: Apply | Delete | RemoveHookFinalizer) -> Event:
        match command:
            case Apply():
                outcome = await self._applier.apply(task)
                text = message(task, outcome.change)
                return Applied(task.id, text, live_facts(outcome.manifest))
            case Delete():
                return await self._remover.delete(task, command)
            case RemoveHookFinalizer():
                return await self._remover.release(task, command)

    async def _dry_run(self, plan: Plan, tasks: tuple[TaskId, ...]) -> DryRunDone:
        messages: dict[TaskId, str] = {}
        errors: dict[TaskId, str] = {}
        for count, identity in enumerate(tasks, 1):
            task = plan.by_id[identity]
            if task.prune:
                continue
            try:
                change = await self._applier.dry_run(task)
                messages[identity] = message(task, change, dry_run=True)
            except (KubeError, DiffError) as error:
                errors[identity] = failure(error, task, self._discovery)
            if count % _BREATH == 0:
                await asyncio.sleep(0)
        return DryRunDone(messages, errors)
