"""Wires what compares and syncs applications; see ARCHITECTURE.md for how a commit goes through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from tiphys.adapters.metrics.figures import FiguresCollector
from tiphys.bootstrap.foundation import Foundation, now
from tiphys.bootstrap.renders import Renders
from tiphys.controllers.application import ApplicationController, Operations, Step
from tiphys.core.app.events import event_labels
from tiphys.core.app.spec import project_name
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.errors import DestinationError, ManifestDecodeError
from tiphys.model.resource import GroupKind
from tiphys.model.status import CompareLevel
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.compare import Comparisons, Eraser
from tiphys.services.liveview.managed import ManagedObjects
from tiphys.services.liveview.pushing import TreePushes
from tiphys.services.liveview.trees import Trees
from tiphys.services.liveview.view import IndexView
from tiphys.services.metrics.figures import AppFiguresSource, metrics_options
from tiphys.services.observe.observer import NoOperations, Observer
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.projects.upkeep import ProjectUpkeep
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.again import Again
from tiphys.services.reconcile.attempt import Attempts
from tiphys.services.reconcile.comparison import Comparer
from tiphys.services.reconcile.deletion import Deleter
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.jobs import RenderJobs, own_repositories
from tiphys.services.reconcile.judging import Judging
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.named import Projects
from tiphys.services.reconcile.operation import Operator
from tiphys.services.reconcile.orphans import Orphans
from tiphys.services.reconcile.refresh import Refresher
from tiphys.services.reconcile.report import PassReport
from tiphys.services.reconcile.scope import ApplicationScope
from tiphys.services.reconcile.store import AppChange
from tiphys.services.repositories.registry import Concerns
from tiphys.services.sources.refs import PollTiming
from tiphys.services.sync.runners import SyncRunners
from tiphys.services.webhook.places import FollowedPlaces

_NO_COMPARISON = (
    "reconciliation",
    "reconciliation_jitter",
    "hard_reconciliation",
    "self_heal_delay",
    "self_heal_backoff",
    "self_heal_backoff_factor",
    "self_heal_backoff_cap",
    "sync_timeout",
    "repo_error_grace",
    "wave_delay",
    "status_processors",
    "operation_processors",
    "apply_parallelism",
    "application_namespaces",
    "event_labels_include",
    "event_labels_exclude",
    "webhook_payload",
    "webhook_jitter",
    "webhook_jitter_threshold",
    "webhook_workers",
    "webhook_refresh_workers",
)
_DRAIN = 5.0
"""Seconds that a stop waits for events that are not written yet."""


def judged_by(settings: Settings) -> Settings:
    """What comparisons rest on: settings without those that only say when, how often and how
    many.
    """
    usual = Settings()
    return replace(settings, **{name: getattr(usual, name) for name in _NO_COMPARISON})


def poll_timing(settings: Settings) -> PollTiming:
    return PollTiming(settings.reconciliation, settings.reconciliation_jitter)


class Reconciling:
    """Everything above the foundation. What is opened is closed by its stack."""

    def __init__(self, ground: Foundation, renders: Renders) -> None:
        self._ground = ground
        stack = ground.stack
        self.settings = ground.settings.present
        self._refs, self._tidy = renders.refs, renders.tidy
        self.is_syncing: Callable[[], bool] = lambda: False
        self._events = self._recorder()
        stack.push_async_callback(self._events.drain, within=_DRAIN)
        self._memories = Memories()
        self._projects = Projects(ground.projects)
        self._rules = ProjectRules(
            self._projects.find,
            ground.clusters.resolve,
            self.settings,
            control_plane=ground.namespace,
            clusters=ground.clusters.known,
            repositories=lambda project: own_repositories(ground.repositories, project),
        )
        jobs = RenderJobs(
            ground.repositories,
            self._rules,
            ground.clusters,
            lambda: self.settings().tools,
            namespace=ground.namespace,
        )
        self._desired = DesiredState(self._refs, renders.service, jobs)
        self._upkeep = ProjectUpkeep(
            ground.writer, self._projects.find, ground.store.of_project, namespace=ground.namespace
        )
        stack.push_async_callback(self._upkeep.close)
        self._orphans = Orphans(ground.store, ground.clusters, self._rules)
        comparisons = Comparisons(Eraser(ground.evaluator))
        judging = Judging(comparisons, self.settings)
        self._comparer = Comparer(ground.clusters, self._rules, judging)
        self._admission = Admission(self._rules, ground.repositories.problems)
        self._judged_by = judged_by(self.settings())
        self.view = self._live_view(judging, comparisons)
        ground.page.tell(self._figures())

    def start(self, scope: ApplicationScope) -> None:
        """Begins to compare and to sync, or only to observe."""
        ground = self._ground
        if ground.options.observe:
            controller = self._controller(self.observer().step, NoOperations())
        else:
            operator = self._operator()
            refresher = self._refresher()
            controller = self._controller(self._telling(refresher.refresh), operator)
            operator.request = controller.request
            operator.ahead = refresher
            self.is_syncing = self._events.busy = lambda: operator.under_way() > 0
        self._wire(controller, scope)
        ground.stack.push_async_callback(ground.store.close)
        ground.stack.push_async_callback(controller.close)
        controller.start()
        if not ground.options.observe:
            self._keep_projects()
        if self._tidy is not None:
            tidying = asyncio.ensure_future(self._tidy(ground.store.commits_in_use))
            ground.stack.callback(tidying.cancel)

    def observer(self) -> Observer:
        return Observer(
            self._ground.store,
            self._memories,
            self._ground.clusters,
            self._desired,
            self._comparer,
            admission=self._admission,
            rules=self._rules,
            settings=self.settings,
            now=now,
        )

    def pushed_places(self) -> FollowedPlaces:
        """For who hears of pushes before the repositories are polled."""
        return FollowedPlaces(self._refs, self._desired)

    # -- parts --------------------------------------------------------------------------------

    def _live_view(self, judging: Judging, comparisons: Comparisons) -> IndexView:
        ground = self._ground
        trees = Trees(ground.store, ground.clusters, self._rules, self._orphans, self.settings)
        managed = ManagedObjects(
            ground.store,
            self._memories,
            ground.clusters,
            self._rules,
            judging,
            comparisons,
            self.settings,
        )
        pushes = TreePushes(trees.tree, self._orphans.place)
        ground.clusters.follow(pushes.live_changed)
        return IndexView(trees, managed, pushes, ground.clusters, now)

    def _telling(self, refresh: Step) -> Step:
        """A pass may change what is missing in a tree."""

        async def told(name: str) -> Again | None:
            try:
                return await refresh(name)
            finally:
                self.view.pushes.touched(name)

        return told

    def _controller(self, refresh: Step, operations: Operations) -> ApplicationController:
        return ApplicationController(
            self._ground.store,
            self._memories,
            self._ground.clusters,
            self._refs,
            self._desired,
            refresh,
            operations,
            self.settings,
            counts_orphans=self._orphans.counted,
        )

    def _refresher(self) -> Refresher:
        ground = self._ground
        report = PassReport(
            ground.store,
            ground.clusters,
            self._events,
            rules=self._rules,
            orphans=self._orphans,
            instance=self._desired.instance,
            now=now,
        )
        return Refresher(
            ground.store,
            self._memories,
            ground.clusters,
            self._desired,
            self._comparer,
            report,
            self._events,
            admission=self._admission,
            rules=self._rules,
            settings=self.settings,
            now=now,
            metrics=ground.metrics,
        )

    def _operator(self) -> Operator:
        ground = self._ground
        attempts = Attempts(
            self._desired,
            self._comparer,
            ground.clusters,
            SyncRunners(self.settings, metrics=ground.metrics),
            self._rules,
            self.settings,
        )
        deleter = Deleter(
            ground.store,
            ground.clusters,
            self._desired,
            self._memories,
            self._rules,
            self._events,
            settings=self.settings,
            now=now,
        )
        return Operator(
            ground.store,
            self._memories,
            attempts,
            deleter,
            self._events,
            self._admission,
            self._rules,
            self.settings,
            now,
            metrics=ground.metrics,
        )

    def _recorder(self) -> EventRecorder:
        last = 0

        def unique() -> int:
            """The clock, so that names sort with those of others, but never the same twice."""
            nonlocal last
            last = max(last + 1, time.time_ns())
            return last

        return EventRecorder(
            self._ground.writer,
            now,
            unique,
            enabled=self._ground.options.events,
            labels=self._event_labels,
        )

    def _event_labels(self, app: Application) -> dict[str, str]:
        settings = self.settings()
        try:
            project = self._projects.find(project_name(app.spec))
        except ManifestDecodeError:
            project = None
        return event_labels(
            app.metadata.labels,
            project.metadata.labels if project is not None else {},
            settings.event_labels_include,
            settings.event_labels_exclude,
        )

    def _figures(self) -> FiguresCollector:
        ground = self._ground
        return FiguresCollector(
            AppFiguresSource(ground.store, server=self._server, orphans=self._orphans.last),
            ground.clusters.figures,
            lambda: metrics_options(ground.settings.params()),
        )

    def _server(self, app: Application) -> str:
        try:
            return self._ground.clusters.resolve(app.spec.destination).server
        except (DestinationError, ManifestDecodeError):
            return ""

    def _keep_projects(self) -> None:
        """Makes the default project, and lets go those that nobody names any more."""
        ground, told = self._ground, self._ground.store.listener

        def application_changed(change: AppChange) -> None:
            told(change)
            if change.old is not None:
                # It may have been the last one of a project that is to go.
                self._upkeep.look((change.old.raw.get("spec") or {}).get("project") or "")

        ground.store.listener = application_changed
        making = asyncio.create_task(self._upkeep.ensure_default())
        ground.stack.callback(making.cancel)
        for project in ground.projects.names():
            self._upkeep.look(project)

    # -- what makes comparisons of before worthless, and for whom -------------------------------

    def _wire(self, controller: ApplicationController, scope: ApplicationScope) -> None:
        ground, memories = self._ground, self._memories

        def settings_changed() -> None:
            ground.clusters.settings_changed()
            scope.settings_changed()
            self._refs.retime(poll_timing(self.settings()))
            self._rules.forget()
            present = judged_by(self.settings())
            if present != self._judged_by:
                self._judged_by = present
                memories.forget_comparisons()
            controller.request_all(CompareLevel.LATEST)

        def kinds_changed(view: ClusterView, kinds: frozenset[GroupKind]) -> None:
            for name in memories.touched(kinds).intersection(ground.clusters.users(view.cluster)):
                memories.of(name).forget_comparisons()
                controller.request(name, CompareLevel.LATEST)

        def project_changed(project: str) -> None:
            if not ground.options.observe:
                self._upkeep.look(project)
            affected = self._rules.affected(project)
            self._rules.forget()
            for one in affected:
                for name in ground.store.of_project(one):
                    controller.look_again(name, CompareLevel.LATEST)

        def repositories_changed(concerns: Concerns) -> None:
            # A repository that belongs to a project alone is one of its sources.
            self._rules.forget()
            controller.look_at_repositories(concerns)

        def keys_changed() -> None:
            # They go along with what is asked of renderers, and may vouch for what waited.
            self._rules.forget()
            controller.request_all(CompareLevel.LATEST)

        ground.repositories.listener = repositories_changed
        ground.repositories.keys_listener = keys_changed
        ground.settings.listener = settings_changed
        ground.clusters.follow_kinds(kinds_changed)
        # A cluster that belongs to a project alone is one of its destinations.
        ground.clusters.subscribe(lambda _cluster: self._rules.forget())
        ground.projects.listener = project_changed
