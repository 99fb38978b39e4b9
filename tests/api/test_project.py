"""Projects by the API: who may, in which order it is asked, and what is answered and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.access import ALICE, FakeAudit
from tests.fakes.access import FakeAccess
from tests.fakes.kube import BUILT_IN, FakeCluster
from tests.services.projects.test_service import APPLICATIONS, HERE, REPO, app, project
from tiphys.adapters.jose import sign
from tiphys.api.calls import Call, Unary
from tiphys.api.handlers.project import ProjectHandlers
from tiphys.model.access import Caller
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiCode, ApiError, ObjectNotFoundError
from tiphys.model.live import ObjectList
from tiphys.services.projects.service import Projects
from tiphys.services.projects.surroundings import PROJECTS

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class _Belongings:
    async def repositories(self, project: str) -> Sequence[Mapping[str, Any]]:
        return [{"repo": f"https://{project}"}] if project == "team" else []

    async def clusters(self, project: str) -> Sequence[Mapping[str, Any]]:
        return []


class Api:
    def __init__(self) -> None:
        self.cluster = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
        self.access = FakeAccess()
        self.audit = FakeAudit()
        ids = iter(["id-1", "id-2", "id-3"])
        service = Projects(
            self.cluster,
            self.cluster,
            namespace="argocd",
            now=lambda: NOW,
            new_id=lambda: next(ids),
            sign=sign,
        )

        async def events(found: AppProject) -> ObjectList:
            return ObjectList(({"kind": "Event", "reason": found.name},), "9")

        async def links(found: AppProject) -> Sequence[Mapping[str, Any]]:
            return [{"title": found.name, "url": "https://x"}]

        self.methods = ProjectHandlers(
            service, self.access, self.audit, _Belongings(), events, links, now=lambda: NOW
        ).methods()

    async def call(self, method: str, message: dict[str, Any], caller: Caller = ALICE) -> Any:
        handler = self.methods[f"project.ProjectService/{method}"]
        assert isinstance(handler, Unary)
        return await handler.run(Call(caller), message)

    async def refused(self, method: str, message: dict[str, Any]) -> tuple[ApiCode, str]:
        with pytest.raises(ApiError) as caught:
            await self.call(method, message)
        return caught.value.code, str(caught.value)


@pytest.fixture
def api() -> Api:
    return Api()


DENIED = ApiCode.PERMISSION_DENIED
INVALID = ApiCode.INVALID_ARGUMENT


async def test_a_list_leaves_out_what_may_not_be_seen(api: Api) -> None:
    api.cluster.seed(project("a"), project("b"))
    api.access.allow("projects get b")
    found = await api.call("List", {})
    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]
    assert found["metadata"] == {"resourceVersion": "102"}
    assert "kind" not in found["items"][0]
    api.access.deny("projects get b")
    assert (await api.call("List", {}))["items"] is None


@pytest.mark.parametrize(
    "method",
    ["Get", "GetDetailedProject", "GetGlobalProjects", "ListEvents", "GetSyncWindowsState"],
)
async def test_rights_come_before_existence(api: Api, method: str) -> None:
    there = await api.refused(method, {"name": "team"})
    api.cluster.seed(project())
    assert there == await api.refused(method, {"name": "team"})
    assert there == (DENIED, "permission denied: projects, get, team")
    api.access.allow("projects get *")
    for name in ("absent", ""):
        with pytest.raises(ObjectNotFoundError):
            await api.call(method, {"name": name})


async def test_tokens_are_in_step_in_answers(api: Api) -> None:
    stored = project(roles=[{"name": "ci", "jwtTokens": [{"iat": 5}]}, {"name": "x"}])
    api.cluster.seed({**stored, "status": {"jwtTokensByRole": {"gone": {"items": [{"iat": 1}]}}}})
    api.access.allow("projects get team")
    found = await api.call("Get", {"name": "team"})
    assert found["spec"]["roles"] == [
        {"name": "ci", "jwtTokens": [{"iat": 5, "id": "5"}]},
        {"name": "x"},
    ]
    assert found["status"] == {
        "jwtTokensByRole": {"ci": {"items": [{"iat": 5, "id": "5"}]}, "x": {}}
    }


async def test_the_detailed_project_is_the_virtual_one(api: Api) -> None:
    api.cluster.seed(project(sourceRepos=[REPO]), project("base", sourceRepos=["https://base"]))
    api.cluster.seed(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm", "namespace": "argocd"},
            "data": {"globalProjects": "[{projectName: base, labelSelector: {}}]"},
        }
    )
    api.access.allow("projects get *")
    found = await api.call("GetDetailedProject", {"name": "team"})
    assert found["project"]["spec"]["sourceRepos"] == [REPO, "https://base"]
    assert [one["metadata"]["name"] for one in found["globalProjects"]] == ["base"]
    assert found["repositories"] == [{"repo": "https://team"}]
    assert "clusters" not in found
    listed = await api.call("GetGlobalProjects", {"name": "team"})
    assert [one["metadata"]["name"] for one in listed["items"]] == ["base"]
    assert await api.call("GetGlobalProjects", {"name": "base"}) == {}


async def test_windows_events_and_links(api: Api) -> None:
    window = {"kind": "deny", "duration": "1h", "applications": ["*"]}
    api.cluster.seed(
        project(
            syncWindows=[{**window, "schedule": "* * * * *"}, {**window, "schedule": "0 3 * * *"}]
        )
    )
    api.access.allow("projects get team")
    found = await api.call("GetSyncWindowsState", {"name": "team"})
    assert [one["schedule"] for one in found["windows"]] == ["* * * * *"]
    events = await api.call("ListEvents", {"name": "team"})
    assert events == {"metadata": {"resourceVersion": "9"}, "items": [{"reason": "team"}]}
    links = await api.call("ListLinks", {"name": "team"})
    assert links == {"items": [{"title": "team", "url": "https://x"}]}
    assert await api.refused("ListLinks", {"name": "other"}) == (
        ApiCode.UNKNOWN,
        "unauthorized access to project other",
    )


async def test_create(api: Api) -> None:
    message = {"project": project(description="a")}
    assert await api.refused("Create", {}) == (INVALID, "missing payload 'project' in request")
    assert await api.refused("Create", message) == (
        DENIED,
        "permission denied: projects, create, team",
    )
    api.access.allow("projects create team")
    made = await api.call("Create", message)
    assert made["spec"]["description"] == "a"
    assert api.audit.texts() == ["alice created project"]
    # Once more the same: it is there, and nothing was done.
    await api.call("Create", message)
    assert len(api.audit.texts()) == 1
    other = {"project": project(description="b")}
    code, said = await api.refused("Create", other)
    assert code is INVALID
    assert said.startswith("existing project spec is different; use upsert flag")
    code, said = await api.refused("Create", {**other, "upsert": True})
    assert said == "permission denied: projects, update, team"
    api.access.allow("projects update team")
    await api.call("Create", {**other, "upsert": True})
    assert api.audit.texts() == ["alice created project"] * 2


async def test_an_update_needs_rights_on_what_it_touches(api: Api) -> None:
    api.cluster.seed(project(sourceRepos=["a", "b"], destinations=[HERE]))
    api.access.allow("projects update team")
    message = {
        "project": project(
            sourceRepos=["b", "c"],
            destinations=[{"server": "https://other", "namespace": "x"}],
            namespaceResourceBlacklist=[{"group": "", "kind": "Pod"}],
        )
    }
    for needed in (
        f"clusters update {HERE['server']}",
        "clusters update https://other",
        "repositories update a",
        "repositories update c",
    ):
        resource, action, target = needed.split(" ")
        assert await api.refused("Update", message) == (
            DENIED,
            f"permission denied: {resource}, {action}, {target}",
        )
        api.access.allow(needed)
    api.access.asked.clear()
    await api.call("Update", message)
    assert api.access.asked[-2:] == [
        f"clusters update {HERE['server']}",
        "clusters update https://other",
    ]
    assert api.audit.texts() == ["alice updated project"]


async def test_an_update_replaces_what_users_own_of_the_metadata(api: Api) -> None:
    before = project()
    before["metadata"] |= {"labels": {"a": "1"}, "annotations": {"b": "2"}}
    api.cluster.seed(before)
    api.access.allow("projects update *")
    after = project()
    after["metadata"] |= {"labels": {"c": "3"}, "uid": "forged", "generation": 9}
    made = await api.call("Update", {"project": after})
    assert made["metadata"]["labels"] == {"c": "3"}
    assert "annotations" not in made["metadata"]
    assert made["metadata"]["uid"] != "forged"


async def test_an_update_must_not_take_from_applications(api: Api) -> None:
    api.cluster.seed(project(sourceRepos=[REPO], destinations=[HERE]), app("a"), app("b"))
    api.access.allow("*")
    code, said = await api.refused("Update", {"project": project(destinations=[HERE])})
    assert code is INVALID
    assert said == "as a result of project update 2 applications source became invalid"


async def test_delete(api: Api) -> None:
    api.cluster.seed(project(), app("a", namespace="elsewhere"))
    assert await api.refused("Delete", {"name": "default"}) == (
        INVALID,
        "name 'default' is reserved and cannot be deleted",
    )
    assert (await api.refused("Delete", {"name": "team"}))[0] is DENIED
    api.access.allow("projects delete *")
    assert await api.call("Delete", {"name": "team"}) == {}
    assert api.audit.texts() == ["alice deleted project"]
    with pytest.raises(ObjectNotFoundError):
        await api.call("Delete", {"name": "team"})


async def test_tokens_by_right_and_by_group(api: Api) -> None:
    api.cluster.seed(project(roles=[{"name": "ci", "groups": ["builders"]}]))
    ask = {"project": "team", "role": "ci", "id": "one", "expiresIn": 60}
    assert await api.refused("CreateToken", {"project": "team", "role": "x"}) == (
        ApiCode.NOT_FOUND,
        "project 'team' does not have role 'x'",
    )
    assert (await api.refused("CreateToken", ask))[0] is DENIED
    builder = Caller(claims={"iss": "https://i", "sub": "b", "groups": ["builders"]})
    assert (await api.call("CreateToken", ask, builder))["token"].count(".") == 2
    api.access.allow("projects update team")
    assert await api.refused("CreateToken", ask) == (
        INVALID,
        "Token id 'one' has been used. ",
    )
    stored = await Projects.get(api_service(api), "team")
    assert [one.exp - one.iat for one in stored.spec.roles[0].jwt_tokens] == [60]
    assert await api.call("DeleteToken", {"project": "team", "role": "ci", "id": "one"}) == {}
    assert await api.call("DeleteToken", {"project": "team", "role": "nobody", "iat": 1}) == {}
    stored = await Projects.get(api_service(api), "team")
    assert stored.spec.roles[0].jwt_tokens == ()
    assert api.audit.texts()[:2] == ["b created token", "alice deleted token"]


async def test_tokens_of_projects_that_are_not_there(api: Api) -> None:
    for method in ("CreateToken", "DeleteToken"):
        with pytest.raises(ObjectNotFoundError):
            await api.call(method, {"project": "", "role": "ci"})
    api.cluster.seed(project(roles=[{"name": "ci"}]))
    assert (await api.refused("DeleteToken", {"project": "team", "role": "ci"}))[0] is DENIED


def api_service(api: Api) -> Projects:
    return Projects(
        api.cluster,
        api.cluster,
        namespace="argocd",
        now=lambda: NOW,
        new_id=lambda: "",
        sign=sign,
    )
