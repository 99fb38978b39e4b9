"""Applications whose objects are on another cluster than they are."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.cli.world import NAMESPACE, FakeSources, app, key, project, settings
from tests.fakes.evaluate import FakeEvaluator
from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.model.application import Application
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiError, DestinationError, KubeError
from tiphys.model.resource import GroupKind, ResourceKey
from tiphys.services.applications import Applications, AppName
from tiphys.services.applications.service import APPLICATIONS, PROJECTS
from tiphys.services.applications.values import AtRevision

SERVER = "https://other.example.com"
NAME = AppName("", "a")


class Reach:
    """Implements Connection over a cluster in memory."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.reader = self.writer = self.discovery = cluster
        self.closed = False
        self.accounts: list[str] = []

    def acting_as(self, account: str) -> tuple[FakeCluster, FakeCluster]:
        self.accounts.append(account)
        return self.reader, self.writer

    async def probe(self) -> None:
        return

    async def may_list(self, resource: object, namespace: str) -> bool:
        return True

    async def close(self) -> None:
        self.closed = True


def cluster_secret(name: str, server: str, **data: str) -> dict[str, Any]:
    values = {"name": name, "server": server, "config": json.dumps({"bearerToken": "t"}), **data}
    labels = {"argocd.argoproj.io/secret-type": "cluster"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"cluster-{name}", "namespace": NAMESPACE, "labels": labels},
        "data": {part: b64encode(text.encode()).decode() for part, text in values.items()},
    }


class Fleet:
    def __init__(self) -> None:
        self.home = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
        self.away = FakeCluster()
        self.connections: list[tuple[Cluster, Reach]] = []
        self.sources = FakeSources()
        self.applications = Applications(
            self.home,
            self.home,
            self.home,
            self.sources,
            namespace=NAMESPACE,
            connect=self._connect,  # type: ignore[arg-type]
            evaluator=FakeEvaluator(),
        )

    def _connect(self, cluster: Cluster) -> Reach:
        reach = Reach(self.away)
        self.connections.append((cluster, reach))
        return reach


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    resource = {"version": "v1", "kind": "ConfigMap", "namespace": "demo", "name": "one"}
    destination = {"name": "other", "namespace": "demo"}
    manifest = app("a", status={"resources": [resource]})
    manifest["spec"]["destination"] = destination
    fleet.home.seed(project(), manifest, cluster_secret("other", SERVER))
    meta = {"name": "one", "namespace": "demo"}
    fleet.away.seed({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}})
    return fleet


async def test_objects_are_read_and_written_where_they_are(fleet: Fleet) -> None:
    application = await fleet.applications.get(NAME)
    where = ResourceKey("", "ConfigMap", "demo", "one")
    found = await fleet.applications.managed(application, AtRevision())
    assert [one.live and one.live["data"] for one in found] == [{"a": "1"}]
    assert [node.key for node in await fleet.applications.tree(application)] == [where]
    media = "application/merge-patch+json"
    await fleet.applications.patch_object(application, where, media, {"data": {"a": "2"}})
    assert fleet.away.objects[where]["data"] == {"a": "2"}
    await fleet.applications.delete_object(application, where, force=False, orphan=False)
    assert where not in fleet.away.objects
    ((cluster, reach),) = fleet.connections
    assert (cluster.server, cluster.name) == (SERVER, "other")
    await fleet.applications.close()
    assert reach.closed


async def test_a_spec_is_checked_against_the_clusters_that_are_known(fleet: Fleet) -> None:
    await fleet.applications.update_spec(
        NAME, {**app("a")["spec"], "destination": {"server": SERVER}}, validate=False
    )
    nowhere = {**app("a")["spec"], "destination": {"name": "nowhere"}}
    with pytest.raises(ApiError) as caught:
        await fleet.applications.update_spec(NAME, nowhere, validate=False)
    assert str(caught.value) == (
        "application destination spec for a is invalid: there are no clusters with this name: "
        "nowhere"
    )


