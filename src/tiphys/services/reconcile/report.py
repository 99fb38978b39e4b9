"""What a pass leaves behind beside its comparison: refusals, events, answers to requests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from tiphys.core.app.conditions import (
    COMPARE_TYPES,
    SPEC_TYPES,
    TREE_TYPES,
    Condition,
    set_conditions,
)
from tiphys.core.app.events import status_events
from tiphys.core.app.status import after_loss, after_refusal, after_tree, merge_patch
from tiphys.core.tree.network import links
from tiphys.model.application import Application, ApplicationSummary
from tiphys.model.errors import InvalidObjectError, TiphysError
from tiphys.model.names import ANNOTATION_REFRESH, ANNOTATION_REFRESH_TIMESTAMP, API_GROUP
from tiphys.model.status import ConditionType
from tiphys.services.clusters.ports import Clusters
from tiphys.services.clusters.reaching import view_of
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.comparison import Compared
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.orphans import Orphans
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()


class PassReport:
    """`instance` names an application as its objects are tracked by it."""

    def __init__(
        self,
        store: ApplicationStore,
        clusters: Clusters,
        events: EventRecorder,
        *,
        rules: ProjectRules,
        orphans: Orphans,
        instance: Callable[[Application], str],
        now: Callable[[], datetime],
    ) -> None:
        self._rules = rules
        self._orphans = orphans
        self._store = store
        self._clusters = clusters
        self._events = events
        self._instance = instance
        self._now = now

    def tell(self, before: Application, compared: Compared) -> None:
        """Events and log lines on what a comparison changed."""
        after = self._store.get(self._store.key(before))
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

    async def tree(self, app: Application) -> None:
        """Writes what is known without a comparison."""
        found = self.orphaned(app)
        conditions = set_conditions(app.status.conditions, found, TREE_TYPES, self._now())
        old = app.raw.get("status") or {}
        patch = merge_patch(old, after_tree(old, self.summary(app), conditions))
        if patch:
            await self._store.patch_status(app, patch)

    async def unreachable(self, app: Application, problem: str) -> None:
        """Writes that nothing is known of the application while its cluster is away."""
        await self.unknown(app, f"Failed to load live state: {problem}")
        await self.answer(app)

    async def own_up(self, app: Application, fault: Exception) -> None:
        """A fault of ours: what the status says is not known to be so any more. Never raises for
        what cannot be written, for the fault is what has to be told.
        """
        text = f"unexpected fault ({type(fault).__name__}); the log says more"
        with contextlib.suppress(TiphysError):
            await self.unknown(self._store.same(app) or app, text)

    async def unknown(self, app: Application, problem: str) -> None:
        """Writes why nothing is known of the application now."""
        found = [Condition(ConditionType.COMPARISON_ERROR, problem)]
        conditions = set_conditions(
            app.status.conditions, found, SPEC_TYPES | COMPARE_TYPES, self._now()
        )
        old = app.raw.get("status") or {}
        patch = merge_patch(old, after_loss(old, conditions))
        if patch:
            await self._store.patch_status(app, patch)

    async def refuse(self, app: Application, found: Sequence[Condition]) -> None:
        """Writes why the application is not compared, and answers whoever asked for it."""
        conditions = set_conditions(app.status.conditions, found, SPEC_TYPES, self._now())
        old = app.raw.get("status") or {}
        patch = merge_patch(old, after_refusal(old, conditions))
        if patch:
            await self._store.patch_status(app, patch)
        await self.answer(app)

    def orphaned(self, app: Application) -> list[Condition]:
        """The conditions of the tree."""
        return self._orphans.look(app)

    def summary(self, app: Application) -> ApplicationSummary:
        """Links, images and kinds of everything below the application's objects.

        What the project does not permit hides what is below it.
        """
        index = view_of(self._clusters, app.spec.destination).index
        permission = self._rules.permission(app)
        images: set[str] = set()
        urls = set(links(app.metadata.annotations))
        apps = False
        waiting = list(index.tracked(self._instance(app)))
        while waiting:
            node = waiting.pop()
            if permission is None or not permission.live(node.key):
                continue
            images.update(node.images)
            urls.update((node.network or {}).get("externalURLs") or ())
            apps = apps or (node.key.group, node.key.kind) == (API_GROUP, "Application")
            waiting.extend(index.dependants(node.uid))
        return ApplicationSummary(
            external_urls=tuple(sorted(urls)), images=tuple(sorted(images)), is_app_of_apps=apps
        )

    async def answer(self, app: Application) -> None:
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
        path = _pointer(ANNOTATION_REFRESH)
        operations.append({"op": "test", "path": path, "value": annotations[ANNOTATION_REFRESH]})
        operations.append({"op": "remove", "path": path})
        try:
            await self._store.json_patch(app, operations)
        except InvalidObjectError:
            log.info("refresh was requested again meanwhile", application=app.name)


def _pointer(annotation: str) -> str:
    escaped = annotation.replace("~", "~0").replace("/", "~1")
    return f"/metadata/annotations/{escaped}"
