"""Clusters by the API: what is hidden, who may, and what an update can not do."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.access import ALICE
from tests.fakes.access import FakeAccess
from tests.fakes.clusters import FakeConnection
from tests.fakes.kube import BUILT_IN, FakeCluster
from tests.services.projects.test_service import APPLICATIONS
from tiphys.api.calls import Call, Unary
from tiphys.api.handlers.cluster import ClusterHandlers
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError, KubeUnreachableError
from tiphys.model.resource import ResourceKey
from tiphys.services.clusters.catalogue import ClusterCatalogue
from tiphys.services.projects.surroundings import PROJECTS

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
HOME = "https://kubernetes.default.svc"
FAR = "https://far.example:6443"
SHORT = (ApiCode.PERMISSION_DENIED, "permission denied")
SECRETS = ("T0KEN", "PASSW0RD", "KEYDATA", "ENVSECRET", "LASTAPPLIED", "PROXYPW")
CONFIG = {
    "username": "u",
    "password": "PASSW0RD",
    "bearerToken": "T0KEN",
    "proxyUrl": "http://me:PROXYPW@proxy:3128",
    "execProviderConfig": {"command": "c", "env": {"X": "ENVSECRET"}},
    "tlsClientConfig": {
        "insecure": False,
        "serverName": "far",
        "certData": base64.b64encode(b"CERT").decode(),
        "keyData": base64.b64encode(b"KEYDATA").decode(),
    },
}


def secret(server: str = FAR, name: str = "far", **data: str) -> dict[str, Any]:
    texts = {"server": server, "name": name, "config": json.dumps(CONFIG), **data}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"s-{name}-{len(server)}",
            "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "cluster", "env": "prod"},
            "annotations": {
                "managed-by": "argocd.argoproj.io",
                "kubectl.kubernetes.io/last-applied-configuration": "LASTAPPLIED",
                "note": "n",
            },
        },
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
    }


class Api:
    def __init__(self) -> None:
        self.kube = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
        self.access = FakeAccess()
        self.info: dict[str, Mapping[str, Any]] = {}
        self.now = NOW
        self.broken = False
        self.connected: list[Cluster] = []

        async def in_cluster() -> bool:
            return True

        async def info(server: str) -> Mapping[str, Any] | None:
            return self.info.get(server)

        self.catalogue = ClusterCatalogue(
            self.kube,
            self.kube,
            self._connect,
            namespace="argocd",
            in_cluster=in_cluster,
            now=lambda: NOW,
        )
        self.handlers = ClusterHandlers(self.catalogue, self.access, info, now=lambda: self.now)
        self.methods = self.handlers.methods()

    def _connect(self, cluster: Cluster) -> FakeConnection:
        self.connected.append(cluster)
        connection = FakeConnection(self.kube)
        if self.broken:
            connection.broken = KubeUnreachableError("nobody is there")
        return connection

    async def call(self, method: str, message: dict[str, Any]) -> Any:
        handler = self.methods[f"cluster.ClusterService/{method}"]
        assert isinstance(handler, Unary)
        return await handler.run(Call(ALICE), message)

    async def refused(self, method: str, message: dict[str, Any]) -> tuple[ApiCode, str]:
        with pytest.raises(ApiError) as caught:
            await self.call(method, message)
        return caught.value.code, str(caught.value)

    def stored(self, name: str) -> dict[str, str]:
        found = self.kube.objects[ResourceKey("", "Secret", "argocd", name)]
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}


@pytest.fixture
def api() -> Api:
    return Api()


async def test_a_list_hides_secrets_and_what_may_not_be_seen(api: Api) -> None:
    api.kube.seed(secret(), secret("https://other", "other", project="team"))
    api.access.allow(f"clusters get {FAR}", f"clusters get {HOME}")
    found = await api.call("List", {})
    assert found["metadata"] == {}
    assert [item["server"] for item in found["items"]] == [FAR, HOME]
    assert not [one for one in SECRETS if one in json.dumps(found)]
    far = found["items"][0]
    assert far["annotations"] == {"note": "n"}
    assert far["labels"] == {"env": "prod"}
    assert far["config"] == {
        "proxyUrl": "http://proxy:3128",
        "tlsClientConfig": {"insecure": False, "serverName": "far"},
    }
    nothing = {"status": "", "message": "", "attemptedAt": None}
    assert far["connectionState"] == nothing
    assert far["info"] == {"connectionState": nothing, "cacheInfo": {}, "applicationsCount": 0}
    assert found["items"][1]["connectionState"]["status"] == "Successful"
    assert not api.connected
    api.access.allow("clusters get team/https://other")
    assert len((await api.call("List", {}))["items"]) == 3


async def test_a_list_by_server_name_or_id(api: Api) -> None:
    api.kube.seed(secret(), secret("https://twin", "far"))
    api.access.allow("*")
    for asked, servers in (
        ({"server": FAR + "/"}, [FAR]),
        ({"name": "far"}, ["https://twin"]),
        ({"id": {"type": "name", "value": "far"}, "name": "no"}, ["https://twin"]),
        ({"server": "https://nowhere"}, None),
    ):
        found = await api.call("List", asked)
        assert (found["items"] and [one["server"] for one in found["items"]]) == servers


async def test_absent_and_forbidden_are_answered_alike(api: Api) -> None:
    for method in ("Get", "InvalidateCache", "Delete", "RotateAuth", "Update"):
        for message in ({"server": FAR}, {"name": "far"}, {"id": {"value": FAR}}, {}):
            asked = {"cluster": message, **message} if method == "Update" else message
            assert await api.refused(method, asked) == SHORT
    api.kube.seed(secret())
    for method in ("Get", "InvalidateCache", "Delete", "RotateAuth"):
        assert await api.refused(method, {"server": FAR}) == SHORT
    api.access.allow("*")
    assert await api.refused("Get", {"server": "https://nowhere"}) == SHORT


@pytest.mark.parametrize(
    "message",
    [
        {"server": FAR},
        {"server": FAR + "/"},
        {"name": "far+1"},
        {"id": {"type": "name", "value": "far%2B1"}},
        {"id": {"type": "name_escaped", "value": "far%252B1"}},
        {"id": {"type": "url", "value": "https%3A%2F%2Ffar.example:6443"}, "name": "no"},
    ],
)
async def test_ways_to_name_a_cluster(api: Api, message: dict[str, Any]) -> None:
    api.kube.seed(secret(name="far+1"))
    api.access.allow(f"clusters get {FAR}")
    api.info[FAR] = {
        "connectionState": {"status": "Failed", "message": "m", "attemptedAt": "t"},
        "serverVersion": "v1.34",
        "applicationsCount": 2,
    }
    found = await api.call("Get", message)
    assert found["name"] == "far+1"
    assert found["serverVersion"] == "v1.34"
    assert found["connectionState"] == found["info"]["connectionState"]
    assert found["info"]["applicationsCount"] == 2


async def test_a_bad_escape(api: Api) -> None:
    found = await api.refused("Get", {"id": {"type": "name", "value": "a%zzb"}})
    assert found == (ApiCode.UNKNOWN, 'invalid URL escape "%zz"')


async def test_create(api: Api) -> None:
    asked = {"server": FAR, "name": "far", "config": {"bearerToken": "T0KEN"}, "shard": 0}
    code, said = await api.refused("Create", {"cluster": {**asked, "project": "team"}})
    assert said.startswith(f"permission denied: clusters, create, team/{FAR}")
    api.access.allow("clusters create *")
    api.broken = True
    assert await api.refused("Create", {"cluster": asked}) == (
        ApiCode.UNKNOWN,
        "error getting server version: nobody is there",
    )
    api.broken = False
    made = await api.call("Create", {"cluster": asked})
    assert made["connectionState"]["status"] == "Successful"
    assert made["shard"] == 0
    assert "T0KEN" not in json.dumps(made)
    await api.call("Create", {"cluster": asked})
    other = {"cluster": {**asked, "namespaces": ["a"]}}
    code, said = await api.refused("Create", other)
    assert code is ApiCode.INVALID_ARGUMENT
    assert said.startswith("existing cluster spec is different; use upsert flag to force update")
    # Whoever changes an existing cluster needs the right to.
    assert await api.refused("Create", {**other, "upsert": True}) == SHORT
    api.access.allow(f"clusters update {FAR}", f"clusters get {FAR}")
    assert (await api.call("Create", {**other, "upsert": True}))["namespaces"] == ["a"]
    # What answered is known for a while.
    assert (await api.call("Get", {"server": FAR}))["connectionState"]["status"] == "Successful"
    api.now += timedelta(minutes=11)
    assert (await api.call("Get", {"server": FAR}))["connectionState"]["status"] == ""


async def test_a_cluster_is_taken_from_nobody(api: Api) -> None:
    """Whoever may do all to a project's clusters may not make everybody's into one of them."""
    asked = {"server": FAR, "name": "far", "config": {"bearerToken": "T0KEN"}}
    api.access.allow(f"clusters create {FAR}")
    await api.call("Create", {"cluster": asked})
    api.access.allow(f"clusters create mine/{FAR}", f"clusters update mine/{FAR}")
    taken = {"cluster": {**asked, "project": "mine"}, "upsert": True}
    assert await api.refused("Create", taken) == SHORT
    api.access.allow(f"clusters update {FAR}")
    assert (await api.call("Create", taken))["project"] == "mine"


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({}, "cluster: server is missing"),
        ({"server": FAR, "config": {"password": 7}}, "cluster: config.password is not a text"),
        (
            {
                "server": FAR,
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x"},
            },
            "annotation kubectl.kubernetes.io/last-applied-configuration cannot be set",
        ),
    ],
)
async def test_what_cannot_be_created(api: Api, cluster: dict[str, Any], said: str) -> None:
    api.access.allow("*")
    assert await api.refused("Create", {"cluster": cluster}) == (ApiCode.INVALID_ARGUMENT, said)


async def test_an_update_of_some_fields_keeps_the_others(api: Api) -> None:
    api.kube.seed(secret())
    api.access.allow(f"clusters update {FAR}")
    message = {
        "id": {"type": "name", "value": "far"},
        "cluster": {"name": "near", "namespaces": ["a"], "project": "team"},
        "updatedFields": ["name", "namespaces", "serverVersion"],
    }
    found = await api.call("Update", message)
    assert (found["name"], found["namespaces"], found["server"]) == ("near", ["a"], FAR)
    stored = api.stored("s-far-24")
    assert "project" not in stored
    assert json.loads(stored["config"])["bearerToken"] == "T0KEN"


async def test_a_cluster_moves_into_a_project_with_the_right_there(api: Api) -> None:
    api.kube.seed(secret())
    api.access.allow(f"clusters update {FAR}")
    for fields in ([], ["project"]):
        message = {"cluster": {"server": FAR, "project": "team"}, "updatedFields": fields}
        assert await api.refused("Update", message) == SHORT
    api.access.allow(f"clusters update team/{FAR}")
    await api.call("Update", {"cluster": {"server": FAR, "project": "team"}})
    stored = api.stored("s-far-24")
    assert stored["project"] == "team"
    # Everything was replaced.
    assert "T0KEN" not in stored["config"]


async def test_an_update_reaches_no_other_cluster(api: Api) -> None:
    api.kube.seed(secret(), secret("https://other", "other"))
    api.access.allow(f"clusters update {FAR}")
    for named in ({"value": FAR}, {"type": "name", "value": "far"}):
        message = {"id": named, "cluster": {"server": "https://other", "name": "mine"}}
        assert await api.refused("Update", message) == (
            ApiCode.INVALID_ARGUMENT,
            "the server of a cluster cannot be changed",
        )
    assert api.stored("s-other-13")["name"] == "other"
    assert not api.connected


async def test_delete_by_name_needs_the_right_on_each(api: Api) -> None:
    api.kube.seed(secret(), secret("https://twin", "far"))
    api.access.allow(f"clusters delete {FAR}")
    assert await api.refused("Delete", {"name": "far"}) == SHORT
    assert len([one for one in api.kube.objects if one.kind == "Secret"]) == 2
    api.access.allow("clusters delete *")
    assert await api.call("Delete", {"name": "far"}) == {}
    assert not [one for one in api.kube.objects if one.kind == "Secret"]


async def test_rotation_needs_a_token(api: Api) -> None:
    api.kube.seed(secret(config="{}"))
    api.access.allow("clusters update *")
    assert await api.refused("RotateAuth", {"server": FAR}) == (
        ApiCode.INVALID_ARGUMENT,
        f"Cluster '{FAR}' does not use bearer token authentication",
    )


async def test_a_cache_is_forgotten_on_request(api: Api) -> None:
    api.kube.seed(secret())
    api.access.allow("clusters update *")
    found = await api.call("InvalidateCache", {"server": FAR})
    assert found["refreshRequestedAt"] == "2026-01-01T12:00:00Z"
    assert not api.connected