async def test_a_projects_own_cluster_is_permitted(fleet: Fleet) -> None:
    fleet.home.seed(
        project("team", destinations=[]),
        cluster_secret("ours", "https://ours.example.com", project="team"),
    )
    spec = {**app("a")["spec"], "project": "team"}
    await fleet.applications.update_spec(
        NAME, {**spec, "destination": {"name": "ours", "namespace": "x"}}, validate=False
    )
    with pytest.raises(ApiError, match="do not match any of the allowed destinations"):
        await fleet.applications.update_spec(
            NAME, {**spec, "destination": {"name": "other", "namespace": "x"}}, validate=False
        )


async def test_a_cluster_that_is_gone_hides_nothing_else(fleet: Fleet) -> None:
    manifest = fleet.home.objects[key("a")]
    destination = {"name": "gone", "namespace": "demo"}
    fleet.home.change({**manifest, "spec": {**manifest["spec"], "destination": destination}})
    application = await fleet.applications.get(NAME)
    assert application.status.resources[0].name == "one"
    with pytest.raises(DestinationError):
        await fleet.applications.tree(application)


async def test_whoever_may_not_read_secrets_knows_the_own_cluster(fleet: Fleet) -> None:
    fleet.home.forbidden.add(GroupKind("", "Secret"))
    spec = {**app("a")["spec"], "destination": {"name": "in-cluster", "namespace": "x"}}
    await fleet.applications.update_spec(NAME, spec, validate=False)


ONE = ResourceKey("", "ConfigMap", "demo", "one")
PATCH = ("application/merge-patch+json", {"data": {"a": "2"}})


def impersonating(fleet: Fleet, account: str, **more: str) -> None:
    fleet.home.seed(
        settings(**{"application.sync.impersonation.enabled": "true", **more}),
        project(
            "acting",
            destinationServiceAccounts=[
                {"server": SERVER, "namespace": "demo", "defaultServiceAccount": account}
            ],
        ),
    )


async def acting(fleet: Fleet, name: str = "acting") -> Application:
    manifest = fleet.home.objects[key("a")]
    fleet.home.change({**manifest, "spec": {**manifest["spec"], "project": name}})
    return await fleet.applications.get(NAME)


async def test_live_objects_are_touched_as_the_projects_account(fleet: Fleet) -> None:
    impersonating(fleet, "deployer")
    application = await acting(fleet)
    await fleet.applications.patch_object(application, ONE, *PATCH)
    await fleet.applications.get_object(application, ONE)
    await fleet.applications.delete_object(application, ONE, force=False, orphan=False)
    ((_, reach),) = fleet.connections
    assert reach.accounts == ["system:serviceaccount:demo:deployer"] * 3


async def test_without_an_account_nothing_is_touched(fleet: Fleet) -> None:
    impersonating(fleet, "deployer")
    application = await acting(fleet, "default")
    with pytest.raises(ApiError) as caught:
        await fleet.applications.patch_object(application, ONE, *PATCH)
    assert str(caught.value) == (
        f"no matching service account found for destination server {SERVER} and namespace demo"
    )
    assert fleet.away.objects[ONE]["data"] == {"a": "1"}


async def test_an_account_that_is_none_is_said(fleet: Fleet) -> None:
    impersonating(fleet, "a*b")
    application = await acting(fleet)
    with pytest.raises(ApiError, match="failed to derive service account to impersonate"):
        await fleet.applications.get_object(application, ONE)


async def test_without_enforcement_our_own_rights_do(fleet: Fleet) -> None:
    impersonating(fleet, "deployer", **{"application.sync.impersonation.enforced": "false"})
    application = await acting(fleet, "default")
    await fleet.applications.patch_object(application, ONE, *PATCH)
    assert fleet.away.objects[ONE]["data"] == {"a": "2"}


async def test_without_a_way_there_is_none() -> None:
    fleet = Fleet()
    alone = Applications(
        fleet.home, fleet.home, fleet.home, fleet.sources, namespace=NAMESPACE,
        evaluator=FakeEvaluator(),
    )  # fmt: skip
    fleet.home.seed(cluster_secret("other", SERVER))
    away = Application(app("a", spec={"destination": {"name": "other"}}))
    with pytest.raises(KubeError, match=f'cluster "{SERVER}" cannot be reached from here'):
        await alone.tree(away)
