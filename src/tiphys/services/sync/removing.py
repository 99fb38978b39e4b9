"""Deletes objects, and takes the finalizer off hooks. Never without the uid that was judged."""

from __future__ import annotations

from tiphys.core.sync.events import (
    Delete,
    Deleted,
    DeleteReason,
    FinalizerRemoved,
    RemoveHookFinalizer,
)
from tiphys.core.sync.task import SyncTask
from tiphys.model.errors import ConflictError, KubeError, ObjectNotFoundError
from tiphys.model.live import PatchKind
from tiphys.model.names import FINALIZER_HOOK
from tiphys.model.resource import Manifest
from tiphys.services.sync.address import Address, address
from tiphys.services.sync.ports import SyncedCluster
from tiphys.services.sync.sighting import facts_of

_TRIES = 5


class Remover:
    """Raises KubeError."""

    def __init__(self, cluster: SyncedCluster) -> None:
        self._cluster = cluster

    async def delete(self, task: SyncTask, command: Delete) -> Deleted:
        index = self._cluster.index
        where = await address(task, self._cluster.discovery)
        prune = command.reason is DeleteReason.PRUNE
        # What a partial or old list shows as unwanted may have become wanted.
        if prune and not index.complete([where.key.group_kind]):
            raise KubeError(
                f"the list of {where.key.group_kind} is not complete, nothing is pruned"
            )
        # Waves and hooks take their time, and another application may have taken it over.
        seen = index.get(where.key) if prune and task.instance else None
        if seen is not None and seen.instance != task.instance:
            raise KubeError("it is no longer tracked by the application, so it is not pruned")
        try:
            await self._cluster.writer.delete(
                where.resource,
                where.key.namespace,
                where.key.name,
                uid=command.uid,
                propagation=command.propagation,
            )
        except ObjectNotFoundError:
            index.forget(where.key, command.uid)
            return Deleted(task.id, gone=True)
        except ConflictError:
            # Another object has taken its place: that one was not judged.
            if prune:
                raise
            return Deleted(task.id, gone=command.reason is not DeleteReason.BEFORE_CREATION)
        return Deleted(task.id)

    async def release(self, task: SyncTask, command: RemoveHookFinalizer) -> FinalizerRemoved:
        where = await address(task, self._cluster.discovery)
        live = await self._cluster.index.manifest(where.key, task.gvk.version)
        for _ in range(_TRIES - 1):
            try:
                return await self._release(task, where, live, command.uid)
            except ConflictError:
                live = await self._get(where)
        return await self._release(task, where, live, command.uid)

    async def _release(
        self, task: SyncTask, where: Address, live: Manifest | None, uid: str
    ) -> FinalizerRemoved:
        if live is None:
            return FinalizerRemoved(task.id)
        facts = await facts_of(live, self._cluster.index)
        if facts.uid != uid or not facts.finalizer:
            return FinalizerRemoved(task.id, facts)
        metadata = live["metadata"]
        # The versions make sure that no finalizer of others is dropped or put back.
        body = {
            "metadata": {
                "uid": uid,
                "resourceVersion": metadata["resourceVersion"],
                "finalizers": [one for one in metadata["finalizers"] if one != FINALIZER_HOOK],
            }
        }
        try:
            answer = await self._cluster.writer.patch(
                where.resource, where.key.namespace, where.key.name, PatchKind.MERGE, body
            )
        except ObjectNotFoundError:
            self._cluster.index.forget(where.key, uid)
            return FinalizerRemoved(task.id)
        after = answer["metadata"]
        # The last finalizer of a deleted object: this may have been the end of it.
        if not after.get("deletionTimestamp") or after.get("finalizers"):
            self._cluster.index.observe(answer)
        return FinalizerRemoved(task.id, await facts_of(answer, self._cluster.index))

    async def _get(self, where: Address) -> Manifest | None:
        try:
            return await self._cluster.reader.get(
                where.resource, where.key.namespace, where.key.name
            )
        except ObjectNotFoundError:
            return None
