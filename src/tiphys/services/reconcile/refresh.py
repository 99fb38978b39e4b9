"""One pass over one application: compare what is wanted with what is live, and say so.

A pass writes one patch with everything that changed, and nothing where nothing did.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from tiphys.core.app.conditions import Condition
from tiphys.core.app.deletion import delete_finalizers
from tiphys.core.app.refresh import RefreshDecision, decide_refresh
from tiphys.core.app.spec import (
    automation,
    effective_source,
    normal_sources,
    normal_spec_patch,
)
from tiphys.core.app.times import parse_rfc3339
from tiphys.core.manifest.hooks import delete_hook_types
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.errors import (
    DestinationError,
    InvalidObjectError,
    ManifestDecodeError,
    TiphysError,
)
from tiphys.model.status import CompareLevel, ConditionType, OperationPhase, SyncCode
from tiphys.services.clusters.ports import Clusters
from tiphys.services.clusters.reaching import is_connecting, unreachable, view_of
from tiphys.services.metrics.ports import Metrics, NoMetrics
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.again import Again, is_done_with
from tiphys.services.reconcile.comparison import Compared, Comparer
from tiphys.services.reconcile.conclusion import Conclusion, Outlook
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import AppMemory, Memories
from tiphys.services.reconcile.report import PassReport
from tiphys.services.reconcile.stopwatch import Stopwatch, stopwatch, timed
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.reconcile.wanted import Wanted
from tiphys.services.turns.whereabouts import cluster_group, waiting_for

log = structlog.get_logger()

_LOOK_AHEAD = 5.0
"""Seconds that the end of an operation waits for what its application is to be compared with."""
_RETRY_SOURCE = 120.0
_OUTSIDE = 185.0
"""Seconds, by when what is remote in a source is asked for anew."""
"""Seconds until a source that failed is tried again, where polling is switched off."""
_RETRY_QUIET = 30.0
"""The same while a repository's failure goes unmentioned."""
_CONNECTING = 30.0
_UNREACHABLE = 300.0
"""The same where a cluster's connection changed without a word, which does not happen."""
_AFTER_CONFLICT = 0.2


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
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._memories = memories
        self._clusters = clusters
        self._desired = desired
        self._comparer = comparer
        self._report = report
        self._admission = admission
        self._settings = settings
        self._now = now
        self._metrics = metrics or NoMetrics()
        self._conclusion = Conclusion(
            store, memories, report, events, rules, settings=settings, now=now
        )

    async def refresh(self, name: str) -> Again | None:
        """Does what the refresh ladder asks for, which may be nothing."""
        app = self._store.get(name)
        if app is None or is_done_with(app):
            return None
        memory = self._memories.of(name)
        try:
            _require_readable(app)
            decision = decide_refresh(app, memory.requested, self._now(), self._settings())
        except ManifestDecodeError as error:
            return await self._undecodable(app, memory, error)
        if decision is None:
            return self._hard_due(app)
        if self._connecting(app):
            # Nothing is taken up that would be laid down again for each of many applications.
            memory.request(decision.level)
            return Again(_CONNECTING)
        if decision.takes_request or decision.level >= (memory.requested or 0):
            memory.requested = None
        log.info(f"Refreshing app status ({decision.reason}), level ({decision.level.value})")
        try:
            with stopwatch() as watch:
                again = await self._follow(app, memory, decision)
            memory.pass_seconds = watch.seconds
        except BaseException as fault:
            # What was asked for was not done.
            memory.request(decision.level)
            if isinstance(fault, Exception) and not isinstance(fault, TiphysError):
                await self._report.own_up(app, fault)
            raise
        self._tell(app, decision, watch)
        if again is None and memory.requested is not None:
            # A rung above was followed, and left what events asked for.
            return Again(0.0)
        return again or self._hard_due(self._store.same(app))

    def _connecting(self, app: Application) -> bool:
        try:
            return is_connecting(view_of(self._clusters, app.spec.destination))
        except DestinationError:
            return False

    async def _follow(
        self, app: Application, memory: AppMemory, decision: RefreshDecision
    ) -> Again | None:
        if decision.level is CompareLevel.TREE_ONLY and memory.prepared is not None:
            try:
                await self._report.tree(app)
            except DestinationError:
                # What is known is of no use: the comparison will say what is wrong.
                log.debug("the tree cannot be told")
            else:
                return None
        return await self._pass(app, memory, decision)

    def _tell(self, app: Application, decision: RefreshDecision, watch: Stopwatch) -> None:
        destination = app.spec.destination
        log.info(
            "Reconciliation completed",
            **{
                "comparison-level": decision.level.value,
                "dest-server": destination.server,
                "dest-name": destination.name,
                "dest-namespace": destination.namespace,
            },
            **watch.fields(),
        )
        server = self._server(app)
        self._metrics.reconciled(app.namespace, server, watch.seconds)

    def _server(self, app: Application) -> str:
        try:
            return self._clusters.resolve(app.spec.destination).server
        except DestinationError:
            return app.spec.destination.server

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
        wanted = await self._load(app, memory, settings, decision)
        if wanted.unsupported:
            found = [Condition(ConditionType.INVALID_SPEC_ERROR, wanted.error)]
            await self._refuse(app, memory, found)
            return None
        if self._within_grace(memory, wanted, decision.level, settings):
            log.warning("repository failed", error=wanted.error)
            memory.request(decision.level)
            return Again(self._quiet_left(memory, settings))
        look = memory.look()
        compared = await self._compare(app, wanted, memory, settings, hard=decision.hard)
        moved = await self._may_have_changed(app, compared)
        await self._follow_hooks(app, wanted)
        latest = self._store.get(self._store.key(app))
        if latest is None or _inputs(latest) != _inputs(app):
            # What was compared is not what stands there now: nothing may be concluded from it.
            memory.request(decision.level)
            return Again(0.0)
        again = await self._conclusion.draw(
            latest, compared, decision.level, began, look=look, moved=moved
        )
        await self._report.answer(app)
        return (
            again
            or _retry_source(memory, wanted, settings)
            or _look_outside(memory, wanted, settings)
        )

    async def look_ahead(self, app: Application) -> Outlook | None:
        """Compares at the end of an operation, so that its end and its effect are one write.

        None where that is better left to the pass that follows.
        """
        view = view_of(self._clusters, app.spec.destination)
        if is_connecting(view) or unreachable(view) or self._admission.refused(app):
            return None
        began, memory, settings = self._now(), self._memory(app), self._settings()
        # What a person asked for is looked up in Git once more, and that must not delay the end.
        automated = automation(app.spec) is not None
        level = CompareLevel.LATEST if automated else CompareLevel.RECENT
        try:
            async with asyncio.timeout(_LOOK_AHEAD):
                wanted = await self._desired.load(app, memory, settings, level=level)
        except TimeoutError:
            # A repository that hangs must not hold up what is done.
            return None
        if wanted.error:
            return None
        look = memory.look()
        # What was asked for until now, by our own writes too, is answered by this; what comes from
        # now on is not.
        view.index.tell_now()
        asked = memory.answered(level)
        try:
            compared = await self._compare(app, wanted, memory, settings, hard=False)
        except BaseException:
            memory.request(asked)
            raise
        if compared.load_failed:
            memory.request(asked)
            return None
        return Outlook(app, compared, level, began, look)

    def parts(self, app: Application, seen: Outlook) -> dict[str, Any]:
        return self._conclusion.parts(app, seen)

    def told(self, before: Application, seen: Outlook) -> None:
        """The parts were written: says what changed by that."""
        self._report.tell(before, seen.compared)

    async def _load(
        self, app: Application, memory: AppMemory, settings: Settings, decision: RefreshDecision
    ) -> Wanted:
        with timed("git"):
            return await self._desired.load(
                app, memory, settings, level=decision.level, hard=decision.hard
            )

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
        destination = app.spec.destination
        with waiting_for(cluster_group(destination.server, destination.name)):
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
        ):
            return True
        several = wanted.asking.several
        synced = result.revisions if several else (result.revision,)
        if (
            not all(synced)
            or synced == wanted.revisions
            or result.source != effective_source(app.spec)
            or result.sources != normal_sources(app.spec)
        ):
            return True
        with timed("git"):
            return not await self._desired.equal(app, synced, wanted.digest)

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
        log.error("application cannot be read", error=str(error))
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


def _look_outside(memory: AppMemory, wanted: Wanted, settings: Settings) -> Again | None:
    """Nothing tells that what is remote in a source moved, either; it is asked for with polls."""
    if not wanted.moving or settings.reconciliation <= 0:
        return None
    memory.request(CompareLevel.LATEST)
    return Again(max(settings.reconciliation, _OUTSIDE) + settings.reconciliation_jitter)


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
