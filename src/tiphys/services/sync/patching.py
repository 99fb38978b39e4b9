"""Applies as `kubectl apply` does: a three-way patch against what was applied last."""

from __future__ import annotations

from typing import Any

from tiphys.core.diff.applied import last_applied
from tiphys.core.diff.errors import LastAppliedError
from tiphys.core.diff.patch import Patch, three_way_patch
from tiphys.core.sync import rbac
from tiphys.model.errors import InvalidObjectError
from tiphys.model.resource import Manifest
from tiphys.services.sync.ports import SyncedCluster
from tiphys.services.sync.recreating import Recreator
from tiphys.services.sync.work import Change, Outcome, Work, reconciled

_UNPROCESSABLE = 422


class Patcher:
    def __init__(self, cluster: SyncedCluster, recreator: Recreator) -> None:
        self._cluster = cluster
        self._recreator = recreator

    async def write(self, work: Work, live: Manifest | None) -> Outcome:
        note = reconciled(work, live)
        if live is None:
            made = await self._cluster.writer.create(
                work.where.resource,
                work.marked,
                validation=work.validation,
                warnings=work.warnings,
            )
            return Outcome(Change.CREATED, made, note)
        if _binds_another(work, live):
            return await self.recreate(work, live)
        patch = await self._patch(work, live)
        if patch.empty:
            return Outcome(Change.UNCHANGED, live, note)
        try:
            return Outcome(Change.CONFIGURED, await self._send(work, patch), note)
        except InvalidObjectError as error:
            if error.status != _UNPROCESSABLE or not work.manner.force:
                raise
            return await self.recreate(work, live)

    async def recreate(self, work: Work, live: Manifest) -> Outcome:
        note = reconciled(work, live)
        return Outcome(
            Change.CONFIGURED, await self._recreator.recreate(work, live, work.marked), note
        )

    async def predict(self, work: Work, live: Manifest | None) -> Outcome:
        """All of it that needs no request to be sent."""
        note = reconciled(work, live, dry_run=True)
        if live is None:
            return Outcome(Change.CREATED, work.marked, note)
        if _binds_another(work, live):
            return Outcome(Change.CONFIGURED, work.marked, note)
        patch = await self._patch(work, live)
        return Outcome(Change.UNCHANGED if patch.empty else Change.CONFIGURED, live, note)

    async def _send(self, work: Work, patch: Patch) -> Manifest:
        where, body = work.where, dict[str, Any](patch.body)
        return await self._cluster.writer.patch(
            where.resource,
            where.key.namespace,
            where.key.name,
            patch.kind,
            body,
            validation=work.validation,
            warnings=work.warnings,
        )

    async def _patch(self, work: Work, live: Manifest) -> Patch:
        schema = await self._cluster.discovery.schema(work.task.gvk)
        return three_way_patch(
            original=_original(live), modified=work.marked, current=live, schema=schema
        )


def _binds_another(work: Work, live: Manifest) -> bool:
    return rbac.is_rbac(work.task.gvk) and rbac.binds_another(work.desired, live)


def _original(live: Manifest) -> Manifest:
    try:
        return last_applied(live) or {}
    except LastAppliedError:
        # What cannot be read says nothing: nothing is removed, and it is written anew.
        return {}
