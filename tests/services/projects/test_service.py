"""Projects as people change them."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.adapters.jose import sign
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiCode, ApiError, ConflictError, ObjectNotFoundError
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ApiResource, ResourceKey
from tiphys.services.projects.service import Projects
from tiphys.services.projects.surroundings import PROJECTS

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
VERBS = frozenset({"get", "list", "watch", "create", "update", "patch", "delete"})
APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, VERBS)
KEY = "c2VjcmV0LWtleS1vZi10aGUtdGVzdHMtd2l0aC0zMi1ieXRlcw=="
REPO = "https://git.example.com/a.git"
HERE = {"server": "https://kubernetes.default.svc", "namespace": "demo"}


def project(name: str = "team", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": spec,
    }


def app(name: str, *, used: str = "team", namespace: str = "argocd", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "project": used,
            "source": {"repoURL": REPO, "path": "a"},
            "destination": HERE,
            **spec,
        },
    }


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])


@pytest.fixture
def service(cluster: FakeCluster) -> Projects:
    ids = iter(["id-1", "id-2", "id-3"])
    return Projects(
        cluster,
        cluster,
        namespace="argocd",
        now=lambda: NOW,
        new_id=lambda: next(ids),
        sign=sign,
    )


def stored(cluster: FakeCluster, name: str = "team") -> dict[str, Any]:
    return dict(cluster.objects[ResourceKey(API_GROUP, "AppProject", "argocd", name)])


async def refused(call: Any, code: ApiCode = ApiCode.INVALID_ARGUMENT) -> str:
    with pytest.raises(ApiError) as caught:
        await call
    assert caught.value.code is code
    return str(caught.value)


async def test_create_get_and_list(service: Projects, cluster: FakeCluster) -> None:
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    made = await service.create(AppProject(project(syncWindows=[window])), upsert=False)
    assert made.spec.sync_windows[0].time_zone == "UTC"
    cluster.seed(project("another"))
    assert [one.name for one in await service.list()] == ["another", "team"]
    assert (await service.get("team")).spec == made.spec
    with pytest.raises(ObjectNotFoundError):
        await service.get("absent")


async def test_what_cannot_be_stored(service: Projects, cluster: FakeCluster) -> None:
    assert "already added" in await refused(
        service.create(AppProject(project(sourceRepos=["a", "a"])), upsert=False)
    )
    assert "syncWindows" in await refused(
        service.create(AppProject(project(syncWindows=3)), upsert=False)
    )
    assert "payload" in await refused(service.create(AppProject({}), upsert=False))
    assert not cluster.objects


async def test_create_again(service: Projects, cluster: FakeCluster) -> None:
    await service.create(AppProject(project(description="a")), upsert=False)
    await service.create(AppProject(project(description="a")), upsert=False)
    assert await refused(service.create(AppProject(project(description="b")), upsert=False)) == (
        "existing project spec is different; use upsert flag to force update; "
        'difference in keys "spec.description"'
    )
    await service.create(AppProject(project(description="b")), upsert=True)
    assert stored(cluster)["spec"]["description"] == "b"


async def test_update_keeps_what_is_not_spec(service: Projects, cluster: FakeCluster) -> None:
    before = project(description="a")
    before["metadata"]["labels"] = {"a": "b"}
    cluster.seed(before)
    role = {"name": "ci", "policies": ["p,proj:team:ci,applications,get,team/*,allow"]}
    after = await service.update(AppProject(project(description="b", roles=[role])))
    assert after.metadata.labels == {"a": "b"}
    assert after.spec.roles[0].policies == ("p, proj:team:ci, applications, get, team/*, allow",)
    assert stored(cluster)["status"] == {"jwtTokensByRole": {"ci": {}}}


async def test_an_update_of_what_was_read_before_somebody_else_wrote(
    service: Projects, cluster: FakeCluster
) -> None:
    cluster.seed(project())
    read = await service.get("team")
    await service.update(AppProject(project(description="other")))
    with pytest.raises(ConflictError):
        await service.update(read)


async def test_an_update_must_not_take_from_applications(
    service: Projects, cluster: FakeCluster
) -> None:
    cluster.seed(project(sourceRepos=["*"], destinations=[HERE]))
    cluster.seed(app("a"))
    cluster.seed(app("b"))
    cluster.seed(app("other", used="default"))
    cluster.seed(app("lost", destination={"namespace": "demo"}))
    text = await refused(service.update(AppProject(project(destinations=[HERE]))))
    assert text == "as a result of project update 3 applications source became invalid"
    text = await refused(service.update(AppProject(project())))
    assert text == (
        "as a result of project update 3 applications source became invalid "
        "and 2 applications destination became invalid"
    )
    # What a global project gives back is not lost.
    cluster.seed(project("wide", sourceRepos=["*"], destinations=[HERE]))
    cluster.seed(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm", "namespace": "argocd"},
            "data": {"globalProjects": "- projectName: wide\n  labelSelector: {}\n"},
        }
    )
    await service.update(AppProject(project()))


async def test_delete(service: Projects, cluster: FakeCluster) -> None:
    assert await refused(service.delete("default")) == (
        "name 'default' is reserved and cannot be deleted"
    )
    cluster.seed(project())
    cluster.seed(app("a"))
    cluster.seed(app("elsewhere", namespace="apps"))
    assert await refused(service.delete("team")) == "project is referenced by 1 applications"
    del cluster.objects[ResourceKey(API_GROUP, "Application", "argocd", "a")]
    await service.delete("team")
    with pytest.raises(ObjectNotFoundError):
        await service.get("team")


def secret(**data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "argocd-secret", "namespace": "argocd"},
        "data": encoded,
    }


async def test_tokens(service: Projects, cluster: FakeCluster) -> None:
    cluster.seed(secret(**{"server.secretkey": KEY}))
    cluster.seed(project(roles=[{"name": "ci", "jwtTokens": [{"iat": 5, "id": "old"}]}]))
    signed = await service.create_token("team", "ci", expires_in=60)
    read = jwt.decode(signed, OctKey.import_key(KEY.encode()))
    now = int(NOW.timestamp())
    assert read.header["alg"] == "HS256"
    assert read.claims == {
        "iss": "argocd",
        "sub": "proj:team:ci",
        "nbf": now,
        "iat": now,
        "exp": now + 60,
        "jti": "id-1",
    }
    listed = [{"iat": now, "exp": now + 60, "id": "id-1"}, {"iat": 5, "id": "old"}]
    assert stored(cluster)["spec"]["roles"][0]["jwtTokens"] == listed
    assert stored(cluster)["status"]["jwtTokensByRole"] == {"ci": {"items": listed}}

    assert await refused(service.create_token("team", "ci", token_id="old")) == (
        "Token id 'old' has been used. "
    )
    assert await refused(service.create_token("team", "cd"), ApiCode.NOT_FOUND) == (
        "project 'team' does not have role 'cd'"
    )
    await service.delete_token("team", "ci", issued=0, token_id="id-1")
    assert stored(cluster)["status"]["jwtTokensByRole"] == {
        "ci": {"items": [{"iat": 5, "id": "old"}]}
    }
    await service.delete_token("team", "ci", issued=5)
    assert "jwtTokens" not in stored(cluster)["spec"]["roles"][0]
    await service.delete_token("team", "ci", issued=5)
    await service.delete_token("team", "cd", issued=5)


@pytest.mark.parametrize("before", [None, secret(), secret(other="x")])
async def test_the_key_is_made_where_it_lacks(
    service: Projects, cluster: FakeCluster, before: dict[str, Any] | None
) -> None:
    if before:
        cluster.seed(before)
    cluster.seed(project(roles=[{"name": "ci"}]))
    first = await service.create_token("team", "ci")
    made = cluster.objects[ResourceKey("", "Secret", "argocd", "argocd-secret")]
    key = base64.b64decode(made["data"]["server.secretkey"])
    assert len(base64.b64decode(key)) == 32
    assert "exp" not in jwt.decode(first, OctKey.import_key(key)).claims
    second = await service.create_token("team", "ci")
    assert jwt.decode(second, OctKey.import_key(key)).claims["jti"] == "id-2"


async def test_details(service: Projects, cluster: FakeCluster) -> None:
    cluster.seed(project(sourceRepos=["https://mine"]))
    for name, kind, data in (
        ("one", "cluster", {"server": "https://one", "name": "one", "project": "team"}),
        ("two", "cluster", {"server": "https://two", "name": "two"}),
        ("repo", "repository", {"url": REPO, "project": "team"}),
        ("other", "repository", {"url": "https://other"}),
    ):
        made = secret(**data)
        made["metadata"] = {
            "name": name,
            "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": kind},
        }
        cluster.seed(made)
    found = await service.detailed("team")
    assert found.clusters == ("https://one",)
    assert found.repositories == (REPO,)
    assert found.project.spec.source_repos == ("https://mine",)


async def test_any_of_several_sources_may_be_lost(service: Projects, cluster: FakeCluster) -> None:
    cluster.seed(project(sourceRepos=["https://git.example.com/*"], destinations=[HERE]))
    several = app("a")
    url = several["spec"].pop("source")["repoURL"]
    several["spec"]["sources"] = [
        {"repoURL": url, "path": "."},
        {"repoURL": "https://git.example.com/values", "ref": "values"},
    ]
    cluster.seed(several)
    text = await refused(
        service.update(AppProject(project(sourceRepos=[url], destinations=[HERE])))
    )
    assert text == "as a result of project update 1 applications source became invalid"
