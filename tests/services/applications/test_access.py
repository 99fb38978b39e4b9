"""The rule of who may see and touch an application, as it is read live and from memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from tests.cli.world import NAMESPACE, app, key, project
from tests.fakes.access import FakeAccess
from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import ClusterTable
from tiphys.model.access import ANONYMOUS
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, KubeUnreachableError
from tiphys.model.live import WatchEvent, WatchVerb
from tiphys.model.resource import ApiResource, ResourceKey
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.applications.projects import PROJECTS
from tiphys.services.applications.store import APPLICATIONS
from tiphys.services.live.watcher import WatchSink
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.named import NamedObjects, Projects

Ask = Callable[..., Awaitable[Application]]


@dataclass
class World:
    cluster: FakeCluster
    access: FakeAccess
    catalogue: ApplicationCatalogue
    projects: NamedObjects
    settings: Settings
    rule: AppAccess
    ask: Ask

    async def heard(self) -> None:
        """What is stored is in memory."""
        for resource, sink in self._sinks():
            sink.replaced(resource, await self.cluster.list(resource))

    def _sinks(self) -> list[tuple[ApiResource, WatchSink]]:
        return [(APPLICATIONS, self.catalogue), (PROJECTS, self.projects)]


@pytest.fixture(params=["live", "cached"])
async def world(request: pytest.FixtureRequest) -> World:
    cluster = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
    cluster.seed(
        project(),
        project("team", sourceNamespaces=["team-*"]),
        app("a"),
        app("b", spec={"project": "team"}),
        app("lost", spec={"project": "gone"}),
        app("c", metadata={"namespace": "team-one"}, spec={"project": "team"}),
        app("d", metadata={"namespace": "other"}, spec={"project": "team"}),
        app("stray", metadata={"namespace": "team-one"}),
    )
    access, catalogue, projects = FakeAccess(), ApplicationCatalogue(), NamedObjects()
    found = World(cluster, access, catalogue, projects, Settings(), None, None)  # type: ignore[arg-type]
    found.settings = replace(Settings(), application_namespaces=("/^team-.*$/",))
    rules = ProjectRules(
        Projects(projects).find,
        ClusterTable.of([]).resolve,
        lambda: found.settings,
        control_plane=NAMESPACE,
        made_of=lambda: (projects.version,),
    )
    found.rule = AppAccess(access, catalogue, cluster, rules, lambda: found.settings)
    found.ask = getattr(found.rule, request.param)
    await found.heard()
    return found


async def refused(answer: Awaitable[Application]) -> tuple[ApiCode, str]:
    with pytest.raises(ApiError) as caught:
        await answer
    return caught.value.code, str(caught.value)


DENIED = (ApiCode.PERMISSION_DENIED, "permission denied")


def absent(name: str) -> tuple[ApiCode, str]:
    return ApiCode.NOT_FOUND, f'applications.argoproj.io "{name}" not found'


def foreign(name: str) -> tuple[ApiCode, str]:
    text = f'app is not allowed in project "{name}", or the project does not exist'
    return ApiCode.INVALID_ARGUMENT, text


async def test_what_is_allowed_is_answered(world: World) -> None:
    world.access.allow("applications get default/a")
    found = await world.ask(ANONYMOUS, "get", "", "a")
    assert found.name == "a"
    assert (await world.ask(ANONYMOUS, "get", NAMESPACE, "a", "default")).name == "a"


async def test_missing_and_forbidden_are_one_answer(world: World) -> None:
    world.access.allow("applications get team/*")
    assert await refused(world.ask(ANONYMOUS, "get", "", "a")) == DENIED
    assert await refused(world.ask(ANONYMOUS, "get", "", "nosuch")) == DENIED
    # Neither does the name of a project tell who must not see it.
    assert await refused(world.ask(ANONYMOUS, "get", "", "a", "default")) == DENIED
    assert await refused(world.ask(ANONYMOUS, "get", "", "nosuch", "default")) == DENIED


async def test_missing_and_forbidden_take_the_same_steps(world: World) -> None:
    world.access.allow("applications get team/*")
    steps = []
    for name, of in (("a", ""), ("nosuch", ""), ("a", "default"), ("nosuch", "default")):
        world.cluster.calls.clear()
        await refused(world.ask(ANONYMOUS, "get", "", name, of))
        steps.append([verb for verb, _ in world.cluster.calls])
    assert all(one == steps[0] for one in steps)


async def test_who_may_in_the_project_learns_what_is_absent(world: World) -> None:
    world.access.allow("applications get team/*")
    ask = world.ask
    assert await refused(ask(ANONYMOUS, "get", "", "nosuch", "team")) == absent("nosuch")
    # One that is in another project is as absent, whether it may be seen there or not.
    assert await refused(ask(ANONYMOUS, "get", "", "a", "team")) == absent("a")
    world.access.allow("applications get default/*")
    assert await refused(ask(ANONYMOUS, "get", "", "a", "team")) == absent("a")


async def test_one_action_is_not_another(world: World) -> None:
    world.access.allow("applications get */*")
    assert await refused(world.ask(ANONYMOUS, "sync", "", "a")) == DENIED


async def test_namespaces_that_hold_no_applications_are_closed(world: World) -> None:
    world.access.allow("*")
    assert (await world.ask(ANONYMOUS, "get", "team-one", "c")).namespace == "team-one"
    assert await refused(world.ask(ANONYMOUS, "get", "other", "d")) == DENIED
    assert await refused(world.ask(ANONYMOUS, "get", "other", "d", "team")) == DENIED
    world.settings = Settings()
    assert await refused(world.ask(ANONYMOUS, "get", "team-one", "c")) == DENIED


async def test_another_namespace_is_part_of_the_object(world: World) -> None:
    world.access.allow("applications get team/team-one/c")
    assert (await world.ask(ANONYMOUS, "get", "team-one", "c", "team")).name == "c"
    assert set(world.access.asked) == {"applications get team/team-one/c"}
    assert await refused(world.ask(ANONYMOUS, "get", "", "b")) == DENIED


async def test_the_project_has_to_take_it(world: World) -> None:
    world.access.allow("*")
    assert await refused(world.ask(ANONYMOUS, "get", "", "lost")) == foreign("gone")
    assert await refused(world.ask(ANONYMOUS, "get", "team-one", "stray")) == foreign("default")
    world.projects.changed(PROJECTS, WatchEvent(WatchVerb.DELETED, project()))
    assert await refused(world.ask(ANONYMOUS, "get", "", "a")) == foreign("default")


async def test_the_virtual_project_is_what_counts(world: World) -> None:
    world.access.allow("*")
    found = await world.ask(ANONYMOUS, "get", "", "b")
    assert world.rule.project(found).spec.source_namespaces == ("team-*",)
    changed = project("team", sourceNamespaces=["x"])
    world.projects.changed(PROJECTS, WatchEvent(WatchVerb.MODIFIED, changed))
    assert world.rule.project(found).spec.source_namespaces == ("x",)


async def test_later_checks_say_what_was_asked(world: World) -> None:
    world.access.allow("applications get *")
    found = await world.ask(ANONYMOUS, "get", "team-one", "c")
    with pytest.raises(ApiError) as caught:
        world.rule.require(ANONYMOUS, "delete", found)
    assert str(caught.value) == "permission denied: applications, delete, team/team-one/c"


@pytest.mark.parametrize("world", ["live"], indirect=True)
async def test_a_cluster_that_is_away_is_told_to_nobody(world: World) -> None:
    world.access.allow("*")

    def away(verb: str, asked: ResourceKey) -> KubeUnreachableError | None:
        return KubeUnreachableError("connection refused") if asked == key("a") else None

    world.cluster.fail = away
    assert await refused(world.ask(ANONYMOUS, "get", "", "a", "default")) == DENIED
