"""Everything around one application, on the kept fakes: a cluster, Git, a renderer, a clock."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.clock import FakeClock
from tests.fakes.clusters import FakeConnection
from tests.fakes.decoder import FakeDecoder
from tests.fakes.evaluate import FakeEvaluator
from tests.fakes.git import FakeGit
from tests.fakes.kube import BUILT_IN, SECRETS, FakeCluster, api
from tests.fakes.plugins import FakePlugins
from tests.fakes.remotes import FakeRemotes
from tests.fakes.renderer import FakeRenderer
from tests.fakes.verifier import FakeVerifier
from tiphys.controllers.application import ApplicationController
from tiphys.core.health import judge
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import IN_CLUSTER, ClusterTable
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.live import ObjectList, WatchEvent, WatchState
from tiphys.model.resource import ApiResource, Manifest, ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.clusters.registry import ClusterRegistry
from tiphys.services.compare import Comparisons, Eraser
from tiphys.services.live.ports import LiveIndex
from tiphys.services.live.watcher import KindWatcher
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.again import Again
from tiphys.services.reconcile.attempt import Attempts
from tiphys.services.reconcile.comparison import Comparer
from tiphys.services.reconcile.deletion import Deleter
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.events import EVENTS, EventRecorder
from tiphys.services.reconcile.jobs import RenderJobs
from tiphys.services.reconcile.judging import Judging
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.operation import Operator
from tiphys.services.reconcile.orphans import Orphans
from tiphys.services.reconcile.refresh import Refresher
from tiphys.services.reconcile.report import PassReport
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.render.service import RenderService
from tiphys.services.render.tools import ToolRenderer
from tiphys.services.repositories.registry import KnownRepositories
from tiphys.services.sources.refs import PollTiming, RefWatcher
from tiphys.services.sources.upstream import UpstreamByKind
from tiphys.services.sync.runner import Pace
from tiphys.services.sync.runners import SyncRunners

NAMESPACE = "argocd"
URL = "https://git.example.com/apps"
APPLICATIONS = api("argoproj.io", "v1alpha1", "Application", "applications")
PROJECTS = api("argoproj.io", "v1alpha1", "AppProject", "appprojects")
JOBS = api("batch", "v1", "Job", "jobs")
PROJECT = AppProject(
    {
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    }
)
AUTO = {"automated": {"prune": True, "selfHeal": True}}


def application(
    name: str = "web", *, path: str = "web", policy: Mapping[str, Any] | None = None, **meta: Any
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "project": "default",
        "source": {"repoURL": URL, "path": path, "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
    }
    if policy:
        spec["syncPolicy"] = dict(policy)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE, **meta},
        "spec": spec,
    }


class World:
    """`settings`, `projects` and `time` may be changed by tests."""

    def __init__(self) -> None:
        kinds = [one for one in BUILT_IN if one.kind != "Event"]
        self.cluster = FakeCluster((*kinds, EVENTS, JOBS, APPLICATIONS, PROJECTS))
        self.git = FakeGit()
        self.renderer = FakeRenderer()
        self.plugins = FakePlugins()
        self.plugins.there = False
        self.verifier = FakeVerifier()
        self.remotes = FakeRemotes()
        self.evaluator = FakeEvaluator()
        self.clock = FakeClock()
        self.time = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
        self.settings = Settings(wave_delay=0.0)
        self.projects: dict[str, AppProject] = {"default": PROJECT}
        self.refused: list[str] = []
        self.repositories = KnownRepositories()
        self.upstream = UpstreamByKind(self.git)
        self.refs = RefWatcher(
            self.upstream,
            PollTiming(120, 60),
            clock=self.clock,
            sleep=self.clock.sleep,
            uniform=lambda _low, high: high,
        )
        self.store = ApplicationStore(self.cluster, APPLICATIONS, NAMESPACE, sleep=self.clock.sleep)
        self.memories = Memories()
        self.connection = FakeConnection(self.cluster)
        self.clusters = ClusterRegistry(
            lambda _cluster: self.connect(),
            judge=judge,
            settings=lambda: self.settings,
            now=lambda: self.time,
            wait=lambda _seconds: asyncio.sleep(0.01),
            patience=0.05,
        )
        numbers = itertools.count(1)
        self.events = EventRecorder(self.cluster, lambda: self.time, lambda: next(numbers))
        self._wire()
        self.cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})

    def _wire(self) -> None:
        render = RenderService(
            self.upstream,
            ToolRenderer(self.renderer, self.plugins),
            FakeDecoder(),
            self.remotes,
            plugins=self.plugins,
            verifier=self.verifier,
            clock=self.clock,
        )
        self.rules = ProjectRules(
            self.projects.get,
            ClusterTable.of((), in_cluster=True).resolve,
            lambda: self.settings,
            control_plane=NAMESPACE,
        )
        jobs = RenderJobs(
            self.repositories,
            self.rules,
            self.clusters,
            lambda: self.settings.tools,
            namespace=NAMESPACE,
        )
        self.desired = DesiredState(self.refs, render, jobs)
        comparisons = Comparisons(Eraser(self.evaluator))
        judging = Judging(comparisons, lambda: self.settings)
        self.comparer = Comparer(self.clusters, self.rules, judging)
        admission = Admission(self.rules, lambda _url, _project: self.refused)
        now, settings = (lambda: self.time), (lambda: self.settings)
        report = PassReport(
            self.store,
            self.clusters,
            self.events,
            rules=self.rules,
            orphans=Orphans(self.store, self.clusters, self.rules),
            instance=self.desired.instance,
            now=now,
        )
        self.refresher = Refresher(
            self.store,
            self.memories,
            self.clusters,
            self.desired,
            self.comparer,
            report,
            self.events,
            admission=admission,
            rules=self.rules,
            settings=settings,
            now=now,
        )
        runners = SyncRunners(settings, pace=Pace(30.0, 0.05, 0.05), wait=self._breath)
        self.deleter = Deleter(
            self.store,
            self.clusters,
            self.desired,
            self.memories,
            self.rules,
            self.events,
            settings=settings,
            now=now,
        )
        self.operator = Operator(
            self.store,
            self.memories,
            Attempts(
                self.desired,
                self.comparer,
                self.clusters,
                runners,
                self.rules,
                settings,
                wait=self._breath,
            ),
            self.deleter,
            self.events,
            admission,
            self.rules,
            settings,
            now,
        )
        self.controller = ApplicationController(
            self.store,
            self.memories,
            self.clusters,
            self.refs,
            self.desired,
            self.refresher.refresh,
            self.operator,
            settings,
        )
        self.operator.request = self.controller.request
        self.operator.ahead = self.refresher

    def connect(self) -> FakeConnection:
        """Each connection is another; `connection` is the newest."""
        self.connection = FakeConnection(self.cluster)
        return self.connection

    @property
    def index(self) -> LiveIndex:
        return self.clusters.view(IN_CLUSTER).index

    async def _breath(self, _seconds: float) -> None:
        await asyncio.sleep(0)

    # -- what tests do and see ----------------------------------------------------------------

    def seed(self, *manifests: Mapping[str, Any]) -> None:
        self.cluster.seed(*manifests)

    def raw(self, name: str = "web") -> Any:
        """The Application as the API server has it."""
        return self.cluster.objects[key(name)]

    def status(self, name: str = "web") -> Any:
        return self.raw(name).get("status") or {}

    def state(self, name: str = "web") -> Any:
        return self.status(name).get("operationState") or {}

    def app(self, name: str = "web") -> Application:
        found = self.store.get(name)
        assert found is not None
        return found

    def change(self, name: str = "web", **parts: Any) -> None:
        """Somebody replaces whole parts of the Application; None removes one."""
        raw = {**self.raw(name), **parts}
        self.cluster.change({part: value for part, value in raw.items() if value is not None})

    def annotate(self, name: str = "web", **annotations: str) -> None:
        notes = {f"argocd.argoproj.io/{note}": text for note, text in annotations.items()}
        self.change(name, metadata={**self.raw(name)["metadata"], "annotations": notes})

    def ask(self, name: str = "web", **sync: Any) -> None:
        """What `app sync` writes."""
        status = {k: v for k, v in self.status(name).items() if k != "operationState"}
        operation = {"sync": {"prune": True, **sync}, "initiatedBy": {"username": "admin"}}
        self.change(name, operation=operation, status=status)

    def live(self, name: str, kind: str = "ConfigMap") -> Any:
        group = "batch" if kind == "Job" else ""
        return self.cluster.objects.get(ResourceKey(group, kind, "demo", name))

    def patches(self) -> int:
        """How often the Applications were patched."""
        return sum(verb == "patch" and at.kind == "Application" for verb, at in self.cluster.calls)

    def messages(self) -> list[str]:
        return [one["message"] for at, one in self.cluster.objects.items() if at.kind == "Event"]

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def refresh(self, level: CompareLevel | None = None, name: str = "web") -> Again | None:
        """One pass, as a worker of the controller makes it."""
        if level is not None:
            self.memories.of(name).request(level)
        return await self.refresher.refresh(name)


def key(name: str) -> ResourceKey:
    return ResourceKey("argoproj.io", "Application", NAMESPACE, name)


async def until(
    holds: Callable[[], object], *, within: float = 5.0, what: Callable[[], object] = str
) -> None:
    """Returns as soon as it holds."""
    deadline = asyncio.get_running_loop().time() + within
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, what()
        await asyncio.sleep(0.002)


@asynccontextmanager
async def world(
    *manifests: Mapping[str, Any], controller: bool = False, settings: Settings | None = None
) -> AsyncIterator[World]:
    """`manifests` are there from the beginning. With the controller everything runs by itself."""
    made = World()
    made.settings = settings or made.settings
    made.git.commit(URL, {"web/a": "one", "api/b": "two"})
    made.seed(*manifests)
    sink = _Sink(made.store)
    watcher = KindWatcher(made.cluster, APPLICATIONS, sink, namespace=NAMESPACE)
    task = asyncio.create_task(watcher.run())
    made.clusters.replaced(SECRETS, ObjectList((), "1"))
    await made.clusters.ready(IN_CLUSTER)
    await sink.listed.wait()
    if controller:
        made.controller.start()
    try:
        yield made
    finally:
        if controller:
            await made.controller.close()
        await made.store.close()
        await made.events.drain(within=1.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.refs.aclose()
        await made.clusters.close()


class _Sink:
    def __init__(self, store: ApplicationStore) -> None:
        self.store = store
        self.listed = asyncio.Event()

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:
        self.store.replace_all(objects.items)
        self.listed.set()

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:
        self.store.apply(event)

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        pass


def job(name: str = "migrate", *, phase: str = "Sync", wave: int = 0) -> Manifest:
    notes = {"argocd.argoproj.io/hook": phase, "argocd.argoproj.io/sync-wave": str(wave)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": notes},
        "spec": {"template": {"spec": {"containers": []}}},
    }


def complete(here: World, name: str = "migrate") -> None:
    """The Job is done."""
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    here.cluster.change({**here.live(name, "Job"), "status": done})
