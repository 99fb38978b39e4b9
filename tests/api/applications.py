"""The methods on applications on a cluster in memory, as the server wires them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.api.access import ALICE, FakeAudit
from tests.cli.world import NAMESPACE, FakeSources
from tests.fakes.access import FakeAccess
from tests.fakes.evaluate import FakeEvaluator
from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.api.calls import Answer, Call, ServerStream, Unary
from tiphys.api.handlers.application import SERVICE, ApplicationHandlers
from tiphys.api.handlers.applications import ListHandlers
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import ClusterTable
from tiphys.model.access import Caller
from tiphys.model.live import WatchState, WatchVerb
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.calls import ApplicationCalls
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.applications.following import Following
from tiphys.services.applications.projects import PROJECTS
from tiphys.services.applications.roster import Roster
from tiphys.services.applications.service import Applications
from tiphys.services.applications.settings import FollowedSettings
from tiphys.services.applications.store import APPLICATIONS
from tiphys.services.applications.surroundings import Surroundings
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.named import NamedObjects, Projects

NOW = datetime(2026, 11, 23, 10, 3, 33, 956243, tzinfo=UTC)


class FakeLive:
    """LiveView of which only the trees are asked."""

    def __init__(self) -> None:
        self.trees_of: dict[str, Mapping[str, Any]] = {}
        self.asked = 0

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        self.asked += 1
        return self.trees_of.get(name)

    async def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        for tree in self.trees_of.values():
            yield tree

    async def managed(self, namespace: str, name: str) -> None:
        return None

    async def cluster_info(self, server: str) -> None:
        return None


@dataclass
class Api:
    cluster: FakeCluster = field(
        default_factory=lambda: FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
    )
    access: FakeAccess = field(default_factory=FakeAccess)
    audit: FakeAudit = field(default_factory=FakeAudit)
    live: FakeLive = field(default_factory=FakeLive)
    sources: FakeSources = field(default_factory=FakeSources)
    catalogue: ApplicationCatalogue = field(default_factory=ApplicationCatalogue)
    projects: NamedObjects = field(default_factory=NamedObjects)
    settings: Settings = field(
        default_factory=lambda: replace(Settings(), application_namespaces=("team-*",))
    )
    config: dict[str, str] = field(default_factory=dict)
    replace_allowed: bool = True
    rollback_action: str = "sync"
    buffer: int = 1000
    caller: Caller = ALICE
    call: Call = field(default_factory=Call)

    def __post_init__(self) -> None:
        rules = ProjectRules(
            Projects(self.projects).find,
            ClusterTable.of([]).resolve,
            lambda: self.settings,
            control_plane=NAMESPACE,
            made_of=lambda: (self.projects.version,),
        )
        self.rule = AppAccess(
            self.access, self.catalogue, self.cluster, rules, lambda: self.settings
        )
        settings = FollowedSettings(
            self.cluster,
            NAMESPACE,
            lambda: self.settings,
            lambda name: {"data": self.config} if name == "argocd-cm" else None,
            replace_allowed=self.replace_allowed,
        )
        uses = Applications(
            self.cluster,
            self.cluster,
            self.cluster,
            self.sources,
            namespace=NAMESPACE,
            evaluator=FakeEvaluator(),
            clock=lambda: NOW,
            surroundings=Surroundings(settings, lambda: ClusterTable.of([]), rules),
        )
        self.calls = ApplicationCalls(
            uses,
            self.rule,
            self.catalogue,
            self.audit,
            self.live,
            rollback_action=lambda: self.rollback_action,
        )
        self.roster = Roster(self.catalogue, self.rule, self.access)
        self.following = Following(
            self.catalogue, self.roster, self.calls.judged, self.rule.enabled, buffer=self.buffer
        )
        self.handlers = {
            **ApplicationHandlers(self.calls).methods(),
            **ListHandlers(self.roster, self.following, home=NAMESPACE).methods(),
        }

    async def ask(
        self,
        method: str,
        query: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        /,
        **message: Any,
    ) -> Any:
        """The answer as JSON. Raises ApiError and KubeError."""
        handler = self.handlers[f"{SERVICE}/{method}"]
        assert isinstance(handler, Unary)
        self.call = Call(caller=self.caller, query=query, metadata=metadata or {})
        return value_of(await handler.run(self.call, message))

    def stream(
        self, query: Mapping[str, str] | None = None, /, **message: Any
    ) -> AsyncIterator[Answer]:
        handler = self.handlers[f"{SERVICE}/Watch"]
        assert isinstance(handler, ServerStream)
        return handler.run(Call(caller=self.caller, query=query), message)

    async def heard(self) -> None:
        """Everything that is stored is known, and nothing disturbs the watch."""
        projects = await self.cluster.list(PROJECTS)
        self.projects.replaced(PROJECTS, projects)
        self.catalogue.replaced(APPLICATIONS, await self.cluster.list(APPLICATIONS))
        self.catalogue.fares(APPLICATIONS, WatchState.CURRENT)


@asynccontextmanager
async def following(api: Api) -> AsyncIterator[None]:
    """What changes is heard of."""
    await api.heard()

    async def follow() -> None:
        async for event in api.cluster.watch(APPLICATIONS, resource_version=api.catalogue.version):
            if event.verb is not WatchVerb.BOOKMARK:
                api.catalogue.changed(APPLICATIONS, event)

    task = asyncio.create_task(follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def value_of(answer: Answer) -> Any:
    return dict(answer) if isinstance(answer, Mapping) else json.loads(answer.json())
