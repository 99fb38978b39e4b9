"""What services may expect of charts and artefacts: the same for the real and the fakes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Protocol

import pytest

from tests.fakes.packages import FakeArtifacts, FakeCharts
from tests.fixtures.chartserver import ChartServer
from tests.fixtures.registry import LAYER, Blob, Registry
from tests.fixtures.tars import tgz
from tiphys.adapters.packages.packages import Packages
from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.render import EntryKind
from tiphys.model.repository import Repository, RepositoryKind
from tiphys.services.sources.ports import Artifacts, ChartRepositories

_NUMBERS = count()
FILES = {"Chart.yaml": "name: web", "templates/cm.yaml": "a: 1", "link": "-> templates"}


class ChartSubject(Protocol):
    repository: Repository
    port: ChartRepositories

    async def publish(self, chart: str, version: str, files: Mapping[str, str]) -> str: ...


class OfIndex:
    def __init__(self, server: ChartServer, packages: Packages) -> None:
        self._server = server
        self.repository = Repository(server.url, kind=RepositoryKind.HELM)
        self.port: ChartRepositories = packages.charts

    async def publish(self, chart: str, version: str, files: Mapping[str, str]) -> str:
        return self._server.publish(chart, version, files)


class OfRegistry:
    def __init__(self, registry: Registry, packages: Packages) -> None:
        self._registry = registry
        self._path = f"charts-{next(_NUMBERS)}"
        self.repository = Repository(
            f"{registry.host}/{self._path}", kind=RepositoryKind.HELM, oci=True, plain_http=True
        )
        self.port: ChartRepositories = packages.charts

    async def publish(self, chart: str, version: str, files: Mapping[str, str]) -> str:
        return await self._registry.push_chart(f"{self._path}/{chart}", version, files)


class Faked:
    def __init__(self) -> None:
        self._charts = FakeCharts()
        self.repository = Repository("https://charts.example.com", kind=RepositoryKind.HELM)
        self.port: ChartRepositories = self._charts

    async def publish(self, chart: str, version: str, files: Mapping[str, str]) -> str:
        return self._charts.publish(self.repository.url, chart, version, files)


@pytest.fixture(params=["index", "registry", "fake"])
def charts(
    request: pytest.FixtureRequest, server: ChartServer, registry: Registry, packages: Packages
) -> ChartSubject:
    match request.param:
        case "index":
            return OfIndex(server, packages)
        case "registry":
            return OfRegistry(registry, packages)
        case _:
            return Faked()


async def test_versions_are_those_that_were_published(charts: ChartSubject) -> None:
    await charts.publish("web", "1.0.0", FILES)
    await charts.publish("web", "1.1.0+build.5", FILES)
    versions = await charts.port.versions(charts.repository, "web")
    assert versions is not None
    assert sorted(versions) == ["1.0.0", "1.1.0+build.5"]


async def test_a_chart_that_is_not_there_has_no_versions(charts: ChartSubject) -> None:
    await charts.publish("web", "1.0.0", FILES)
    assert await charts.port.versions(charts.repository, "api") is None


async def test_a_new_version_is_seen_at_once(charts: ChartSubject) -> None:
    await charts.publish("web", "1.0.0", FILES)
    assert await charts.port.versions(charts.repository, "web") == ("1.0.0",)
    await charts.publish("web", "2.0.0", FILES)
    versions = await charts.port.versions(charts.repository, "web")
    assert versions is not None
    assert sorted(versions) == ["1.0.0", "2.0.0"]


async def test_a_chart_is_read_from_its_own_folder(charts: ChartSubject) -> None:
    digest = await charts.publish("web", "1.0.0", FILES)
    tree = await charts.port.tree(charts.repository, "web", "1.0.0")
    assert tree.commit == digest
    found = tree.read(["", "Chart.yaml", "templates/cm.yaml", "link", "link/cm.yaml", "gone"])
    assert found[""] is not None
    assert found[""].children == {
        "Chart.yaml": EntryKind.FILE,
        "templates": EntryKind.FOLDER,
        "link": EntryKind.LINK,
    }
    assert found["Chart.yaml"] is not None
    assert found["Chart.yaml"].data == b"name: web"
    assert found["link"] is not None
    assert (found["link"].kind, found["link"].data) == (EntryKind.LINK, b"templates")
    assert found["link/cm.yaml"] is None
    assert found["gone"] is None


async def test_what_is_below_a_folder(charts: ChartSubject) -> None:
    await charts.publish("web", "1.0.0", FILES)
    tree = await charts.port.tree(charts.repository, "web", "1.0.0")
    assert set(tree.walk("templates")) == {"templates", "templates/cm.yaml"}
    assert set(tree.walk("")) == {"", *FILES, "templates"}
    assert tree.walk("gone") == {}


async def test_ids_stand_for_content(charts: ChartSubject) -> None:
    await charts.publish("web", "1.0.0", FILES)
    await charts.publish("web", "1.0.1", {**FILES, "Chart.yaml": "name: other"})
    first = (await charts.port.tree(charts.repository, "web", "1.0.0")).oids
    second = (await charts.port.tree(charts.repository, "web", "1.0.1")).oids
    paths = ["", "Chart.yaml", "templates", "templates/cm.yaml", "link", "gone"]
    equal = {path for path in paths if first([path]) == second([path])}
    assert equal == {"templates", "templates/cm.yaml", "link", "gone"}
    assert first(["gone"]) == {"gone": None}


@pytest.mark.parametrize(("chart", "version"), [("web", "1.0.1"), ("api", "1.0.0")])
async def test_what_is_not_there(charts: ChartSubject, chart: str, version: str) -> None:
    await charts.publish("web", "1.0.0", FILES)
    with pytest.raises(RevisionNotFoundError, match=chart):
        await charts.port.tree(charts.repository, chart, version)


async def test_a_short_version_is_the_greatest_of_its_kind(charts: ChartSubject) -> None:
    for version in ("1.1.9", "1.2.0", "1.2.10", "1.2.9", "1.3.0"):
        digest = await charts.publish("web", version, {**FILES, "v": version})
        if version == "1.2.10":
            wanted = digest
    tree = await charts.port.tree(charts.repository, "web", "1.2")
    assert tree.commit == wanted


class ArtifactSubject(Protocol):
    repository: Repository
    port: Artifacts

    async def push(self, tag: str, files: Mapping[str, str]) -> str: ...


class RealArtifacts:
    def __init__(self, registry: Registry, packages: Packages) -> None:
        self._registry = registry
        self._name = f"team/manifests-{next(_NUMBERS)}"
        url = f"oci://{registry.host}/{self._name}"
        self.repository = Repository(url, kind=RepositoryKind.OCI, plain_http=True)
        self.port: Artifacts = packages.artifacts

    async def push(self, tag: str, files: Mapping[str, str]) -> str:
        return await self._registry.push(self._name, tag, [Blob(LAYER, tgz(files))])


class FakedArtifacts:
    def __init__(self) -> None:
        self._artifacts = FakeArtifacts()
        self.repository = Repository("oci://example.com/x", kind=RepositoryKind.OCI)
        self.port: Artifacts = self._artifacts

    async def push(self, tag: str, files: Mapping[str, str]) -> str:
        return self._artifacts.push(self.repository.url, tag, files, LAYER)


@pytest.fixture(params=["real", "fake"])
def artifacts(
    request: pytest.FixtureRequest, registry: Registry, packages: Packages
) -> ArtifactSubject:
    return RealArtifacts(registry, packages) if request.param == "real" else FakedArtifacts()


async def test_a_tag_leads_to_a_digest(artifacts: ArtifactSubject) -> None:
    first = await artifacts.push("v1", {"cm.yaml": "a: 1"})
    second = await artifacts.push("v2", {"cm.yaml": "a: 2"})
    ask = artifacts.port.digest
    assert await ask(artifacts.repository, "v1") == first
    assert await ask(artifacts.repository, second) == second
    assert await ask(artifacts.repository, "v3") is None
    assert await ask(artifacts.repository, "sha256:" + "0" * 64) is None
    assert sorted(await artifacts.port.tags(artifacts.repository)) == ["v1", "v2"]


async def test_a_tag_that_moves(artifacts: ArtifactSubject) -> None:
    await artifacts.push("main", {"cm.yaml": "a: 1"})
    moved = await artifacts.push("main", {"cm.yaml": "a: 2"})
    assert await artifacts.port.digest(artifacts.repository, "main") == moved


async def test_an_artefact_is_read(artifacts: ArtifactSubject) -> None:
    digest = await artifacts.push("v1", {"base/cm.yaml": "a: 1", "top.yaml": "b: 2"})
    tree = await artifacts.port.tree(artifacts.repository, digest, [LAYER])
    assert tree.commit == digest
    assert set(tree.walk("")) == {"", "base", "base/cm.yaml", "top.yaml"}
    found = tree.read(["base/cm.yaml"])["base/cm.yaml"]
    assert found is not None
    assert found.data == b"a: 1"


async def test_a_layer_of_a_kind_that_is_not_allowed(artifacts: ArtifactSubject) -> None:
    digest = await artifacts.push("v1", {"cm.yaml": "a: 1"})
    with pytest.raises(
        RepositoryError,
        match=r"oci layer media type \S+ is not in the list of allowed media types",
    ):
        await artifacts.port.tree(artifacts.repository, digest, ["application/x-other"])


async def test_a_digest_that_is_not_there(artifacts: ArtifactSubject) -> None:
    await artifacts.push("v1", {"cm.yaml": "a: 1"})
    with pytest.raises(RevisionNotFoundError):
        await artifacts.port.tree(artifacts.repository, "sha256:" + "0" * 64, [LAYER])


async def test_a_repository_that_is_not_there_has_no_tags(artifacts: ArtifactSubject) -> None:
    with pytest.raises(RevisionNotFoundError):
        await artifacts.port.tags(artifacts.repository)
