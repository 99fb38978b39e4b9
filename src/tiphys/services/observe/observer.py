"""Compares an application as ever, and tells what would follow, of which nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import assert_never

import structlog

from tiphys.core.app.autosync import (
    AutoSync,
    HealLater,
    NoSync,
    StartSync,
    SyncPrevented,
    SyncRefused,
    decide_auto_sync,
)
from tiphys.core.app.autosync import Compared as Outcome
from tiphys.core.app.conditions import Condition
from tiphys.core.app.spec import automation, project_name
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.appstatus import ResourceStatus
from tiphys.model.errors import ManifestDecodeError
from tiphys.model.resource import ResourceKey
from tiphys.model.status import CompareLevel, ConditionType, HealthCode, SyncCode
from tiphys.services.clusters.ports import Clusters
from tiphys.services.clusters.reaching import is_connecting, view_of
from tiphys.services.observe.observation import Action, ObjectAction, Observation, Standing
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.again import Again
from tiphys.services.reconcile.comparison import Compared, Comparer
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()

_CONNECTING = 5.0
"""Seconds until a cluster is looked at again whose lists are still to come."""
_AGAIN = 120.0
"""The same for an application that could not be compared."""


class NoOperations:
    """Implements Operations of the application loop: none is ever begun."""

    async def operate(self, name: str) -> Again | None:
        del name
        return None

    def terminate(self, name: str) -> None:
        del name

    def approve(self, name: str) -> None:
        del name

    def abandon(self, name: str) -> None:
        del name

    def under_way(self) -> int:
        return 0


class Observer:
    """`settings` are the present ones. The last observation of each application is kept."""

    def __init__(
        self,
        store: ApplicationStore,
        memories: Memories,
        clusters: Clusters,
        desired: DesiredState,
        comparer: Comparer,
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
        self._admission = admission
        self._rules = rules
        self._settings = settings
        self._now = now
        self._told: dict[str, Observation] = {}

    async def step(self, name: str) -> Again | None:
        """What a worker of the loop does: tells what is new."""
        app = self._store.get(name)
        if app is None:
            self._told.pop(name, None)
            return None
        seen = await self.observe(name)
        if seen is None:
            return Again(_CONNECTING)
        if seen != self._told.get(name):
            self._told[name] = seen
            _tell(seen)
        if seen.waits:
            return Again(_CONNECTING)
        return Again(_AGAIN) if seen.ours.sync == SyncCode.UNKNOWN else None

    async def observe(self, name: str) -> Observation | None:
        """None where the application is gone, or its cluster is still being read."""
        app = self._store.get(name)
        if app is None:
            return None
        memory = self._memories.of(name)
        level = memory.requested or CompareLevel.LATEST
        memory.requested = None
        try:
            refused = self._admission.refused(app)
        except ManifestDecodeError as error:
            return _unreadable(app, error)
        if refused:
            return self._seen(app, "Unknown", "Unknown", "", refused)
        if is_connecting(view_of(self._clusters, app.spec.destination)):
            memory.request(level)
            return None
        settings = self._settings()
        wanted = await self._desired.load(
            app, memory, settings, level=max(level, CompareLevel.RECENT)
        )
        compared = await self._comparer.compare(
            app,
            wanted,
            memory,
            instance=self._desired.instance(app),
            health_inline=settings.health_inline,
        )
        return self._compared(app, compared, settings)

    def _compared(self, app: Application, compared: Compared, settings: Settings) -> Observation:
        now = self._now()
        outcome = Outcome(
            compared.folded.sync,
            compared.wanted.revisions,
            compared.folded.resources,
            may_have_changed=True,
        )
        window = self._rules.window(app, manual=False, started_at=None, now=now)
        decision = decide_auto_sync(app, outcome, now, settings, window_open=window.allowed)
        would_sync, reason = _said(decision, app)
        seen = self._seen(
            app,
            compared.folded.sync.value,
            compared.folded.health.status.value,
            ", ".join(compared.wanted.revisions),
            compared.conditions,
            would_sync=would_sync,
            reason=reason,
            objects=tuple(_objects(app, compared)),
        )
        return replace(seen, waits=compared.live_late)

    def _seen(
        self,
        app: Application,
        sync: str,
        health: str,
        revision: str,
        conditions: Iterable[Condition],
        *,
        would_sync: bool = False,
        reason: str = "",
        objects: tuple[ObjectAction, ...] = (),
    ) -> Observation:
        status = app.status
        theirs = status.sync.revision or ", ".join(status.sync.revisions)
        return Observation(
            app.namespace,
            app.name,
            project_name(app.spec),
            Standing(status.sync.status, status.health.status, theirs),
            Standing(sync, health, revision),
            would_sync,
            reason,
            objects,
            tuple(sorted({(one.type.value, one.message) for one in conditions})),
        )


def _said(decision: AutoSync, app: Application) -> tuple[bool, str]:
    match decision:
        case StartSync(event=event):
            return True, event
        case HealLater(seconds):
            return True, f"Self-heal after {seconds:.0f} s"
        case SyncRefused(message):
            return False, message
        case SyncPrevented():
            return False, decision.note
        case NoSync(note):
            manual = "" if automation(app.spec) else "automated sync is off"
            return False, note or manual
        case _:
            assert_never(decision)


def _objects(app: Application, compared: Compared) -> Iterable[ObjectAction]:
    automated = automation(app.spec)
    prunes = automated is not None and bool(automated.prune)
    live = {found.key for found in compared.pairing.pairs if found.live is not None}
    fields = {key: tuple(one.field for one in found) for key, found in compared.reasons()}
    for resource in compared.folded.resources:
        if resource.status != SyncCode.OUT_OF_SYNC:
            continue
        key = ResourceKey(resource.group, resource.kind, resource.namespace, resource.name)
        yield ObjectAction(
            resource.group,
            resource.kind,
            resource.namespace,
            resource.name,
            _action(resource, is_live=key in live, prunes=prunes),
            fields.get(key, ()) if key in live and not resource.requires_pruning else (),
        )


def _action(resource: ResourceStatus, *, is_live: bool, prunes: bool) -> Action:
    if resource.requires_pruning:
        return Action.PRUNE if prunes else Action.KEEP
    return Action.UPDATE if is_live else Action.CREATE


def _unreadable(app: Application, error: ManifestDecodeError) -> Observation:
    unknown = Standing(SyncCode.UNKNOWN, HealthCode.UNKNOWN, "")
    found = ((ConditionType.INVALID_SPEC_ERROR.value, str(error)),)
    return Observation(app.namespace, app.name, "", unknown, unknown, conditions=found)


def _tell(seen: Observation) -> None:
    say = log.info if seen.agrees and not seen.would_sync else log.warning
    say(
        "observed",
        agrees=seen.agrees,
        theirs=seen.theirs.sync,
        ours=seen.ours.sync,
        wouldSync=seen.would_sync,
        reason=seen.reason,
        objects=[one.title for one in seen.objects],
        conditions=[kind for kind, _ in seen.conditions],
    )
