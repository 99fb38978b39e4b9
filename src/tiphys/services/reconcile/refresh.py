"""One pass over one application: compare what is wanted with what is live, and say so.

A pass writes one patch with everything that changed, and nothing where nothing did.
"""

from __future__ import annotations

import re
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
    Condition,
    set_conditions,
)
from tiphys.core.app.deletion import delete_finalizers
from tiphys.core.app.events import started
from tiphys.core.app.operation import begun
from tiphys.core.app.refresh import RefreshDecision, decide_refresh
from tiphys.core.app.spec import automation, effective_source, normal_spec_patch
from tiphys.core.app.status import (
    PassResult,
    after_compare,
    merge_patch,
)
from tiphys.core.app.times import parse_rfc3339
from tiphys.core.manifest.hooks import delete_hook_types
from tiphys.core.project import Verdict
from tiphys.core.settings import Settings
from tiphys.model.application import Application, ApplicationCondition
from tiphys.model.appstatus import ComparedTo
from tiphys.model.errors import ConflictError, InvalidObjectError, ManifestDecodeError
from tiphys.model.names import (
    ANNOTATION_SKIP_RECONCILE,
)
from tiphys.model.status import CompareLevel, ConditionType, OperationPhase, SyncCode
from tiphys.model.structs import encode
from tiphys.services.clusters.ports import Clusters
from tiphys.services.clusters.reaching import is_connecting, unreachable, view_of
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.comparison import Compared, Comparer
from tiphys.services.reconcile.desired import DesiredState, Wanted
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import AppMemory, Memories
from tiphys.services.reconcile.report import PassReport
from tiphys.services.reconcile.starting import start_time
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()

_RETRY_LIVE = 1.0
_RETRY_LIVE_CAP = 60.0
"""Seconds until a comparison is tried again for which the live state was not complete; twice as
long each further time, for some kinds can never be listed.
"""
_RETRY_SOURCE = 120.0
"""The same for a source that failed, where polling is switched off."""
_RETRY_QUIET = 30.0
"""The same while a repository's failure goes unmentioned."""
_CONNECTING = 30.0
_UNREACHABLE = 300.0
"""The same where a cluster's connection changed without a word, which does not happen."""
_AFTER_CONFLICT = 0.2
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


@dataclass(frozen=True, slots=True)
class Again:
    """Come back after so many seconds."""

    seconds: float


def skips(app: Application) -> bool:
    """Whether the application asks to be left alone."""
    return app.metadata.annotations.get(ANNOTATION_SKIP_RECONCILE, "") in _TRUE


