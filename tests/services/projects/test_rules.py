"""What projects allow, put together once and again when something changed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tiphys.core.project import ServiceAccountError, source_permitted
from tiphys.core.settings import Settings
from tiphys.core.settings.settings import GlobalProject
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster
from tiphys.model.errors import DestinationError
from tiphys.model.resource import ResourceKey
from tiphys.services.projects.rules import ProjectRules

ONE = Cluster(server="https://one", name="one")
CONFIG = ResourceKey("", "ConfigMap", "demo", "a")
ROLE = ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "team-a")
NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
APP = Application(
    {
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {
            "project": "team",
            "destination": {"server": "https://one", "namespace": "demo"},
        },
    }
)


class World:
    def __init__(self, **spec: Any) -> None:
        self.projects: dict[str, AppProject] = {}
        self.settings = Settings()
        self.clusters: list[Cluster] = [ONE]
        self.repositories: dict[str, tuple[str, ...]] = {}
        self.put("team", **spec)
        self.rules = ProjectRules(
            self.projects.get,
            self.resolve,
            lambda: self.settings,
            control_plane="argocd",
            clusters=lambda: self.clusters,
            repositories=lambda project: self.repositories.get(project, ()),
        )

    def put(self, name: str, **spec: Any) -> None:
        self.projects[name] = AppProject({"metadata": {"name": name}, "spec": spec})

    def resolve(self, destination: ApplicationDestination) -> Cluster:
        for cluster in self.clusters:
            if cluster.server == destination.server:
                return cluster
        raise DestinationError("no such cluster")


HERE = [{"server": "https://one", "namespace": "demo"}]


def test_a_project_that_is_gone_allows_nothing() -> None:
    world = World(destinations=HERE)
    del world.projects["team"]
    assert world.rules.of(APP) is None
    assert world.rules.permission(APP) is None
    assert not world.rules.window(APP, manual=True, started_at=None, now=NOW).allowed
    assert world.rules.account(APP, ONE) is None


def test_a_cluster_that_is_gone_allows_nothing() -> None:
    world = World(destinations=HERE)
    world.clusters.clear()
    assert world.rules.resolved(APP.spec.destination) == "no such cluster"
    assert world.rules.permission(APP) is None


def test_permission_is_made_once() -> None:
    world = World(
        destinations=HERE,
        clusterResourceWhitelist=[{"group": "*", "kind": "ClusterRole", "name": "team-*"}],
    )
    first = world.rules.permission(APP)
    assert first is not None
    assert first is world.rules.permission(APP)
    assert first.live(CONFIG)
    assert not first.live(CONFIG._replace(namespace="other"))
    assert first.live(ROLE)
    # Names count for cluster-scoped objects, each for itself.
    assert not first.live(ROLE._replace(name="cluster-admin"))
    assert first.refusal(ROLE._replace(name="cluster-admin"), False) == (
        "resource rbac.authorization.k8s.io:ClusterRole is not permitted in project team"
    )


def test_another_project_of_the_name_is_seen_at_once() -> None:
    world = World(destinations=HERE)
    before = world.rules.permission(APP)
    world.put("team")
    after = world.rules.permission(APP)
    assert before is not None
    assert before.live(CONFIG)
    assert after is not None
    assert not after.live(CONFIG)


def test_global_projects_and_clusters_of_a_project_until_forgotten() -> None:
    world = World()
    world.put("wide", destinations=HERE)
    allowed = world.rules.permission(APP)
    assert allowed is not None
    assert not allowed.live(CONFIG)
    world.settings = Settings(global_projects=(GlobalProject("wide", {}),))
    world.rules.forget()
    allowed = world.rules.permission(APP)
    assert allowed is not None
    assert allowed.live(CONFIG)
    world.settings = Settings()
    world.clusters = [Cluster(server="https://one", name="one", project="team")]
    world.rules.forget()
    allowed = world.rules.permission(APP)
    assert allowed is not None
    assert allowed.live(CONFIG._replace(namespace="any"))


def test_whom_a_change_concerns() -> None:
    world = World()
    world.put("wide")
    world.settings = Settings(global_projects=(GlobalProject("wide", {}),))
    assert world.rules.of(APP) is not None
    assert set(world.rules.affected("team")) == {"team"}
    assert set(world.rules.affected("wide")) == {"wide", "team"}


def test_windows() -> None:
    deny = {"kind": "deny", "schedule": "0 13 * * *", "duration": "1h", "applications": ["web"]}
    world = World(syncWindows=[{**deny, "timeZone": "Europe/Berlin"}])
    verdict = world.rules.window(APP, manual=False, started_at=None, now=NOW)
    assert not verdict.allowed
    assert verdict.look_again == NOW.replace(hour=13, minute=0)
    world.put("team", syncWindows=[deny])
    assert world.rules.window(APP, manual=False, started_at=None, now=NOW).allowed


def test_accounts() -> None:
    entry = {"server": "*", "namespace": "*", "defaultServiceAccount": "deployer"}
    world = World(destinationServiceAccounts=[entry])
    assert world.rules.account(APP, ONE) == "system:serviceaccount:demo:deployer"
    world.put("team", destinationServiceAccounts=[{**entry, "defaultServiceAccount": "*"}])
    with pytest.raises(ServiceAccountError):
        world.rules.account(APP, ONE)


def test_a_repository_of_the_project_is_one_of_its_sources() -> None:
    world = World()
    world.put("other")
    url = "https://git.example.com/own"
    world.repositories["team"] = (url,)
    mine, others = world.rules.effective("team"), world.rules.effective("other")
    assert mine is not None
    assert others is not None
    assert source_permitted(mine, url)
    assert not source_permitted(others, url)
    # It is put together again when somebody says that something changed.
    world.repositories.clear()
    assert world.rules.effective("team") is mine
    world.rules.forget()
    after = world.rules.effective("team")
    assert after is not None
    assert not source_permitted(after, url)
