"""Runs one command of the sync engine and answers with its event. Nothing a cluster says raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

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
from tiphys.core.sync.manner import Write
from tiphys.core.sync.rbac import is_rbac
from tiphys.core.sync.task import Plan, SyncTask, TaskId
from tiphys.model.errors import (
    ConnectionEndedError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
)
from tiphys.model.metrics import ApplyCommand
from tiphys.services.sync.address import address
from tiphys.services.sync.applying import Applier
from tiphys.services.sync.gate import Gate
from tiphys.services.sync.ports import Answering, SyncedCluster
from tiphys.services.sync.removing import Remover
from tiphys.services.sync.sighting import facts_of
from tiphys.services.sync.wording import failure, without_values
from tiphys.services.sync.work import told

_BREATH = 50
"""After so many dry runs others get a turn."""
_ASKED_AT_ONCE = 8
_PATIENCE = 3
"""How often a write is begun again after the cluster was away."""

T = TypeVar("T")
Wait = Callable[[float], Awaitable[None]]
Runnable = DryRun | Apply | Delete | RemoveHookFinalizer | Sleep


class CommandRunner:
    """`gate` is that of all syncs to the cluster."""

    def __init__(self, cluster: SyncedCluster, gate: Gate, *, wait: Wait = asyncio.sleep) -> None:
        self._cluster = cluster
        self._applier = Applier(cluster, gate, wait=wait)
        self._remover = Remover(cluster)
        self._gate = gate
        self._wait = wait

    async def run(self, plan: Plan, command: Runnable, ending: asyncio.Event) -> Event:
        """`ending`: the sync is told to end, so nobody waits for a cluster any more."""
        match command:
            case DryRun(tasks=tasks):
                return await self._dry_run([plan.by_id[task] for task in tasks], ending)
            case Sleep(seconds=seconds):
                await self._wait(seconds)
                return TimerFired()
            case Apply() | Delete() | RemoveHookFinalizer():
                task = plan.by_id[command.task]
                try:
                    return await self._answered(lambda: self._write(plan, task, command), ending)
                except ConnectionEndedError:
                    # Not the object's failure: the attempt goes on with the next connection.
                    raise
                except (KubeError, DiffError) as error:
                    return Failed(task.id, failure(error, task, self._cluster.discovery))

    async def _answered(self, act: Callable[[], Awaitable[T]], ending: asyncio.Event) -> T:
        """What got no answer is done again as soon as the cluster answers."""
        for _ in range(_PATIENCE):
            try:
                return await act()
            except KubeUnreachableError as error:
                answering = self._cluster.answering
                if error.status or answering is None or not await _first(answering, ending):
                    raise
        return await act()

    async def _write(
        self, plan: Plan, task: SyncTask, command: Apply | Delete | RemoveHookFinalizer
    ) -> Event:
        async with self._gate:
            match command:
                case Apply():
                    if task.skip_dry_run:
                        await self._require_permitted(plan, task)
                    with self._cluster.metrics.applying(_named(task)):
                        outcome = await self._applier.apply(task)
                    text = without_values(told(task, outcome), task)
                    facts = await facts_of(outcome.manifest, self._cluster.index)
                    return Applied(task.id, text, facts)
                case Delete():
                    return await self._remover.delete(task, command)
                case RemoveHookFinalizer():
                    return await self._remover.release(task, command)

    async def _require_permitted(self, plan: Plan, task: SyncTask) -> None:
        """The plan could not ask, for nobody knew whether the kind has namespaces."""
        where = await address(task, self._cluster.discovery)
        if refusal := plan.permits(where.key, where.resource.namespaced):
            raise InvalidObjectError(refusal)

    async def _dry_run(self, tasks: Iterable[SyncTask], ending: asyncio.Event) -> DryRunDone:
        messages: dict[TaskId, str] = {}
        errors: dict[TaskId, str] = {}

        async def tried(task: SyncTask) -> None:
            try:
                messages[task.id] = await self._answered(lambda: self._try(task), ending)
            except ConnectionEndedError:
                raise
            except (KubeError, DiffError) as error:
                errors[task.id] = failure(error, task, self._cluster.discovery)

        applied = [task for task in tasks if not task.prune]
        asking = [task for task in applied if task.manner.write is Write.REPLACE]
        for count, task in enumerate(applied, 1):
            if task.manner.write is not Write.REPLACE:
                await tried(task)
            if count % _BREATH == 0:
                await asyncio.sleep(0)
        for start in range(0, len(asking), _ASKED_AT_ONCE):
            some = asking[start : start + _ASKED_AT_ONCE]
            await asyncio.gather(*(tried(task) for task in some))
        return DryRunDone(messages, errors)

    async def _try(self, task: SyncTask) -> str:
        if task.manner.write is Write.REPLACE:
            async with self._gate:
                outcome = await self._applier.dry_run(task)
        else:
            outcome = await self._applier.dry_run(task)
        return without_values(told(task, outcome, dry_run=True), task)


def _named(task: SyncTask) -> ApplyCommand:
    """How the contract counts it."""
    if task.manner.write is Write.REPLACE:
        return ApplyCommand.CREATE if task.live is None else ApplyCommand.REPLACE
    return ApplyCommand.AUTH if is_rbac(task.gvk) else ApplyCommand.APPLY


async def _first(answering: Answering, ending: asyncio.Event) -> bool:
    """Whether the cluster answers before the sync is told to end."""
    back, told = asyncio.ensure_future(answering()), asyncio.ensure_future(ending.wait())
    try:
        await asyncio.wait((back, told), return_when=asyncio.FIRST_COMPLETED)
        if not back.done():
            return False
        await back
        return True
    finally:
        for one in (back, told):
            one.cancel()
        await asyncio.gather(back, told, return_exceptions=True)