class Refresher:
    """`settings` are the present ones."""

    def __init__(
        self,
        store: ApplicationStore,
        memories: Memories,
        clusters: Clusters,
        desired: DesiredState,
        comparer: Comparer,
        report: PassReport,
        events: EventRecorder,
        *,
        admission: Admission,
        rules: ProjectRules,
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._memories = memories
        self._clusters = clusters
        self._desired = desired
        self._comparer = comparer
        self._report = report
        self._events = events
        self._admission = admission
        self._rules = rules
        self._settings = settings
        self._now = now

    async def refresh(self, name: str) -> Again | None:
        """Does what the refresh ladder asks for, which may be nothing."""
        app = self._store.get(name)
        if app is None:
            return None
        memory = self._memories.of(name)
        try:
            _require_readable(app)
            decision = decide_refresh(app, memory.requested, self._now(), self._settings())
        except ManifestDecodeError as error:
            return await self._undecodable(app, memory, error)
        if decision is None:
            return self._hard_due(app)
        if decision.takes_request or decision.level >= (memory.requested or 0):
            memory.requested = None
        log.info(
            f"Refreshing app status ({decision.reason}), level ({decision.level.value})",
            application=app.name,
        )
        try:
            if decision.level is CompareLevel.TREE_ONLY and memory.prepared is not None:
                await self._report.tree(app)
                again = None
            else:
                again = await self._pass(app, memory, decision)
        except BaseException:
            # What was asked for was not done.
            memory.request(decision.level)
            raise
        if again is None and memory.requested is not None:
            # A rung above was followed, and left what events asked for.
            return Again(0.0)
        return again or self._hard_due(self._store.same(app))

    def _memory(self, app: Application) -> AppMemory:
        return self._memories.of(self._store.key(app))

    def _hard_due(self, app: Application | None) -> Again | None:
        """Nothing happens when a comparison grows too old to be trusted, so it is waited for."""
        limit = self._settings().hard_reconciliation
        reconciled = parse_rfc3339(app.status.reconciled_at) if app is not None else None
        if limit <= 0 or reconciled is None:
            return None
        return Again(max(limit - (self._now() - reconciled).total_seconds() + 1.0, 1.0))

    # -- one pass -----------------------------------------------------------------------------

    async def _pass(
        self, app: Application, memory: AppMemory, decision: RefreshDecision
    ) -> Again | None:
        began = self._now()
        app = await self._normalised(app)
        refused = self._admission.refused(app)
        if refused:
            await self._refuse(app, memory, refused)
            return None
        view = view_of(self._clusters, app.spec.destination)
        if is_connecting(view):
            # No worker waits for a cluster: the controller hears when its lists are in.
            memory.request(decision.level)
            return Again(_CONNECTING)
        if problem := unreachable(view):
            memory.request(decision.level)
            await self._report.unreachable(app, problem)
            return Again(_UNREACHABLE)
        settings = self._settings()
        wanted = await self._desired.load(
            app, memory, settings, level=decision.level, hard=decision.hard
        )
        if wanted.unsupported:
            found = [Condition(ConditionType.INVALID_SPEC_ERROR, wanted.error)]
            await self._refuse(app, memory, found)
            return None
        if self._within_grace(memory, wanted, decision.level, settings):
            log.warning("repository failed", application=app.name, error=wanted.error)
            memory.request(decision.level)
            return Again(self._quiet_left(memory, settings))
        compared = await self._compare(app, wanted, memory, settings, hard=decision.hard)
        moved = await self._may_have_changed(app, compared)
        await self._follow_hooks(app, wanted)
        latest = self._store.get(self._store.key(app))
        if latest is None or _inputs(latest) != _inputs(app):
            # What was compared is not what stands there now: nothing may be concluded from it.
            memory.request(decision.level)
            return Again(0.0)
        again = await self._conclude(latest, compared, decision.level, began, moved=moved)
        await self._report.answer(app)
        return again or _retry_source(memory, wanted, settings)

    async def _normalised(self, app: Application) -> Application:
        """Writes the spec as it is compared, where it is written otherwise."""
        operations = normal_spec_patch(app.raw.get("spec") or {})
        if not operations:
            return app
        try:
            return await self._store.json_patch(app, operations) or app
        except InvalidObjectError:
            # Somebody writes it at this moment, and asks for another pass by that.
            return app

    async def _follow_hooks(self, app: Application, wanted: Wanted) -> None:
        """Sets or removes the finalizers that make hooks run when the application is deleted."""
        latest = self._store.same(app)
        if latest is None or latest.metadata.deletion_timestamp or wanted.error:
            return
        hooks = wanted.targets.delete_hooks
        types = {kind for hook in hooks for kind in delete_hook_types(hook.manifest)}
        before = latest.metadata.finalizers
        after = delete_finalizers(before, types)
        if after is None:
            return
        path = "/metadata/finalizers"
        version = latest.metadata.resource_version
        test: dict[str, Any] = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
        if before:
            test = {"op": "test", "path": path, "value": list(before)}
        try:
            await self._store.json_patch(
                latest, [test, {"op": "add", "path": path, "value": list(after)}]
            )
        except InvalidObjectError:
            # They changed meanwhile; the next pass looks again.
            self._memory(app).request(CompareLevel.RECENT)

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

    async def _may_have_changed(self, app: Application, compared: Compared) -> bool:
        """Whether what was synced last can be other manifests than those that are wanted now.

        A commit elsewhere in the repository is no new attempt: without self-heal, a change by
        hand stays, whatever else was committed meanwhile.
        """
        state = app.status.operation_state
        result = state.sync_result if state else None
        wanted = compared.wanted
        if wanted.local:
            return False
        if (
            compared.folded.sync is not SyncCode.OUT_OF_SYNC
            or automation(app.spec) is None
            or state is None
            or result is None
            or state.phase != OperationPhase.SUCCEEDED
            or result.revision in ("", wanted.revision)
            or result.source != effective_source(app.spec)
        ):
            return True
        return not await self._desired.equal(app, result.revision, wanted.digest)

    def _within_grace(
        self, memory: AppMemory, wanted: Wanted, level: CompareLevel, settings: Settings
    ) -> bool:
        """Whether a failing repository goes unmentioned for a while."""
        if not wanted.repository_failed:
            # A commit that is here already says nothing of the repository.
            if level >= CompareLevel.LATEST:
                memory.repository_failed_at = None
            return False
        if level >= CompareLevel.FORCE_RESOLVE:
            return False
        now = self._now().timestamp()
        if memory.repository_failed_at is None:
            memory.repository_failed_at = now
            return settings.repo_error_grace > 0
        return now - memory.repository_failed_at < settings.repo_error_grace

    def _quiet_left(self, memory: AppMemory, settings: Settings) -> float:
        since = self._now().timestamp() - (memory.repository_failed_at or 0.0)
        return min(_RETRY_QUIET, max(settings.repo_error_grace - since, 0.0) + 1.0)

    async def _conclude(
        self,
        app: Application,
        compared: Compared,
        level: CompareLevel,
        began: datetime,
        *,
        moved: bool,
    ) -> Again | None:
        now = self._now()
        settings = self._settings()
        outcome = Outcome(
            compared.folded.sync,
            (compared.wanted.revision,),
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
        begins = isinstance(decision, StartSync) and await self._start(app, decision, patch)
        if patch and not begins:
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
            log.debug(decision.note, application=app.name)
        again = self._retry_live(app, compared)
        if isinstance(decision, SyncPrevented):
            again = again or self._when_open(app, compared, window)
        return again

    def _when_open(self, app: Application, compared: Compared, window: Verdict) -> Again | None:
        """Nothing happens when a window opens, so it is waited for where a sync is."""
        if automation(app.spec) is None or compared.folded.sync is not SyncCode.OUT_OF_SYNC:
            return None
        log.info("Sync prevented by sync window", application=app.name, error=window.error)
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
        found = list(compared.conditions)
        if isinstance(decision, SyncRefused):
            found.append(Condition(ConditionType.SYNC_ERROR, decision.message))
        evaluated = SPEC_TYPES | COMPARE_TYPES
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
                destination=app.spec.destination,
                ignore_differences=app.spec.ignore_differences,
            ),
            revision=compared.wanted.revision,
            source_type=compared.wanted.source_type,
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
            log.info(decision.event, application=app.name)
            self._events.record(written, started(decision.event))
        return True

    async def _refuse(
        self, app: Application, memory: AppMemory, found: Sequence[Condition]
    ) -> None:
        # Nothing is compared until somebody changes what speaks against it.
        memory.requested = None
        await self._report.refuse(app, found)

    async def _undecodable(
        self, app: Application, memory: AppMemory, error: ManifestDecodeError
    ) -> Again | None:
        """A spec that cannot be read is told; what cannot be read of the status is dropped."""
        log.error("application cannot be read", application=app.name, error=str(error))
        root, _, rest = error.field.partition(".")
        if root == "status":
            part = re.split(r"[.\[]", rest)[0]
            memory.request(CompareLevel.LATEST)
            dropped = {part: None} if part else dict.fromkeys(app.raw.get("status") or {})
            await self._store.patch_status(app, dropped)
            return Again(_AFTER_CONFLICT)
        await self._refuse(app, memory, [Condition(ConditionType.INVALID_SPEC_ERROR, str(error))])
        return None


def _retry_source(memory: AppMemory, wanted: Wanted, settings: Settings) -> Again | None:
    """Nothing tells that a source that failed may do now."""
    if not wanted.error:
        return None
    memory.request(CompareLevel.LATEST)
    return Again((settings.reconciliation or _RETRY_SOURCE) + settings.reconciliation_jitter)


def _require_readable(app: Application) -> None:
    """Raises ManifestDecodeError: parts are read when they are first asked for."""
    for part in ("status", "spec", "operation"):
        getattr(app, part)


def _inputs(app: Application) -> tuple[object, ...]:
    """What a conclusion rests on beside the comparison."""
    state = (app.raw.get("status") or {}).get("operationState") or {}
    return (
        app.uid,
        app.raw.get("spec"),
        app.raw.get("operation"),
        state.get("startedAt"),
        state.get("phase"),
    )
