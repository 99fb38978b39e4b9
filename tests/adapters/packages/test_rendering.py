"""From a chart or an artefact to manifests: watched, resolved, fetched and rendered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from tests.fakes.git import FakeGit
from tests.fixtures.chartserver import ChartServer
from tests.fixtures.registry import LAYER, Blob, Registry
from tests.fixtures.tars import tgz
from tiphys.adapters.engine import EngineRenderer, LaneOptions
from tiphys.adapters.packages.packages import Packages
from tiphys.core.source.environment import BuildContext
from tiphys.model.errors import RevisionNotFoundError
from tiphys.model.repository import Asked, Place, Repository, RepositoryKind
from tiphys.model.source import ApplicationSource
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import Rendered, RenderService
from tiphys.services.sources.refs import RefWatcher
from tiphys.services.sources.upstream import UpstreamByKind


class Rig:
    """What a controller does with one source, by hand."""

    def __init__(self, packages: Packages, engine: EngineRenderer) -> None:
        upstream = UpstreamByKind(FakeGit(), packages.charts, packages.artifacts)
        self.refs = RefWatcher(upstream)
        self._render = RenderService(upstream, engine, engine)

    async def render(
        self, repository: Repository, revision: str, *, chart: str = "", path: str = ""
    ) -> Rendered:
        found = await self.refs.resolve(Place(repository, chart), Asked(revision), fresh=True)
        source = ApplicationSource(
            repo_url=repository.url, target_revision=revision, chart=chart, path=path
        )
        context = BuildContext(
            instance="web", namespace="default", project="default", kube_version="1.36.0"
        )
        return await self._render.render(RenderJob(source, repository, found, context))


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[EngineRenderer]:
    engine = EngineRenderer(options=LaneOptions(size=1))
    yield engine
    await engine.close()


@pytest.fixture
async def rig(packages: Packages, engine: EngineRenderer) -> AsyncIterator[Rig]:
    rig = Rig(packages, engine)
    yield rig
    await rig.refs.aclose()


def versions(rendered: Rendered) -> list[str]:
    return [manifest["data"]["version"] for manifest in rendered.manifests]


async def test_a_range_of_a_chart_of_an_index(server: ChartServer, rig: Rig) -> None:
    for version in ("1.0.0", "1.2.0", "2.0.0-rc.1", "2.0.0"):
        server.publish("web", version)
    repository = Repository(server.url, kind=RepositoryKind.HELM)
    rendered = await rig.render(repository, "^1.0.0", chart="web")
    assert (rendered.revision, versions(rendered)) == ("1.2.0", ["1.2.0"])
    server.publish("web", "1.3.0")
    assert versions(await rig.render(repository, "^1.0.0", chart="web")) == ["1.3.0"]
    assert versions(await rig.render(repository, "2.0.0-rc.1", chart="web")) == ["2.0.0-rc.1"]
    with pytest.raises(RevisionNotFoundError):
        await rig.render(repository, ">3", chart="web")
    with pytest.raises(RevisionNotFoundError, match="not found in index"):
        await rig.render(repository, "*", chart="api")


async def test_a_range_of_a_chart_of_a_registry(registry: Registry, rig: Rig) -> None:
    for version in ("1.0.0", "1.2.0+five"):
        await registry.push_chart("rendered/web", version)
    repository = Repository(
        f"{registry.host}/rendered", kind=RepositoryKind.HELM, oci=True, plain_http=True
    )
    rendered = await rig.render(repository, "1.x", chart="web")
    assert (rendered.revision, versions(rendered)) == ("1.2.0+five", ["1.2.0+five"])


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {version: v%s}\n"


@pytest.mark.parametrize(
    "files",
    [
        {"app/cm.yaml": CONFIG % 1},
        {
            "app/kustomization.yaml": "resources: [../base]",
            "base/kustomization.yaml": "resources: [cm.yaml]",
            "base/cm.yaml": CONFIG % 1,
        },
    ],
)
async def test_an_artefact_is_rendered_by_the_tool_that_it_is_for(
    registry: Registry, rig: Rig, files: Mapping[str, str]
) -> None:
    name = f"artefacts/of-{len(files)}"
    digest = await registry.push(name, "1.0.0", [Blob(LAYER, tgz(files))])
    repository = Repository(
        f"oci://{registry.host}/{name}", kind=RepositoryKind.OCI, plain_http=True
    )
    for revision in ("1.0.0", "~1.0", digest):
        rendered = await rig.render(repository, revision, path="app")
        assert (rendered.revision, versions(rendered)) == (digest, ["v1"])


async def test_a_tag_of_an_artefact_that_moves(registry: Registry, rig: Rig) -> None:
    repository = Repository(
        f"oci://{registry.host}/moving/app", kind=RepositoryKind.OCI, plain_http=True
    )
    for number in (1, 2):
        await registry.push("moving/app", "main", [Blob(LAYER, tgz({"cm.yaml": CONFIG % number}))])
        assert versions(await rig.render(repository, "main", path=".")) == [f"v{number}"]
