"""What repositories hold by the API, and to whom it is told."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.api.access import ALICE
from tests.fakes.access import FakeAccess
from tests.fakes.decoder import FakeDecoder
from tests.fakes.git import FakeGit
from tests.fakes.packages import FakeArtifacts, FakeCharts
from tiphys.api.calls import Call, Unary
from tiphys.api.handlers.contents import ContentHandlers
from tiphys.core.project import EffectiveProject
from tiphys.core.settings import parse_settings
from tiphys.model.appproject import AppProject
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError, DestinationError
from tiphys.model.live import ObjectList
from tiphys.model.repository import Repository
from tiphys.model.resource import ApiResource
from tiphys.model.source import ApplicationSource
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.repositories.registry import KnownRepositories
from tiphys.services.sources.contents import RepositoryContents
from tiphys.services.sources.refs import RefWatcher
from tiphys.services.sources.upstream import UpstreamByKind

URL = "https://git.example.com/a.git"
SHORT = (ApiCode.PERMISSION_DENIED, "permission denied")
FILES = {
    "chart/Chart.yaml": "name: web\ndescription: D\nmaintainers: [{name: Ann}]\n",
    "chart/values.yaml": "image: {name: web, tag: v1}\n",
    "chart/values-prod.yaml": "image: {tag: v2}\n",
    "deep/er/kustomization.yaml": "resources: []\n",
    "plain/a.yaml": "kind: ConfigMap\n",
}


class _Charts(FakeCharts):
    async def charts(self, repository: Repository) -> Mapping[str, Sequence[str]]:
        return {name: tuple(found) for (_, name), found in self._charts.items()}


class _Artifacts(FakeArtifacts):
    async def annotations(self, repository: Repository, digest: str) -> Mapping[str, str]:
        return {"org.opencontainers.image.url": "https://u", "other": "x"}


def project(**spec: Any) -> AppProject:
    return AppProject({"metadata": {"name": "team"}, "spec": spec})


def app(path: str = "chart", *, of: str = "team", history: Sequence[str] = ()) -> dict[str, Any]:
    old = [
        {"id": at, "deployedAt": "t", "source": {"repoURL": URL, "path": one}}
        for at, one in enumerate(history)
    ]
    return {
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {"project": of, "source": {"repoURL": URL, "path": path}, "destination": {}},
        "status": {"history": old},
    }


class Api:
    def __init__(self) -> None:
        self.access = FakeAccess()
        self.git, self.charts, self.artifacts = FakeGit(), _Charts(), _Artifacts()
        self.projects = {"team": project(sourceRepos=[URL])}
        self.apps: dict[tuple[str, str], dict[str, Any]] = {}
        self.known = KnownRepositories()
        upstream = UpstreamByKind(self.git, self.charts, self.artifacts)
        self.contents = RepositoryContents(
            self.git,
            self.charts,
            self.artifacts,
            upstream,
            RefWatcher(upstream),
            FakeDecoder(),
        )

        def resolve(_destination: Any) -> Cluster:
            raise DestinationError("none")

        settings = parse_settings({}, {})
        rules = ProjectRules(self.projects.get, resolve, lambda: settings, control_plane="argocd")

        async def images(source: ApplicationSource, of: EffectiveProject) -> Sequence[str]:
            return [f"{of.name}/{source.path}"]

        self.methods = ContentHandlers(
            self.contents,
            lambda: self.known.known,
            self.access,
            rules,
            lambda namespace, name: self.apps.get((namespace, name)),
            lambda: settings,
            images,
        ).methods()

    async def call(self, method: str, message: dict[str, Any]) -> Any:
        handler = self.methods[f"repository.RepositoryService/{method}"]
        assert isinstance(handler, Unary)
        return await handler.run(Call(ALICE), message)

    async def refused(self, method: str, message: dict[str, Any]) -> tuple[ApiCode, str]:
        with pytest.raises(ApiError) as caught:
            await self.call(method, message)
        return caught.value.code, str(caught.value)


@pytest.fixture
def api() -> Api:
    found = Api()
    found.git.commit(URL, FILES)
    found.git.point(URL, "refs/tags/v1", "1" * 40)
    return found


async def test_refs(api: Api) -> None:
    escaped = {"repo": "https%3A%2F%2Fgit.example.com%2Fa.git"}
    assert await api.refused("ListRefs", escaped) == (
        ApiCode.PERMISSION_DENIED,
        f"permission denied: repositories, get, {URL}",
    )
    assert not api.git.requests
    api.access.allow("repositories get *")
    assert await api.call("ListRefs", escaped) == {"branches": ["main"], "tags": ["v1"]}
    code, _ = await api.refused("ListRefs", {"repo": "https://nowhere"})
    assert code is ApiCode.NOT_FOUND


async def test_a_repository_of_a_project_needs_the_right_there(api: Api) -> None:
    data = {"url": URL, "project": "team"}
    secret = {
        "metadata": {"name": "s", "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
    }
    api.known.replaced(
        ApiResource("", "v1", "Secret", "secrets", True, frozenset()), ObjectList((secret,), "1")
    )
    asked = {"repo": URL, "appProject": "team"}
    assert await api.refused("ListRefs", asked) == (
        ApiCode.PERMISSION_DENIED,
        f"permission denied: repositories, get, team/{URL}",
    )
    api.access.allow(f"repositories get team/{URL}")
    assert (await api.call("ListRefs", asked))["branches"] == ["main"]


async def test_charts_and_tags_of_artefacts(api: Api) -> None:
    api.access.allow("repositories get *")
    api.charts.publish("https://charts", "web", "1.0.0", {"Chart.yaml": "name: web\n"})
    assert await api.call("GetHelmCharts", {"repo": "https://charts"}) == {
        "items": [{"name": "web", "versions": ["1.0.0"]}]
    }
    api.artifacts.push("oci://r/a", "v1", {}, "x")
    assert await api.call("ListOCITags", {"repo": "oci://r/a"}) == {"tags": ["v1"]}


async def test_applications_in_a_repository(api: Api) -> None:
    asked = {"repo": URL, "revision": "main", "appName": "web", "appProject": "team"}
    api.access.allow("repositories get *")
    # Whoever could neither make nor change the application learns nothing of what is in there.
    assert await api.refused("ListApps", asked) == SHORT
    assert not api.git.requests
    api.access.allow("applications update team/web")
    found = await api.call("ListApps", asked)
    assert found == {
        "items": [
            {"type": "Helm", "path": "chart"},
            {"type": "Kustomize", "path": "deep/er"},
        ]
    }
    api.projects["team"] = project(sourceRepos=["https://other"])
    assert await api.refused("ListApps", asked) == (
        ApiCode.PERMISSION_DENIED,
        f"repository '{URL}' not permitted in project 'team'",
    )
    api.access.allow("applications create */*")
    assert await api.refused("ListApps", {"repo": URL}) == (
        ApiCode.NOT_FOUND,
        'error getting app project "": appproject.argoproj.io "" not found',
    )


def details(path: str = "chart", **source: Any) -> dict[str, Any]:
    return {
        "source": {"repoURL": "https%3A%2F%2Fgit.example.com%2Fa.git", "path": path, **source},
        "appName": "web",
        "appProject": "team",
    }


async def test_details_of_what_is_about_to_be_made(api: Api) -> None:
    assert await api.refused("GetAppDetails", {}) == (
        ApiCode.INVALID_ARGUMENT,
        "missing payload in request",
    )
    for needed in (
        f"repositories get {URL}",
        "applications get team/web",
        "applications create team/web",
    ):
        assert (await api.refused("GetAppDetails", details()))[0] is ApiCode.PERMISSION_DENIED
        assert not api.git.requests
        api.access.allow(needed)
    helm = {
        "valueFiles": ["./values-prod.yaml", "../../etc/passwd", "absent.yaml"],
        "fileParameters": [{"name": "motd", "path": "motd.txt"}],
    }
    assert await api.call("GetAppDetails", details(helm=helm)) == {
        "type": "Helm",
        "helm": {
            "valueFiles": ["values-prod.yaml", "values.yaml"],
            "parameters": [
                {"name": "image.name", "value": "web"},
                {"name": "image.tag", "value": "v2"},
            ],
            "values": "image: {name: web, tag: v1}\n",
            "fileParameters": [{"name": "motd", "path": "motd.txt"}],
        },
    }
    assert await api.call("GetAppDetails", details("deep/er")) == {
        "type": "Kustomize",
        "kustomize": {"images": ["team/deep/er"]},
    }
    assert await api.call("GetAppDetails", details("plain")) == {
        "type": "Directory",
        "directory": {},
    }
    _, said = await api.refused("GetAppDetails", details("nothing"))
    assert said == "nothing: app path does not exist"
    _, said = await api.refused("GetAppDetails", details("../../etc"))
    assert "outside" in said


async def test_details_of_an_application_are_of_its_own_sources(api: Api) -> None:
    api.access.allow("*")
    api.apps["argocd", "web"] = app(history=["plain"])
    assert (await api.call("GetAppDetails", details()))["type"] == "Helm"
    assert (await api.call("GetAppDetails", details("plain")))["type"] == "Directory"
    # Another source, and an application of another project.
    assert await api.refused("GetAppDetails", details("deep/er")) == SHORT
    api.apps["argocd", "web"] = app(of="other")
    assert await api.refused("GetAppDetails", details()) == SHORT
    api.apps["elsewhere", "web"] = app()
    elsewhere = {**details(), "appName": "elsewhere/web"}
    assert (await api.call("GetAppDetails", elsewhere))["type"] == "Helm"


async def test_what_charts_commits_and_artefacts_say(api: Api) -> None:
    api.charts.publish("https://charts", "web", "1.0.0", {"Chart.yaml": FILES["chart/Chart.yaml"]})
    charts = Repository("https://charts")
    assert await api.contents.chart(charts, "web", "1.x") == {
        "description": "D",
        "maintainers": ["Ann"],
    }
    api.artifacts.push("oci://r/a", "v1", {}, "x")
    assert await api.contents.artifact(Repository("oci://r/a"), "v1") == {"imageUrl": "https://u"}
    commit = api.git.commit(URL, FILES, message="hello")
    assert (await api.contents.commit(Repository(URL), commit)).message == "hello"
