"""Lets the API server apply, and takes over what was applied client-side before.

Fields that a client-side apply owns would never be removed by the server's: its owner still wants
them. So those entries of managedFields become ours, before or right after the first apply.
"""

from __future__ import annotations

from collections.abc import Set

from tiphys.core.sync.managers import client_side_managers, takeover, updates
from tiphys.model.errors import ConflictError, InvalidObjectError, KubeError
from tiphys.model.live import PatchKind
from tiphys.model.resource import Manifest
from tiphys.services.sync.ports import SyncedCluster
from tiphys.services.sync.recreating import Recreator
from tiphys.services.sync.work import Change, Outcome, Work

_TRIES = 5
_UNPROCESSABLE = 422
_FORCED = "error validating options: --force cannot be used with --server-side"


class ServerSideApplier:
    def __init__(self, cluster: SyncedCluster, recreator: Recreator) -> None:
        self._cluster = cluster
        self._recreator = recreator

    async def write(self, work: Work, live: Manifest | None) -> Outcome:
        # Where the object did not leave a choice, force means what it means for a patch.
        asked = work.task.manner.write is work.manner.write
        if asked and work.manner.force:
            raise InvalidObjectError(_FORCED)
        before = work.manner.migrate
        if before and live is not None and updates(live, before):
            await self._migrate(work, before)
        try:
            answer = await self._apply(work)
        except InvalidObjectError as error:
            if live is None or not work.manner.force or error.status != _UNPROCESSABLE:
                raise
            answer = await self._recreator.recreate(work, live, work.desired)
            return Outcome(Change.APPLIED, answer)
        owners = client_side_managers(answer)
        if owners and await self._take_over(work, answer, owners):
            answer = await self._apply(work)
        return Outcome(Change.APPLIED, answer)

    async def _apply(self, work: Work) -> Manifest:
        where = work.where
        return await self._cluster.writer.patch(
            where.resource,
            where.key.namespace,
            where.key.name,
            PatchKind.APPLY,
            dict(work.desired),
            validation=work.validation,
            warnings=work.warnings,
            force=True,
        )

    async def _migrate(self, work: Work, manager: str) -> None:
        try:
            await self._take_over(work, await self._latest(work), {manager})
        except KubeError as error:
            key = work.where.key
            which = f"{{{key.group} {key.kind} {key.namespace} {key.name}}}"
            text = f"Failed to perform client-side apply migration for {which}: {error}"
            raise type(error)(text, status=error.status, reason=error.reason) from None

    async def _take_over(self, work: Work, live: Manifest, managers: Set[str]) -> bool:
        """Whether there was something to take over."""
        for _ in range(_TRIES - 1):
            try:
                return await self._move(work, live, managers)
            except ConflictError:
                live = await self._latest(work)
        return await self._move(work, live, managers)

    async def _move(self, work: Work, live: Manifest, managers: Set[str]) -> bool:
        body, where = takeover(live, managers), work.where
        if body:
            await self._cluster.writer.patch(
                where.resource, where.key.namespace, where.key.name, PatchKind.JSON, body
            )
        return bool(body)

    async def _latest(self, work: Work) -> Manifest:
        where = work.where
        return await self._cluster.reader.get(where.resource, where.key.namespace, where.key.name)
