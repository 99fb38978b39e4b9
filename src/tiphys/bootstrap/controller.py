"""Everything in one process: the application controller with its Git, engine and index."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from tiphys.adapters.cache import FolderCache
from tiphys.adapters.engine import EngineEvaluator, EngineRenderer, LaneOptions, fingerprint
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.kube import (
    KubeClient,
    KubeConfig,
    KubeDiscovery,
    Transport,
    in_cluster_config,
    load_kubeconfig,
)
from tiphys.bootstrap.clusters import connector, limits_of
from tiphys.controllers.application import ApplicationController
from tiphys.core.health import judge
from tiphys.core.settings import Settings
from tiphys.core.settings.repositories import RepositorySecret
from tiphys.model.errors import KubeError, KubeUnreachableError
from tiphys.model.live import ObjectList, WatchEvent, WatchState
from tiphys.model.names import API_GROUP, LABEL_PART_OF, LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource, GroupKind
from tiphys.model.status import CompareLevel
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.clusters.registry import ClusterRegistry
from tiphys.services.compare import Comparisons, Eraser
from tiphys.services.live.judging import HealthScripts
from tiphys.services.live.watcher import KindWatcher, WatchSink
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.attempt import Attempts
from tiphys.services.reconcile.comparison import Comparer
from tiphys.services.reconcile.deletion import Deleter
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.judging import Judging
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.named import NamedObjects, Projects
from tiphys.services.reconcile.operation import Operator
from tiphys.services.reconcile.orphans import Orphans
from tiphys.services.reconcile.refresh import Refresher
from tiphys.services.reconcile.report import PassReport
from tiphys.services.reconcile.repositories import RepositorySecrets
from tiphys.services.reconcile.settings import Overlay, SettingsSource
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.render.service import RenderService
from tiphys.services.sources.housekeeping import keep_tidy
from tiphys.services.sources.refs import PollTiming, RefWatcher
from tiphys.services.sync.runners import SyncRunners

log = structlog.get_logger()

_VERBS = frozenset({"get", "list", "watch", "patch", "update", "create", "delete"})
APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, _VERBS)
PROJECTS = ApiResource(API_GROUP, "v1alpha1", "AppProject", "appprojects", True, _VERBS)
SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
_COMPONENT = "application-controller"
_CONNECT_WAIT = 1.0
_FOLLOW_AGAIN = 5.0
_DRAIN = 5.0
"""Seconds that a stop waits for events that are not written yet."""


@dataclass(frozen=True, slots=True)
class ControllerOptions:
    """`kubeconfig` empty: the ServiceAccount of the pod. `data` holds repositories."""

    kubeconfig: str
    context: str
    namespace: str
    data: Path


async def run_controller(options: ControllerOptions) -> None:
    """Until SIGTERM or SIGINT. Raises TiphysError for what keeps it from starting."""
    # Large lists are decoded into many objects at once that all stay: looking through them again
    # and again for garbage costs three times what decoding does.
    gc.set_threshold(100_000, 20, 100)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(_Process(options, stack).start())
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
            log.info("ready", namespace=options.namespace)
            await waiting
        running.cancel()
        log.info("stopping")


class _Process:
    """Wires and starts everything; what is opened is closed by the stack, last first."""

    def __init__(self, options: ControllerOptions, stack: AsyncExitStack) -> None:
        self._options = options
        self._stack = stack
        config = _config(options)
        limits = limits_of(os.environ)
        transport = Transport(config, component=_COMPONENT, limits=limits)
        stack.push_async_callback(transport.close)
        self._client = KubeClient(transport)
        self._discovery = KubeDiscovery(transport)
        self._config_maps = NamedObjects()
        self._projects = NamedObjects()
        self._repositories = RepositorySecrets()
        self._settings = SettingsSource(
            self._config_maps, Overlay(wave_delay=os.environ.get("ARGOCD_SYNC_WAVE_DELAY", ""))
        )
        self._store = ApplicationStore(self._client, APPLICATIONS, options.namespace)
        self._evaluator = EngineEvaluator()
        stack.push_async_callback(self._evaluator.close)
        self._clusters = ClusterRegistry(
            connector(config, transport, component=_COMPONENT, limits=limits),
            judge=judge,
            scripts=HealthScripts(self._evaluator, lambda: self._settings.present().overrides),
            settings=self._settings.present,
            now=_now,
        )
        stack.push_async_callback(self._clusters.close)

    async def start(self) -> None:
        await self._connect()
        self._follow(CONFIG_MAPS, self._config_maps, f"{LABEL_PART_OF}=argocd")
        self._follow(PROJECTS, self._projects)
        self._follow(SECRETS, self._repositories, LABEL_SECRET_TYPE)
        self._follow(SECRETS, self._clusters, f"{LABEL_SECRET_TYPE}=cluster")
        await _listed(self._config_maps, self._projects, self._repositories, self._clusters)
        settings = self._settings.load()
        self._clusters.settings_changed()
        applications = _ApplicationSink(self._store)
        self._follow(APPLICATIONS, applications)
        await applications.listed.wait()
        self._control(settings)

    async def _connect(self) -> None:
        """The API server may still be starting, or be away for a moment."""
        while True:
            try:
                await self._discovery.refresh()
                return
            except KubeUnreachableError as error:
                log.warning("waiting for the API server", error=str(error))
                await asyncio.sleep(_CONNECT_WAIT)

    def _follow(self, resource: ApiResource, sink: WatchSink, labels: str = "") -> None:
        def watcher() -> KindWatcher:
            return KindWatcher(
                self._client,
                resource,
                sink,
                namespace=self._options.namespace,
                label_selector=labels,
            )

        task = asyncio.create_task(_follow(watcher), name=f"follow {resource.plural}")
        self._stack.callback(task.cancel)

    def _control(self, settings: Settings) -> None:
        git = GitCli(self._options.data / "repositories", GitSettings(environment=os.environ))
        self._stack.push_async_callback(git.aclose)
        engine = EngineRenderer(options=LaneOptions())
        self._stack.push_async_callback(engine.close)
        timing = PollTiming(settings.reconciliation, settings.reconciliation_jitter)
        refs = RefWatcher(git, timing)
        self._stack.push_async_callback(refs.aclose)
        numbers = itertools.count(time.time_ns())
        events = EventRecorder(self._client, _now, lambda: next(numbers))
        self._stack.push_async_callback(events.drain, within=_DRAIN)
        archive = FolderCache(self._options.data / "renders")
        render = RenderService(git, engine, archive=archive, engine_version=fingerprint())
        desired = DesiredState(refs, render, self._clusters, namespace=self._options.namespace)
        controller = self._controller(refs, desired, events)
        self._stack.push_async_callback(self._store.close)
        self._stack.push_async_callback(controller.close)
        controller.start()
        cleaning = asyncio.create_task(keep_tidy(git, self._store.commits_in_use))
        self._stack.callback(cleaning.cancel)

    def _controller(
        self,
        refs: RefWatcher,
        desired: DesiredState,
        events: EventRecorder,
    ) -> ApplicationController:
        memories = Memories()
        projects = Projects(self._projects)
        settings = self._settings.present
        self._rules = ProjectRules(
            projects.find,
            self._clusters.resolve,
            settings,
            control_plane=self._options.namespace,
            clusters=self._clusters.known,
        )
        judging = Judging(Comparisons(Eraser(self._evaluator)), settings)
        comparer = Comparer(self._clusters, self._rules, judging)
        admission = Admission(self._rules, self._repositories.refusals)
        orphans = Orphans(self._store, self._clusters, self._rules)
        report = PassReport(
            self._store,
            self._clusters,
            events,
            orphans=orphans,
            instance=desired.instance,
            now=_now,
        )
        refresher = Refresher(
            self._store,
            memories,
            self._clusters,
            desired,
            comparer,
            report,
            events,
            admission=admission,
            rules=self._rules,
            settings=settings,
            now=_now,
        )
        attempts = Attempts(
            desired, comparer, self._clusters, SyncRunners(settings), self._rules, settings
        )
        deleter = Deleter(
            self._store,
            self._clusters,
            desired,
            memories,
            self._rules,
            events,
            settings=settings,
            now=_now,
        )
        operator = Operator(
            self._store,
            memories,
            attempts,
            deleter,
            events,
            admission,
            self._rules,
            settings,
            _now,
        )
        controller = ApplicationController(
            self._store,
            memories,
            self._clusters,
            refs,
            desired,
            refresher.refresh,
            operator,
            settings,
            counts_orphans=orphans.counted,
        )
        operator.request = controller.request
        self._wire(memories, controller)
        return controller

    def _wire(self, memories: Memories, controller: ApplicationController) -> None:
        """What makes comparisons of before worthless, and for whom."""

        def settings_changed() -> None:
            self._clusters.settings_changed()
            self._rules.forget()
            memories.forget_comparisons()
            controller.request_all(CompareLevel.LATEST)

        def kinds_changed(view: ClusterView, kinds: frozenset[GroupKind]) -> None:
            for name in memories.touched(kinds).intersection(self._clusters.users(view.cluster)):
                memories.of(name).forget_comparisons()
                controller.request(name, CompareLevel.LATEST)

        def project_changed(project: str) -> None:
            affected = self._rules.affected(project)
            self._rules.forget()
            for one in affected:
                for name in self._store.of_project(one):
                    controller.look_again(name, CompareLevel.LATEST)

        def repositories_changed(changed: Sequence[RepositorySecret]) -> None:
            controller.look_at_repositories(
                lambda url, project: any(one.concerns(url, project) for one in changed)
            )

        self._repositories.listener = repositories_changed
        self._settings.listener = settings_changed
        self._clusters.follow_kinds(kinds_changed)
        # A cluster that belongs to a project alone is one of its destinations.
        self._clusters.subscribe(lambda _cluster: self._rules.forget())
        self._projects.listener = project_changed


async def _follow(watcher: Callable[[], KindWatcher]) -> None:
    """For as long as the process lives: without these kinds it would be blind."""
    while True:
        try:
            await watcher().run()
            log.error("a kind of the control plane is not served, is Tiphys installed?")
        except Exception:
            log.exception("a watch failed unexpectedly and begins anew")
        await asyncio.sleep(_FOLLOW_AGAIN)


class _ApplicationSink:
    """Hands what the watch says to the store."""

    def __init__(self, store: ApplicationStore) -> None:
        self._store = store
        self.listed = asyncio.Event()

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        self._store.replace_all(objects.items)
        self.listed.set()

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        self._store.apply(event)

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """The watcher says itself when it is disturbed."""


async def _listed(*objects: NamedObjects | RepositorySecrets | ClusterRegistry) -> None:
    deadline = time.monotonic() + 60
    while not all(one.listed for one in objects):
        if time.monotonic() > deadline:
            raise KubeError("ConfigMaps, Secrets and AppProjects could not be listed within 60 s")
        await asyncio.sleep(0.02)


def _config(options: ControllerOptions) -> KubeConfig:
    if options.kubeconfig:
        return load_kubeconfig([Path(options.kubeconfig)], options.context)
    return in_cluster_config(os.environ)


def _now() -> datetime:
    return datetime.now(UTC)
