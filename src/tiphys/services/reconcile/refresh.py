"""One pass over one application: compare what is wanted with what is live, and say so.

A pass writes one patch with everything that changed, and nothing where nothing did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from tiphys.core.app.autosync import (
    Compared as Outcome,
)
from tiphys.core.app.autosync import (
    HealLater,
    NoSync,
    StartSync,
    SyncRefused,
    decide_auto_sync,
)
from tiphys.core.app.conditions import (
    COMPARE_TYPES,
    SPEC_TYPES,
    SYNC_TYPES,
    Condition,
    set_conditions,
)
from tiphys.core.app.events import started, status_events
from tiphys.core.app.refresh import RefreshDecision, decide_refresh
from tiphys.core.app.spec import effective_source, project_name
from tiphys.core.app.status import (
    PassResult,
    after_compare,
    after_refusal,
    after_tree,
    merge_patch,
)
from tiphys.core.app.validate import invalid
from tiphys.core.settings import Settings
from tiphys.model.application import Application, ApplicationCondition, ApplicationSummary
from tiphys.model.appproject import AppProject
from tiphys.model.appstatus import ComparedTo
from tiphys.model.errors import ConflictError, InvalidObjectError, ManifestDecodeError
from tiphys.model.names import (
    ANNOTATION_REFRESH,
    ANNOTATION_REFRESH_TIMESTAMP,
    ANNOTATION_SKIP_RECONCILE,
    API_GROUP,
)
from tiphys.model.status import CompareLevel, ConditionType
from tiphys.model.structs import encode
from tiphys.services.live.ports import LiveIndex
from tiphys.services.reconcile.comparison import Compared, Comparer
from tiphys.services.reconcile.desired import DesiredState, Wanted
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import AppMemory, Memories
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()

_RETRY_LIVE = 1.0
"""Seconds until a comparison is tried again for which the live state was not complete."""
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


@dataclass(frozen=True, slots=True)
class Again:
    """Come back after so many seconds."""

    seconds: float


def skips(app: Application) -> bool:
    """Whether the application asks to be left alone."""
    return app.metadata.annotations.get(ANNOTATION_SKIP_RECONCILE, "") in _TRUE


class Refresher:
    """`projects` finds a project by name; `settings` are the present ones."""

    def __init__(
        self,
        store: ApplicationStore,
        memories: Memories,
        desired: DesiredState,
        comparer: Comparer,
        index: LiveIndex,
        events: EventRecorder,
        *,
        projects: Callable[[str], AppProject | None],
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._memories = memories
        self._desired = desired
        self._comparer = comparer
        self._index = index
        self._events = events
        self._projects = projects
        self._settings = settings
        self._now = now

    async def refresh(self, name: str) -> Again | None:
        """Does what the refresh ladder asks for, which may be nothing."""
        app = self._store.get(name)
        if app is None:
            return None
        memory = self._memories.of(name)
        try:
            decision = decide_refresh(app, memory.requested, self._now(), self._settings())
        except ManifestDecodeError as error:
            await self._undecodable(app, error)
            return None
        if decision is None:
            return None
        if decision.takes_request or decision.level >= (memory.requested or 0):
            memory.requested = None
        log.info(
            f"Refreshing app status ({decision.reason}), level ({decision.level.value})",
            application=app.name,
        )
        if decision.level is CompareLevel.TREE_ONLY and memory.prepared is not None:
            await self._tree_only(app)
            return None
        return await self._pass(app, memory, decision)

    # -- one pass -----------------------------------------------------------------------------

    async def _pass(
        self, app: Application, memory: AppMemory, decision: RefreshDecision
    ) -> Again | None:
        began = self._now()
        refused = invalid(app.spec, self._projects(project_name(app.spec)))
        if refused:
            await self._refuse(app, refused)
            return None
        settings = self._settings()
        wanted = await self._desired.load(
            app, memory, settings, level=decision.level, hard=decision.hard
        )
        if wanted.unsupported:
            await self._refuse(app, [Condition(ConditionType.INVALID_SPEC_ERROR, wanted.error)])
            return None
        if self._within_grace(memory, wanted, decision.level, settings):
            log.warning("repository failed", application=app.name, error=wanted.error)
            return None
        compared = await self._compare(app, wanted, memory, settings, hard=decision.hard)
        latest = self._store.get(app.name)
        if latest is None or _inputs(latest) != _inputs(app):
            # What was compared is not what stands there now: nothing may be concluded from it.
            memory.request(decision.level)
            return Again(0.0)
        again = await self._conclude(latest, compared, decision.level, began)
        await self._answer_request(app)
        return again

    async def _compare(
        self,
        app: Application,
        wanted: Wanted,
        memory: AppMemory,
        settings: Settings,
        *,
        hard: bool,
    ) -> Compared:
        return await self._comparer.compare(
            app,
            wanted,
            memory,
            instance=self._desired.instance(app),
            health_inline=settings.health_inline,
            hard=hard,
        )

    def _within_grace(
        self, memory: AppMemory, wanted: Wanted, level: CompareLevel, settings: Settings
    ) -> bool:
        """Whether a failing repository goes unmentioned for a while."""
        if not wanted.repository_failed:
            memory.repository_failed_at = None
            return False
        if level >= CompareLevel.FORCE_RESOLVE:
            return False
        now = self._now().timestamp()
        if memory.repository_failed_at is None:
            memory.repository_failed_at = now
            return settings.repo_error_grace > 0
        return now - memory.repository_failed_at < settings.repo_error_grace

    async def _conclude(
        self, app: Application, compared: Compared, level: CompareLevel, began: datetime
    ) -> Again | None:
        now = self._now()
        settings = self._settings()
        outcome = Outcome(
            compared.folded.sync,
            (compared.wanted.revision,),
            compared.folded.resources,
        )
        decision = decide_auto_sync(app, outcome, now, settings)
        conditions = self._conditions(app, compared, decision, now)
        old = app.raw.get("status") or {}
        result = self._result(app, compared, conditions, level, began, settings)
        patch = merge_patch(old, after_compare(old, result, now))
        starts = isinstance(decision, StartSync)
        if isinstance(decision, StartSync):
            await self._start(app, decision, patch)
        elif patch:
            await self._store.patch_status(app, patch)
        self._tell(app, compared)
        if isinstance(decision, HealLater):
            self._memories.of(app.name).request(CompareLevel.LATEST)
            return Again(decision.seconds)
        if isinstance(decision, NoSync) and decision.note:
            log.debug(decision.note, application=app.name)
        if compared.load_failed and not compared.wanted.error and not starts:
            self._memories.of(app.name).request(CompareLevel.LATEST)
            return Again(_RETRY_LIVE)
        return None

    def _conditions(
        self,
        app: Application,
        compared: Compared,
        decision: object,
        now: datetime,
    ) -> tuple[ApplicationCondition, ...]:
        found = list(compared.conditions)
        if isinstance(decision, SyncRefused):
            found.append(Condition(ConditionType.SYNC_ERROR, decision.message))
        evaluated = SPEC_TYPES | COMPARE_TYPES | SYNC_TYPES
        return set_conditions(app.status.conditions, found, evaluated, now)

    def _result(
        self,
        app: Application,
        compared: Compared,
        conditions: Sequence[ApplicationCondition],
        level: CompareLevel,
        began: datetime,
        settings: Settings,
    ) -> PassResult:
        return PassResult(
            sync=compared.folded.sync,
            compared_to=ComparedTo(
                source=effective_source(app.spec),
                destination=app.spec.destination,
                ignore_differences=app.spec.ignore_differences,
            ),
            revision=compared.wanted.revision,
            source_type=compared.wanted.source_type,
            resources=compared.folded.resources,
            health=compared.folded.health,
            summary=self._summary(app),
            conditions=conditions,
            level=level,
            started=began,
            controller_namespace=self._store.namespace,
            health_inline=settings.health_inline,
        )

    async def _start(self, app: Application, decision: StartSync, patch: dict[str, Any]) -> None:
        """Writes the operation and the status together; not where anyone wrote meanwhile."""
        body = {
            "operation": encode(decision.operation),
            "status": {**patch, "operationState": None},
        }
        try:
            written = await self._store.merge(app, body, unchanged=True)
        except ConflictError:
            # What was decided on is out of date: look again.
            self._memories.of(app.name).request(CompareLevel.LATEST)
            if patch:
                await self._store.patch_status(app, patch)
            return
        if written is not None:
            log.info(decision.event, application=app.name)
            self._events.record(written, started(decision.event))

    def _tell(self, before: Application, compared: Compared) -> None:
        after = self._store.get(before.name)
        if after is None:
            return
        for event in status_events(before.status, after.status):
            self._events.record(after, event)
        if before.status.sync.status != after.status.sync.status:
            for key, differences in compared.reasons():
                log.info(
                    "OutOfSync",
                    application=before.name,
                    object=str(key),
                    fields=[found.field for found in differences],
                )

    # -- passes that compare nothing ----------------------------------------------------------

    async def _tree_only(self, app: Application) -> None:
        old = app.raw.get("status") or {}
        patch = merge_patch(old, after_tree(old, self._summary(app)))
        if patch:
            await self._store.patch_status(app, patch)

    async def _refuse(self, app: Application, found: Sequence[Condition]) -> None:
        now = self._now()
        conditions = set_conditions(app.status.conditions, found, SPEC_TYPES, now)
        old = app.raw.get("status") or {}
        patch = merge_patch(old, after_refusal(old, conditions))
        if patch:
            await self._store.patch_status(app, patch)
        await self._answer_request(app)

    async def _undecodable(self, app: Application, error: ManifestDecodeError) -> None:
        """A spec or status that cannot be read: the spec is told, the status written anew."""
        condition = Condition(ConditionType.INVALID_SPEC_ERROR, f"{error.field} {error}")
        dated = set_conditions((), [condition], SPEC_TYPES, self._now())
        log.error("application cannot be read", application=app.name, error=condition.message)
        patch = merge_patch(app.raw.get("status") or {}, after_refusal({}, dated))
        if patch:
            await self._store.patch_status(app, patch)

    # -- small things -------------------------------------------------------------------------

    def _summary(self, app: Application) -> ApplicationSummary:
        """Images and kinds of everything below the application's objects."""
        images: set[str] = set()
        apps = False
        waiting = list(self._index.tracked(self._desired.instance(app)))
        while waiting:
            node = waiting.pop()
            images.update(node.images)
            apps = apps or (node.key.group, node.key.kind) == (API_GROUP, "Application")
            waiting.extend(self._index.dependants(node.uid))
        return ApplicationSummary(images=tuple(sorted(images)), is_app_of_apps=apps)

    async def _answer_request(self, app: Application) -> None:
        """Removes the annotation that asked for this pass, unless it was asked for anew."""
        annotations = app.metadata.annotations
        if ANNOTATION_REFRESH not in annotations:
            return
        operations: list[dict[str, Any]] = []
        stamp = annotations.get(ANNOTATION_REFRESH_TIMESTAMP)
        if stamp is not None:
            path = _pointer(ANNOTATION_REFRESH_TIMESTAMP)
            operations.append({"op": "test", "path": path, "value": stamp})
            operations.append({"op": "remove", "path": path})
        operations.append({"op": "remove", "path": _pointer(ANNOTATION_REFRESH)})
        try:
            await self._store.json_patch(app, operations)
        except InvalidObjectError:
            log.info("refresh was requested again meanwhile", application=app.name)


def _inputs(app: Application) -> tuple[object, ...]:
    """What a conclusion rests on beside the comparison."""
    state = (app.raw.get("status") or {}).get("operationState") or {}
    return (
        app.raw.get("spec"),
        app.raw.get("operation"),
        state.get("startedAt"),
        state.get("phase"),
    )


def _pointer(annotation: str) -> str:
    escaped = annotation.replace("~", "~0").replace("/", "~1")
    return f"/metadata/annotations/{escaped}"
