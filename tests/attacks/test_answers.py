"""What the API's answers give away, and whom they tell it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.api.access import ALICE, FakeAudit
from tests.api.test_cluster import FAR
from tests.api.test_cluster import Api as ClusterApi
from tests.api.test_cluster import secret as cluster_secret
from tests.api.test_contents import FILES, details
from tests.api.test_contents import URL as CONTENT_URL
from tests.api.test_contents import Api as ContentApi
from tests.api.test_repositories import HIDDEN, NOW, URL
from tests.api.test_repositories import secret as repository_secret
from tests.attacks.restswitches import try_both_ways
from tests.fakes.access import FakeAccess
from tests.fakes.connections import FakeConnections
from tests.fakes.kube import BUILT_IN, FakeCluster
from tests.services.projects.test_service import APPLICATIONS, project
from tiphys.adapters.engine import EngineEvaluator
from tiphys.adapters.jose import sign
from tiphys.api.calls import Call, Unary
from tiphys.api.handlers.project import ProjectHandlers
from tiphys.api.handlers.repository import RepositoryHandlers
from tiphys.api.handlers.settings import SettingsHandlers
from tiphys.bootstrap.serving.stored import _Belongings
from tiphys.core.links import LinkKind
from tiphys.core.settings import parse_settings
from tiphys.core.settings.shown import Shown
from tiphys.model.access import ANONYMOUS
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiError, KubeError
from tiphys.model.live import ObjectList
from tiphys.services.links import Links
from tiphys.services.projects.service import Projects
from tiphys.services.projects.surroundings import PROJECTS
from tiphys.services.repositories.catalogue import RepositoryCatalogue


async def answered(handlers: Mapping[str, Any], method: str, message: Any, caller: Any) -> str:
    """The answer as text, or what it was refused with."""
    (handler,) = [one for name, one in handlers.items() if name.endswith(f"/{method}")]
    assert isinstance(handler, Unary)
    try:
        return json.dumps(await handler.run(Call(caller), message))
    except (ApiError, KubeError) as error:
        return f"{getattr(error, 'code', '')}: {error}"


async def test_cve_2025_55190(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of a project's repositories in its details."""

    async def attack() -> None:
        kube = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
        kube.seed(project(), repository_secret("r", project="team", username="u", **HIDDEN))
        repositories = RepositoryCatalogue(
            kube, kube, FakeConnections(), namespace="argocd", now=lambda: NOW
        )
        clusters = ClusterApi()

        async def events(_: AppProject) -> ObjectList:
            return ObjectList((), "")

        async def links(_: AppProject) -> Sequence[Mapping[str, Any]]:
            return ()

        handlers = ProjectHandlers(
            Projects(
                kube,
                kube,
                namespace="argocd",
                now=lambda: NOW,
                new_id=lambda: "",
                sign=sign,
            ),
            FakeAccess("projects get team"),
            FakeAudit(),
            _Belongings(repositories, clusters.catalogue, clusters.handlers),
            events,
            links,
            now=lambda: NOW,
        ).methods()
        said = await answered(handlers, "GetDetailedProject", {"name": "team"}, ALICE)
        assert URL in said
        assert not [one for one in HIDDEN.values() if one in said], "the attack"

    await try_both_ways(attack, "what is shown of repositories", monkeypatch)


async def test_cve_2023_40029(monkeypatch: pytest.MonkeyPatch) -> None:
    """The annotation in which a cluster's Secret stands once more."""

    async def attack() -> None:
        api = ClusterApi()
        api.kube.seed(cluster_secret())
        api.access.allow("clusters get *")
        said = await answered(api.methods, "Get", {"server": FAR}, ALICE)
        assert FAR in said
        assert "LASTAPPLIED" not in said, "the attack"

    await try_both_ways(attack, "hidden annotations", monkeypatch)


async def test_cve_2024_37152(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of those inside, told to a stranger."""

    async def attack() -> None:
        async def plugins() -> Sequence[str]:
            return ()

        def shown() -> Shown:
            data = {"passwordPattern": "^S3CRET$", "ui.bannercontent": "S3CRET"}
            return Shown(
                data=data, settings=parse_settings(data, {}), namespace="S3CRET", logins=True
            )

        said = await answered(SettingsHandlers(shown, plugins).methods(), "Get", {}, ANONYMOUS)
        assert "trackingMethod" in said
        assert "S3CRET" not in said, "the attack"

    await try_both_ways(attack, "who is inside", monkeypatch)


async def test_cve_2023_25163(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in a repository's URL, in the error of a call on it."""

    async def attack() -> None:
        kube = FakeCluster()
        repositories = RepositoryCatalogue(
            kube, kube, FakeConnections(), namespace="argocd", now=lambda: NOW
        )
        handlers = RepositoryHandlers(repositories, FakeAccess("*")).methods()
        message = {"repo": {"repo": "https://me:S3CRET@git.example.com/a.git"}}
        said = await answered(handlers, "UpdateRepository", message, ALICE)
        assert "not found" in said
        assert "S3CRET" not in said, "the attack"

    await try_both_ways(attack, "passwords in URLs", monkeypatch)


async def test_cve_2023_23947(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server in the body than in the path."""

    async def attack() -> None:
        api = ClusterApi()
        api.kube.seed(cluster_secret())
        api.access.allow(f"clusters update {FAR}")
        message = {"id": {"value": FAR}, "cluster": {"server": "https://other", "name": "far"}}
        await answered(api.methods, "Update", message, ALICE)
        assert api.stored("s-far-24")["server"] == FAR, "the attack"

    await try_both_ways(attack, "the cluster that was named", monkeypatch)


async def test_cve_2022_24730(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may read a repository's entry looks at what is in it."""

    async def attack() -> None:
        api = ContentApi()
        api.git.commit(CONTENT_URL, FILES)
        api.access.allow("repositories get *")
        said = await answered(api.methods, "GetAppDetails", details(), ALICE)
        assert "image.tag" not in said, "the attack"

    await try_both_ways(attack, "rights on the application", monkeypatch)


async def test_cve_2024_36106_and_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is such a cluster, asked by who may see none."""

    async def attack() -> None:
        api = ClusterApi()
        api.kube.seed(cluster_secret())
        for method in ("Get", "InvalidateCache", "RotateAuth", "Delete"):
            there = await answered(api.methods, method, {"server": FAR}, ALICE)
            absent = await answered(api.methods, method, {"server": "https://absent"}, ALICE)
            assert there == absent, "the attack"

    await try_both_ways(attack, "rights before existence", monkeypatch)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:fetch(1)",
        "JaVaScRiPt:fetch(1)",
        "data:text/html,x",
        "vbscript:x",
        "{{.app.spec.source.repoURL}}",
    ],
)
async def test_cve_2024_28175_and_others(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that a page would run instead of open; also by way of what an application says."""

    async def attack() -> None:
        engine = EngineEvaluator()
        try:
            made = Links(engine, lambda: {"application.links": f"[{{title: T, url: '{url}'}}]"})
            data = {"app": {"spec": {"source": {"repoURL": "javascript:fetch(1)"}}}}
            assert await made.of(LinkKind.APPLICATION, data) == [], "the attack"
        finally:
            await engine.close()

    await try_both_ways(attack, "addresses of links", monkeypatch)
