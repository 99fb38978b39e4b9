"""Takes an application's objects away before the application goes, wave by wave.

Asked again whenever one of the objects changes. Each object is deleted with its uid as
precondition, and only from a complete and current list of its kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, assert_never

import structlog

from tiphys.core.app.conditions import Condition, set_conditions
from tiphys.core.app.deletion import (
    Candidate,
    Cascade,
    CascadeDone,
    DeleteObjects,
    DeletionBlocked,
    DropFinalizers,
    NothingAsked,
    WaitForDeletion,
    candidate,
    decide_deletion,
    next_deletions,
)
from tiphys.core.app.events import deletion_failed
from tiphys.core.app.spec import project_name
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ConflictError, InvalidObjectError, KubeError, ObjectNotFoundError
from tiphys.model.live import LiveObject, Propagation
from tiphys.model.resource import GroupKind
from tiphys.model.status import ConditionType
from tiphys.model.structs import encode
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter, LiveIndex
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.refresh import Again
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()

_RETRY = 5.0
"""Seconds until a deletion that failed is tried again, and until a silent one is looked at."""
_AFTER_CONFLICT = 0.2
_TYPES = frozenset({ConditionType.DELETION_ERROR})


class Deleter:
    """`projects` finds a project by name."""

    def __init__(
        self,
        store: ApplicationStore,
        reader: KubeReader,
        writer: KubeWriter,
        discovery: Discovery,
        index: LiveIndex,
        events: EventRecorder,
        *,
        instance: Callable[[Application], str],
        projects: Callable[[str], AppProject | None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reader = reader
        self._writer = writer
        self._discovery = discovery
        self._index = index
        self._events = events
        self._instance = instance
        self._projects = projects
        self._now = now

    async def delete(self, app: Application) -> Again | None:
        """One step of the deletion of an application that carries a deletionTimestamp."""
        decision = decide_deletion(app, self._projects(project_name(app.spec)))
        match decision:
            case NothingAsked():
                return None
            case DeletionBlocked(message):
                await self._failed(app, message)
                return None
            case DropFinalizers(finalizers):
                return await self._drop(app, finalizers)
            case Cascade(propagation, finalizers):
                return await self._cascade(app, propagation, finalizers)
            case _:
                assert_never(decision)

    async def _cascade(
        self, app: Application, propagation: Propagation, finalizers: Sequence[str]
    ) -> Again | None:
        tracked = self._index.tracked(self._instance(app))
        if late := self._late(app, tracked):
            await self._failed(app, f"the list of {', '.join(late)} is not complete")
            return Again(_RETRY)
        try:
            step = next_deletions(app, await self._candidates(app, tracked))
            match step:
                case WaitForDeletion():
                    return Again(_RETRY)
                case CascadeDone():
                    log.info("all objects are gone", application=app.name)
                    return await self._drop(app, finalizers)
                case DeleteObjects(objects):
                    done = await asyncio.gather(
                        *(self._remove(app, one, propagation) for one in objects)
                    )
                    # What was deleted is often gone by now; if not, its change comes back here.
                    return Again(0.0 if any(done) else _RETRY)
                case _:
                    assert_never(step)
        except KubeError as error:
            await self._failed(app, str(error))
            return Again(_RETRY)

    def _late(self, app: Application, tracked: Sequence[LiveObject]) -> list[str]:
        """Kinds of the application's objects of which it is not known what is live."""
        kinds = {found.key.group_kind for found in tracked}
        kinds |= {GroupKind(entry.group, entry.kind) for entry in app.status.resources}
        state = app.status.operation_state
        result = state.sync_result if state else None
        # Hooks are only named there.
        kinds |= {GroupKind(one.group, one.kind) for one in (result.resources if result else ())}
        served = [kind for kind in sorted(kinds) if self._discovery.scope(kind) is not None]
        return [str(kind) for kind in served if not self._index.complete([kind])]

    async def _candidates(self, app: Application, tracked: Sequence[LiveObject]) -> list[Candidate]:
        found = []
        for live in tracked:
            manifest = await self._index.manifest(live.key)
            if manifest is not None:
                found.append(candidate(app, manifest))
        return found

    async def _remove(self, app: Application, gone: Candidate, propagation: Propagation) -> bool:
        """Whether anything came of it. Another application of the name may own the object."""
        live = self._index.get(gone.key)
        resource = self._discovery.find(live.gvk) if live is not None else None
        if live is None or resource is None or self._store.same(app) is None:
            return False
        log.info("deleting", application=app.name, object=str(gone.key))
        key = gone.key
        try:
            await self._writer.delete(
                resource, key.namespace, key.name, uid=gone.uid, propagation=propagation
            )
            # Most objects go at once. One that lingers is marked, and the watch tells the rest.
            self._index.observe(await self._reader.get(resource, key.namespace, key.name))
        except (ObjectNotFoundError, ConflictError):
            # Gone, or another object has its name by now, which is none of ours.
            self._index.forget(key, gone.uid)
        return True

    async def _drop(self, app: Application, finalizers: Sequence[str]) -> Again | None:
        """Removes finalizers, testing that they are where they were seen."""
        present = list(app.metadata.finalizers)
        operations: list[dict[str, Any]] = []
        for index in reversed(range(len(present))):
            if present[index] in finalizers:
                path = f"/metadata/finalizers/{index}"
                operations.append({"op": "test", "path": path, "value": present[index]})
                operations.append({"op": "remove", "path": path})
        try:
            await self._store.json_patch(app, operations)
        except InvalidObjectError:
            return Again(_AFTER_CONFLICT)
        return None

    async def _failed(self, app: Application, message: str) -> None:
        log.warning("deletion is held up", application=app.name, error=message)
        found = [Condition(ConditionType.DELETION_ERROR, message)]
        conditions = set_conditions(app.status.conditions, found, _TYPES, self._now())
        if conditions == app.status.conditions:
            return
        await self._store.patch_status(
            app, {"conditions": [encode(condition) for condition in conditions]}
        )
        self._events.record(app, deletion_failed(message))
