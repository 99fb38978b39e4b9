"""Applies one object as `kubectl apply` does: a three-way patch against what was applied last.

The live side comes from the index, so that most applies cost one request. The index may lag:
an object that is there after all, is gone meanwhile or has changed is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tiphys.core.diff.applied import last_applied, with_last_applied
from tiphys.core.diff.errors import LastAppliedError
from tiphys.core.diff.patch import Patch, three_way_patch
from tiphys.core.sync import wording
from tiphys.core.sync.task import SyncTask, live_facts
from tiphys.core.sync.turns import CRD, defined_kind
from tiphys.model.errors import (
    ConflictError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from tiphys.model.resource import Manifest
from tiphys.services.sync.address import Address, address
from tiphys.services.sync.ports import Cluster

_TRIES = 5
_CRD_WAIT = 3.0
_CRD_POLL = 0.1

Wait = Callable[[float], Awaitable[None]]


class Change(StrEnum):
    """kubectl's words for what an apply did."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`manifest` is the object as the server answered it."""

    change: Change
    manifest: Manifest


class Applier:
    """Raises KubeError and DiffError, whose texts belong in the task's result."""

    def __init__(self, cluster: Cluster, *, wait: Wait = asyncio.sleep) -> None:
        self._cluster = cluster
        self._wait = wait

    async def apply(self, task: SyncTask) -> Outcome:
        where = await address(task, self._cluster.discovery)
        desired = _desired(task, where)
        live = await self._cluster.index.manifest(where.key, task.gvk.version)
        looked = False
        last: KubeError
        for _ in range(_TRIES):
            try:
                outcome = await self._write(task, where, desired, live)
            except (ConflictError, ObjectExistsError, ObjectNotFoundError) as error:
                latest, last = await self._reread(where), error
                if latest is None and live is None:
                    # Nothing is there and yet it cannot be made: its namespace is missing.
                    raise
                live = latest
                continue
            except KubeError as error:
                if live is not None or looked or not _unanswered(error):
                    raise
                # The creation may have happened: what is there says so, and is never made twice.
                live, last, looked = await self._reread(where), error, True
                continue
            self._cluster.index.observe(outcome.manifest)
            if where.resource.group_kind == CRD:
                await self._established(where, outcome.manifest)
            return outcome
        raise last

    async def dry_run(self, task: SyncTask) -> Change:
        """All of an apply that needs no request to be sent."""
        where = await address(task, self._cluster.discovery)
        desired = _desired(task, where)
        live = await self._cluster.index.manifest(where.key, task.gvk.version)
        if live is None:
            return Change.CREATED
        patch = await self._patch(task, desired, live)
        return Change.UNCHANGED if patch.empty else Change.CONFIGURED

    async def _write(
        self, task: SyncTask, where: Address, desired: Manifest, live: Manifest | None
    ) -> Outcome:
        writer = self._cluster.writer
        validation = "Strict" if task.validate else "Ignore"
        if live is None:
            made = await writer.create(where.resource, desired, validation=validation)
            return Outcome(Change.CREATED, made)
        # A hook that carries this very stamp was created before the process was killed.
        if task.hook and live_facts(live).stamp == task.stamp:
            return Outcome(Change.CREATED, live)
        patch = await self._patch(task, desired, live)
        if patch.empty:
            return Outcome(Change.UNCHANGED, live)
        body: dict[str, Any] = dict(patch.body)
        namespace, name = where.key.namespace, where.key.name
        patched = await writer.patch(
            where.resource, namespace, name, patch.kind, body, validation=validation
        )
        return Outcome(Change.CONFIGURED, patched)

    async def _patch(self, task: SyncTask, desired: Manifest, live: Manifest) -> Patch:
        schema = await self._cluster.discovery.schema(task.gvk)
        return three_way_patch(
            original=_original(live), modified=desired, current=live, schema=schema
        )

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
            await self._wait(_CRD_POLL)


def message(task: SyncTask, change: Change, *, dry_run: bool = False) -> str:
    """As kubectl prints it: `deployment.apps/web configured`."""
    text = f"{wording.object_name(task.gvk, task.key.name)} {change}"
    return f"{text} (dry run)" if dry_run else text


def _desired(task: SyncTask, where: Address) -> Manifest:
    manifest = task.target or {}
    prefix = (manifest.get("metadata") or {}).get("generateName")
    if not task.key.name:
        text = f"from {prefix}: cannot use generate name with apply" if prefix else "has no name"
        raise InvalidObjectError(text)
    return with_last_applied(where.placed(manifest))


def _original(live: Manifest) -> Manifest:
    try:
        return last_applied(live) or {}
    except LastAppliedError:
        # What cannot be read says nothing: nothing is removed, and it is written anew.
        return {}


def _unanswered(error: KubeError) -> bool:
    return isinstance(error, KubeUnreachableError) or error.status >= 500


def _is_established(definition: Manifest) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(
        condition.get("type") == "Established" and condition.get("status") == "True"
        for condition in conditions
    )
