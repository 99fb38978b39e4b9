"""Writes one object in the manner that was asked for, whatever the index knew of it.

The live side comes from the index, so that most writes cost one request. The index may lag:
an object that is there after all, is gone meanwhile or has changed is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import assert_never

from tiphys.core.sync.manner import CRD, Write
from tiphys.core.sync.task import SyncTask, live_facts
from tiphys.core.sync.turns import defined_kind
from tiphys.model.errors import (
    ConflictError,
    KubeError,
    KubeUnreachableError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from tiphys.model.resource import Manifest
from tiphys.services.sync.address import Address, address
from tiphys.services.sync.gate import Gate
from tiphys.services.sync.patching import Patcher
from tiphys.services.sync.ports import SyncedCluster
from tiphys.services.sync.recreating import Recreator
from tiphys.services.sync.replacing import Replacer
from tiphys.services.sync.serverside import ServerSideApplier
from tiphys.services.sync.work import Change, Outcome, Work

_TRIES = 5
_CRD_WAIT = 3.0
_CRD_POLL = 0.1

Wait = Callable[[float], Awaitable[None]]
Step = Callable[[Work, Manifest | None], Awaitable[Outcome]]


class Applier:
    """Raises KubeError and DiffError, whose texts belong in the task's result."""

    def __init__(
        self, cluster: SyncedCluster, gate: Gate | None = None, *, wait: Wait = asyncio.sleep
    ) -> None:
        self._cluster = cluster
        self._gate = gate or Gate(1)
        self._wait = wait
        recreator = Recreator(cluster, self._gate, wait=wait)
        self._patcher = Patcher(cluster, recreator)
        self._server_side = ServerSideApplier(cluster, recreator)
        self._replacer = Replacer(cluster, recreator)

    async def apply(self, task: SyncTask) -> Outcome:
        work = await self._work(task)
        outcome = await self._settled(work, self._write)
        self._cluster.index.observe(outcome.manifest)
        if work.where.resource.group_kind == CRD:
            await self._established(work.where, outcome.manifest)
        return outcome

    async def dry_run(self, task: SyncTask) -> Outcome:
        """What an apply would do. Only a replacement is asked of the server."""
        work = await self._work(task)
        if work.manner.write is Write.REPLACE:
            return await self._settled(work, self._try_replacement)
        return await self._patcher.predict(work, await self._known(work))

    async def _work(self, task: SyncTask) -> Work:
        return Work(task, await address(task, self._cluster.discovery))

    async def _settled(self, work: Work, step: Step) -> Outcome:
        """Takes the step, again with what is really there where the index was wrong."""
        live, last = await self._known(work), KubeError("")
        looked = False
        for _ in range(_TRIES):
            work.warnings.clear()
            try:
                return _warned(work, await step(work, live))
            except (ConflictError, ObjectExistsError, ObjectNotFoundError) as error:
                latest, last = await self._reread(work.where), error
                if latest is None and live is None:
                    # Nothing is there and yet it cannot be made: its namespace is missing.
                    raise
                live = latest
            except KubeError as error:
                if live is not None or looked or not _unanswered(error):
                    raise
                # The creation may have happened: what is there says so, and is never made twice.
                live, last, looked = await self._reread(work.where), error, True
        if live is not None and isinstance(last, ConflictError) and self._by_force(work):
            return _warned(work, await self._patcher.recreate(work, live))
        raise last

    def _by_force(self, work: Work) -> bool:
        return work.manner.write is Write.PATCH and work.manner.force

    async def _write(self, work: Work, live: Manifest | None) -> Outcome:
        task = work.task
        # A hook that carries this very stamp was created before the process was killed.
        if task.hook and live is not None and live_facts(live).stamp == task.stamp:
            return Outcome(Change.CREATED, live)
        match work.manner.write:
            case Write.PATCH:
                return await self._patcher.write(work, live)
            case Write.APPLY:
                return await self._server_side.write(work, live)
            case Write.REPLACE:
                return await self._replacer.write(work, live)
            case _:
                assert_never(work.manner.write)

    async def _try_replacement(self, work: Work, live: Manifest | None) -> Outcome:
        return await self._replacer.write(work, live, dry_run=True)

    async def _known(self, work: Work) -> Manifest | None:
        # What has no name is refused, never looked up.
        _ = work.desired
        return await self._cluster.index.manifest(work.where.key, work.task.gvk.version)

    async def _reread(self, where: Address) -> Manifest | None:
        try:
            return await self._cluster.reader.get(
                where.resource, where.key.namespace, where.key.name
            )
        except ObjectNotFoundError:
            return None

    async def _established(self, where: Address, definition: Manifest) -> None:
        """A custom kind is served a moment after its definition; not to see it is no fault."""
        kind = defined_kind(definition)
        for _ in range(round(_CRD_WAIT / _CRD_POLL)):
            try:
                seen = await self._cluster.reader.get(where.resource, "", where.key.name)
                if _is_established(seen):
                    await self._cluster.discovery.refresh()
                    if kind is None or self._cluster.discovery.scope(kind) is not None:
                        return
            except KubeError:
                return
            async with self._gate.outside():
                await self._wait(_CRD_POLL)


def _warned(work: Work, outcome: Outcome) -> Outcome:
    return replace(outcome, warnings=tuple(dict.fromkeys(work.warnings)))


def _unanswered(error: KubeError) -> bool:
    return isinstance(error, KubeUnreachableError) or error.status >= 500


def _is_established(definition: Manifest) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(
        condition.get("type") == "Established" and condition.get("status") == "True"
        for condition in conditions
    )
