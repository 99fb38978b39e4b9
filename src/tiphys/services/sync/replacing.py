"""Writes the whole object: created where there is none, else put in its place."""

from __future__ import annotations

from tiphys.core.sync.manner import never_removed
from tiphys.model.resource import Manifest
from tiphys.services.sync.ports import SyncedCluster
from tiphys.services.sync.recreating import Recreator
from tiphys.services.sync.work import Change, Outcome, Work


class Replacer:
    def __init__(self, cluster: SyncedCluster, recreator: Recreator) -> None:
        self._cluster = cluster
        self._recreator = recreator

    async def write(self, work: Work, live: Manifest | None, *, dry_run: bool = False) -> Outcome:
        """`dry_run` asks the server, which stores nothing."""
        writer, resource = self._cluster.writer, work.where.resource
        if live is None:
            made = await writer.create(
                resource,
                work.desired,
                validation=work.validation,
                dry_run=dry_run,
                warnings=work.warnings,
            )
            return Outcome(Change.CREATED, made)
        updated = never_removed(work.desired)
        if work.manner.force and not updated:
            if dry_run:
                # No server can try a deletion, and without it the new object may not be possible.
                return Outcome(Change.REPLACED, live)
            made = await self._recreator.recreate(work, live, work.desired)
            return Outcome(Change.REPLACED, made)
        put = await writer.replace(
            resource,
            work.at_version(live),
            validation=work.validation,
            dry_run=dry_run,
            warnings=work.warnings,
        )
        return Outcome(Change.UPDATED if updated else Change.REPLACED, put)
