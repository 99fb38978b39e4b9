"""A sync that waits is ended when its time is over, though nothing else happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from msgspec.structs import replace

from tests.fakes.kube import FakeCluster
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import ClusterTable
from tiphys.model.application import Application, OperationState
from tiphys.model.appproject import AppProject
from tiphys.model.live import WatchEvent, WatchVerb
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ApiResource
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.attempt import Attempts
from tiphys.services.reconcile.deletion import Deleter
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.operation import Operator
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.sync.ports import OperationStore

VERBS = frozenset({"get", "list", "watch", "patch", "update", "create", "delete"})
APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, VERBS)
APP: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "web", "namespace": "argocd"},
    "spec": {
        "project": "default",
        "source": {"repoURL": "https://example.com/web.git", "path": "app"},
        "destination": {"name": "in-cluster", "namespace": "web"},
    },
    "operation": {"sync": {"revision": "main"}},
}
PROJECT: dict[str, Any] = {
    "metadata": {"name": "default"},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    },
}


@dataclass
class Waiting:
    """A sync that waits until somebody ends it, or until it has waited long enough."""

    state: OperationState
    seconds: float
    store: OperationStore
    told: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def terminate(self, message: str = "") -> None:
        self.told.append(message)
        self.ended.set()

    async def run(self) -> OperationState:
        try:
            async with asyncio.timeout(self.seconds):
                await self.ended.wait()
        except TimeoutError:
            return replace(self.state, phase="Succeeded", message="done")
        # As the engine does before it deletes the hooks that run.
        await self.store.save(replace(self.state, phase="Terminating"))
        return replace(self.state, phase="Failed", message="Operation terminated")


@dataclass
class OneAttempt:
    """Hands out one waiting sync."""

    seconds: float
    made: list[Waiting] = field(default_factory=list)

    async def prepare(self, app: Application, memory: object, state: OperationState) -> OneAttempt:
        del app, memory
        self.state = state
        return self

    def begin(self, store: OperationStore) -> Waiting:
        self.made.append(Waiting(self.state, self.seconds, store))
        return self.made[-1]


class Silent:
    def record(self, app: object, event: object) -> None:
        """Events are not what is looked at here."""


async def ended(*, limit: float, lasts: float) -> tuple[dict[str, Any], Waiting]:
    cluster = FakeCluster([APPLICATIONS])
    cluster.seed(APP)
    store = ApplicationStore(cluster, APPLICATIONS, "argocd")
    live = await cluster.get(APPLICATIONS, "argocd", "web")
    store.apply(WatchEvent(WatchVerb.ADDED, live))
    attempts = OneAttempt(lasts)
    project = AppProject(PROJECT)
    resolve = ClusterTable.of((), in_cluster=True).resolve
    rules = ProjectRules(lambda _name: project, resolve, Settings, control_plane="argocd")
    operator = Operator(
        store,
        Memories(),
        cast("Attempts", attempts),
        cast("Deleter", None),
        cast("EventRecorder", Silent()),
        Admission(rules, lambda _url, _project: []),
        rules,
        settings=lambda: Settings(sync_timeout=limit),
        now=lambda: datetime.now(UTC),
    )
    async with asyncio.timeout(10):
        await operator.operate("web")
    stored = await cluster.get(APPLICATIONS, "argocd", "web")
    return stored["status"]["operationState"], attempts.made[-1]


async def test_a_sync_that_waits_too_long_is_ended() -> None:
    # Starts are stored in whole seconds, so a second may have passed already.
    state, sync = await ended(limit=1.2, lasts=5)
    assert sync.told == ["operation is terminating due to timeout"]
    assert state["phase"] == "Failed"
    assert state["message"] == "Operation terminated, triggered by controller sync timeout"


async def test_one_that_ends_in_time_is_not() -> None:
    state, sync = await ended(limit=5, lasts=0.01)
    assert sync.told == []
    assert (state["phase"], state["message"]) == ("Succeeded", "done")


async def test_without_a_limit_it_may_take_as_long_as_it_takes() -> None:
    state, sync = await ended(limit=0, lasts=0.01)
    assert sync.told == []
    assert state["phase"] == "Succeeded"
