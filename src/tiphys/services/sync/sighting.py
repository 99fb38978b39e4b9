"""What the index, and where it has nothing the API server, says of the objects of a sync."""

from __future__ import annotations

from dataclasses import replace

from tiphys.core.sync.task import LiveFacts, SyncTask, live_facts
from tiphys.model.errors import ObjectNotFoundError
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthStatus
from tiphys.services.live.judging import PENDING
from tiphys.services.live.ports import LiveIndex
from tiphys.services.sync.address import Address, known_address
from tiphys.services.sync.ports import SyncedCluster


async def facts_of(manifest: Manifest, index: LiveIndex) -> LiveFacts:
    """What an object is that was just read, its health by a script where its kind has one."""
    return replace(live_facts(manifest), health=_told(await index.health(manifest)))


def _told(health: HealthStatus | None) -> HealthStatus | None:
    """That a script is still to be asked is nothing to be told, for it would stay in the result."""
    return HealthStatus(PENDING.status) if health == PENDING else health


class Lookout:
    def __init__(self, cluster: SyncedCluster) -> None:
        self._cluster = cluster

    async def look(self, task: SyncTask, known: LiveFacts | None) -> LiveFacts | None:
        """The object as the index has it now; absent only if the API server says so.

        `known` is what the sync believes. Raises KubeError.
        """
        where = known_address(task, self._cluster.discovery)
        if where is None:
            return None
        seen = self._cluster.index.get(where.key)
        if seen is None:
            return await self.ask(task)
        await self._cluster.index.judged([where.key])
        seen = self._cluster.index.get(where.key) or seen
        if known is not None and known.uid == seen.uid:
            # Stamp and finalizer are ours: they do not change without us.
            deleting = known.deleting or seen.deleting
            return replace(known, deleting=deleting, health=_told(seen.health))
        manifest = await self._cluster.index.manifest(where.key, task.gvk.version)
        return None if manifest is None else await facts_of(manifest, self._cluster.index)

    async def ask(self, task: SyncTask) -> LiveFacts | None:
        """The object as the API server has it; the index learns of it. Raises KubeError."""
        where = known_address(task, self._cluster.discovery)
        manifest = await self._get(where) if where else None
        return None if manifest is None else await facts_of(manifest, self._cluster.index)

    def watched(self, task: SyncTask) -> bool:
        """Whether the index tells of changes, so that nobody has to ask."""
        return self._cluster.index.complete([task.key.group_kind])

    async def _get(self, where: Address) -> Manifest | None:
        index, key = self._cluster.index, where.key
        try:
            manifest = await self._cluster.reader.get(where.resource, key.namespace, key.name)
        except ObjectNotFoundError:
            seen = index.get(key)
            if seen is not None:
                index.forget(key, seen.uid)
            return None
        index.observe(manifest)
        return manifest
