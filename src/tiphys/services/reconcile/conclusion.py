"""What follows from a comparison: the status, a sync or why there is none, and when to look again.

Everything that changed is written in one patch, with the beginning of an operation where one
begins.
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
    SyncPrevented,
    SyncRefused,
    decide_auto_sync,
)
from tiphys.core.app.conditions import (
    COMPARE_TYPES,
    SPEC_TYPES,
    SYNC_TYPES,
    TREE_TYPES,
    Condition,
    set_conditions,
)
from tiphys.core.app.events import started
from tiphys.core.app.operation import begun
from tiphys.core.app.spec import automation, effective_source, normal_sources
from tiphys.core.app.status import PassResult, after_compare, merge_patch
from tiphys.core.project import Verdict
from tiphys.core.settings import Settings
from tiphys.model.application import Application, ApplicationCondition
from tiphys.model.appstatus import ComparedTo
from tiphys.model.errors import ConflictError
from tiphys.model.status import CompareLevel, ConditionType, SyncCode
from tiphys.model.structs import encode
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.again import Again
from tiphys.services.reconcile.comparison import Compared
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import AppMemory, Memories
from tiphys.services.reconcile.report import PassReport
from tiphys.services.reconcile.starting import start_time
from tiphys.services.reconcile.stopwatch import timed
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()

_RETRY_LIVE = 1.0
_RETRY_LIVE_CAP = 60.0
"""Seconds until a comparison is tried again for which the live state was not complete; twice as
long each further time, for some kinds can never be listed.
"""
_AFTER_CONFLICT = 0.2


@dataclass(frozen=True, slots=True)
class Outlook:
    """A comparison that was made when an operation had done its work, before its end is told."""

    app: Application
    compared: Compared
    level: CompareLevel
    began: datetime
    look: int


class Conclusion:
    """`settings` are the present ones."""

    def __init__(
        self,
        store: ApplicationStore,
        memories: Memories,
        report: PassReport,
        events: EventRecorder,
        rules: ProjectRules,
        *,
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._memories = memories
        self._report = report
        self._events = events
        self._rules = rules
        self._settings = settings
        self._now = now

    async def draw(
        self,
        app: Application,
        compared: Compared,
        level: CompareLevel,
        began: datetime,
        *,
        look: int,
        moved: bool,
    ) -> Again | None:
        if not self._memory(app).tells(look):
            # The end of an operation has just told what came later.
            self._memory(app).request(level)
            return Again(0.0)
        now = self._now()
        settings = self._settings()
        outcome = Outcome(
            compared.folded.sync,
            compared.wanted.revisions,
            compared.folded.resources,
            may_have_changed=moved,
        )
        window = self._rules.window(app, manual=False, started_at=None, now=now)
        decision = decide_auto_sync(app, outcome, now, settings, window_open=window.allowed)
        if isinstance(decision, StartSync):
            early = (start_time(app, self._memory(app), now) - now).total_seconds()
            decision = HealLater(early) if early > 0 else decision
        conditions = self._conditions(app, compared, decision, now)
        old = app.raw.get("status") or {}
        result = self._result(app, compared, conditions, level, began, settings)
        patch = merge_patch(old, after_compare(old, result, now))
        begins = False
        if isinstance(decision, StartSync):
            with timed("setop"):
                begins = await self._start(app, decision, patch)
        if patch and not begins:
            with timed("patch"):
                await self._store.patch_status(app, patch)
        self._report.tell(app, compared)
        if isinstance(decision, StartSync) and not begins:
            # What was decided on is out of date: look again.
            self._memory(app).request(CompareLevel.LATEST)
            return Again(_AFTER_CONFLICT)
        if isinstance(decision, HealLater):
            self._memory(app).request(CompareLevel.LATEST)
            return Again(decision.seconds)
        if isinstance(decision, NoSync) and decision.note:
            log.debug(decision.note)
        again = self._retry_live(app, compared)
        if isinstance(decision, SyncPrevented):
            again = again or self._when_open(app, compared, window)
        return again

    def parts(self, app: Application, seen: Outlook) -> dict[str, Any]:
        """Whole parts of the status as they follow from an outlook, to be written with the end.

        Empty where a pass has to say more: the spec is another one by now, an automated sync may
        have to follow, or a part is to be taken away.
        """
        if app.raw.get("spec") != seen.app.raw.get("spec"):
            return {}
        if seen.compared.folded.sync is not SyncCode.SYNCED:
            return {}
        if not self._memory(app).tells(seen.look):
            return {}
        now, settings = self._now(), self._settings()
        conditions = self._conditions(app, seen.compared, None, now)
        old = app.raw.get("status") or {}
        result = self._result(app, seen.compared, conditions, seen.level, seen.began, settings)
        new = after_compare(old, result, now)
        if old.keys() - new.keys():
            return {}
        return {part: value for part, value in new.items() if old.get(part) != value}

    def _when_open(self, app: Application, compared: Compared, window: Verdict) -> Again | None:
        """Nothing happens when a window opens, so it is waited for where a sync is."""
        if automation(app.spec) is None or compared.folded.sync is not SyncCode.OUT_OF_SYNC:
            return None
        log.info("Sync prevented by sync window", error=window.error)
        if window.look_again is None:
            return None
        self._memory(app).request(CompareLevel.RECENT)
        return Again(max((window.look_again - self._now()).total_seconds(), 1.0))

    def _retry_live(self, app: Application, compared: Compared) -> Again | None:
        memory = self._memory(app)
        if not compared.load_failed or compared.wanted.error:
            memory.failures = 0
            return None
        # The revision is known, so the clock of the comparisons with Git need not be wound.
        memory.request(CompareLevel.RECENT)
        pause = min(_RETRY_LIVE * 2.0 ** min(memory.failures, 10), _RETRY_LIVE_CAP)
        memory.failures += 1
        return Again(pause)

    def _conditions(
        self,
        app: Application,
        compared: Compared,
        decision: object,
        now: datetime,
    ) -> tuple[ApplicationCondition, ...]:
        found = [*compared.conditions, *self._report.orphaned(app)]
        if isinstance(decision, SyncRefused):
            found.append(Condition(ConditionType.SYNC_ERROR, decision.message))
        evaluated = SPEC_TYPES | COMPARE_TYPES | TREE_TYPES
        if not isinstance(decision, SyncPrevented):
            evaluated |= SYNC_TYPES
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
                sources=normal_sources(app.spec),
                destination=app.spec.destination,
                ignore_differences=app.spec.ignore_differences,
            ),
            revision=compared.wanted.revision,
            source_type=compared.wanted.source_type,
            revisions=compared.wanted.listed,
            source_types=compared.wanted.source_types,
            resources=compared.folded.resources,
            health=compared.folded.health,
            summary=self._report.summary(app),
            conditions=conditions,
            level=level,
            started=began,
            controller_namespace=self._store.namespace,
            health_inline=settings.health_inline,
        )

    async def _start(self, app: Application, decision: StartSync, patch: dict[str, Any]) -> bool:
        """Writes the status, the operation and its beginning together; not where anyone wrote
        meanwhile. In one patch, so that after a crash it is either running or was never begun.
        """
        memory = self._memory(app)
        state = begun(decision.operation, self._now())
        old = (app.raw.get("status") or {}).get("operationState") or {}
        body = {
            "operation": encode(decision.operation),
            "status": {**patch, "operationState": merge_patch(old, encode(state))},
        }
        try:
            written = await self._store.merge(app, body, unchanged=True)
        except ConflictError:
            return False
        if written is not None:
            memory.operation_began = state.started_at
            self._events.record(written, started(decision.event))
        return True

    def _memory(self, app: Application) -> AppMemory:
        return self._memories.of(self._store.key(app))
