"""Deletes an object and creates it anew, for what cannot be changed in place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tiphys.model.errors import KubeError, ObjectNotFoundError
from tiphys.model.live import Propagation
from tiphys.model.resource import Manifest
from tiphys.services.sync.gate import Gate
from tiphys.services.sync.ports import SyncedCluster
from tiphys.services.sync.work import Work

_PATIENCE = 300.0
_FIRST_LOOK = 0.1
_LAST_LOOK = 2.0
_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields",
            "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")  # fmt: skip

Wait = Callable[[float], Awaitable[None]]


class Recreator:
    """Waits outside of the gate, for at most five minutes."""

    def __init__(self, cluster: SyncedCluster, gate: Gate, *, wait: Wait = asyncio.sleep) -> None:
        self._cluster = cluster
        self._gate = gate
        self._wait = wait

    async def recreate(self, work: Work, live: Manifest, body: Manifest) -> Manifest:
        """The object as it was created; what was there is put back where that fails."""
        where, uid = work.where, str(live["metadata"]["uid"])
        with suppress(ObjectNotFoundError):
            await self._cluster.writer.delete(
                where.resource,
                where.key.namespace,
                where.key.name,
                uid=uid,
                propagation=Propagation.BACKGROUND,
            )
        await self._gone(work, uid)
        self._cluster.index.forget(where.key, uid)
        try:
            return await self._create(work, body)
        except KubeError:
            await self._put_back(work, live)
            raise

    async def _gone(self, work: Work, uid: str) -> None:
        where, waited, pause = work.where, 0.0, _FIRST_LOOK
        while True:
            try:
                seen = await self._cluster.reader.get(
                    where.resource, where.key.namespace, where.key.name
                )
            except ObjectNotFoundError:
                return
            if seen["metadata"]["uid"] != uid:
                return
            if waited >= _PATIENCE:
                raise KubeError("timed out waiting for the deletion of the object")
            async with self._gate.outside():
                await self._wait(pause)
            waited, pause = waited + pause, min(pause * 2, _LAST_LOOK)

    async def _create(self, work: Work, body: Manifest) -> Manifest:
        return await self._cluster.writer.create(
            work.where.resource, body, validation=work.validation, warnings=work.warnings
        )

    async def _put_back(self, work: Work, live: Manifest) -> None:
        meta = {name: value for name, value in live["metadata"].items() if name not in _SERVERS}
        before = {name: value for name, value in live.items() if name != "status"}
        try:
            made = await self._cluster.writer.create(
                work.where.resource, {**before, "metadata": meta}, validation="Ignore"
            )
        except KubeError:
            # Why the new one was refused is what has to be told.
            return
        self._cluster.index.observe(made)
