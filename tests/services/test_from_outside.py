"""Sources that name what lies outside of them, on real servers, the real Git and engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.chartserver import ChartServer, chart_files
from tests.fixtures.gitrepo import GitRepo
from tests.fixtures.monorepo import config_map
from tiphys.adapters.engine import EngineRenderer, LaneOptions
from tiphys.adapters.gitserver.server import GitServer
from tiphys.bootstrap.fetching import Fetching
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.refs import RefTree
from tiphys.model.errors import RenderError, RepositoryError
from tiphys.model.repository import Repository, RepositoryKind
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.render.job import RenderJob, Surroundings, ToolSettings
from tiphys.services.render.service import Rendered, RenderService
from tiphys.services.sources.refs import PollTiming

_CHART = """apiVersion: v2
name: web
version: 0.1.0
dependencies:
- {{name: redis, version: "{version}", repository: "{url}"}}
"""


class World:
    def __init__(self, folder: Path) -> None:
        served = folder / "served"
        self.web = GitRepo(served / "web")
        self.base = GitRepo(served / "base")
        self.git = GitServer(served)
        self.charts = ChartServer()
        self.fetching = Fetching(folder / "data", PollTiming(0, 0))
        self.engine = EngineRenderer(options=LaneOptions(size=1))
        self.service = RenderService(
            self.fetching.upstream, self.engine, self.engine, self.fetching.remotes
        )
        self.around = Surroundings()

    async def start(self) -> None:
        await self.git.start()
        await self.charts.start()

    async def stop(self) -> None:
        await self.fetching.aclose()
        await self.engine.close()
        await self.charts.stop()
        await self.git.stop()

    def url(self, name: str) -> str:
        return f"{self.git.url}/{name}"

    def job(self, commit: str, **fields: Any) -> RenderJob:
        written = {"repoURL": self.url("web"), "path": "app"} | fields
        source = decode(written, ApplicationSource, at="spec.source")
        context = BuildContext("web", "demo", project="team", kube_version="1.36.0")
        repository = Repository(self.url("web"))
        return RenderJob(source, repository, commit, context, surroundings=self.around)

    async def render(self, files: dict[str, str | None], **fields: Any) -> Rendered:
        return await self.service.render(self.job(self.web.commit(files), **fields))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.stop()


def names(rendered: Rendered) -> list[str]:
    return sorted(manifest["metadata"]["name"] for manifest in rendered.manifests)


def texts(rendered: Rendered) -> dict[str, Any]:
    return {one["metadata"]["name"]: one["data"] for one in rendered.manifests}


async def test_a_kustomization_stands_on_a_base_elsewhere(world: World) -> None:
    world.base.commit({"deep/kustomization.yaml": "resources: [cm.yaml]"})
    world.base.commit({"deep/cm.yaml": config_map("far", "one")})
    base = f"{world.url('base')}//deep?ref=main"
    files = {"app/kustomization.yaml": f"resources: ['{base}', own.yaml]\nnamePrefix: p-\n"}
    rendered = await world.render({**files, "app/own.yaml": config_map("near", "x")})
    assert names(rendered) == ["p-far", "p-near"]
    job = world.job(world.web.git("rev-parse", "HEAD"))
    assert (await world.service.render(job)).from_cache
    world.base.commit({"deep/cm.yaml": config_map("far", "two")})
    assert (await world.service.render(job)).from_cache
    after = await world.service.render(job, fresh=True)
    assert texts(after)["p-far"] == {"text": "two"}
    edited = await world.service.render(replace(job, source=world.job("", **EDITED).source))
    assert names(edited) == ["q-far", "q-near"]


EDITED = {"kustomize": {"namePrefix": "q-"}}


async def test_a_base_elsewhere_needs_the_project_s_permission(world: World) -> None:
    world.base.commit({"kustomization.yaml": "resources: []"})
    world.around = Surroundings(source_repos=(world.url("web"),))
    files = {"app/kustomization.yaml": f"resources: ['{world.url('base')}//?ref=main']"}
    with pytest.raises(RenderError, match=r"/base is not permitted in project 'team'"):
        await world.render({**files})


async def test_a_chart_gets_its_dependencies(world: World) -> None:
    world.charts.publish("redis", "1.2.0")
    world.charts.publish("redis", "2.0.0")
    chart = _CHART.format(version="1.x", url=world.charts.url)
    rendered = await world.render({"app/Chart.yaml": chart})
    assert texts(rendered) == {"x": {"version": "1.2.0"}}
    known = Repository(world.charts.url, RepositoryKind.HELM, "mine")
    world.around = Surroundings(repositories=(known,))
    for written in ("@mine", "alias:mine"):
        again = await world.render({"app/Chart.yaml": _CHART.format(version="2.x", url=written)})
        assert texts(again) == {"x": {"version": "2.0.0"}}


async def test_a_dependency_that_is_not_permitted_or_not_there(world: World) -> None:
    world.charts.publish("redis", "1.2.0")
    missing = _CHART.format(version="9.x", url=world.charts.url)
    with pytest.raises(RepositoryError, match="version matching constraint not found in 1 tags"):
        await world.render({"app/Chart.yaml": missing})
    world.around = Surroundings(source_repos=("http://127.0.0.1:*/web",))
    text = f"helm repos {world.charts.url} are not permitted in project 'team'"
    with pytest.raises(RenderError, match=text):
        await world.render({"app/Chart.yaml": _CHART.format(version="1.x", url=world.charts.url)})


async def test_values_behind_a_url(world: World) -> None:
    templates = chart_files("web", "0.1.0") | {
        "templates/cm.yaml": config_map("x", "'{{ .Values.text }}'")
    }
    files: dict[str, str | None] = {f"app/{path}": text for path, text in templates.items()}
    world.charts.files["values.yaml"] = b"text: far"
    url = f"{world.charts.url}/values.yaml"
    with pytest.raises(RepositoryError, match="this machine"):
        await world.render(files, helm={"valueFiles": [url.replace("127.0.0.1", "127.0.0.2")]})
    rendered = await world.render(files, helm={"valueFiles": [url]})
    assert texts(rendered) == {"x": {"text": "far"}}
    world.around = Surroundings(ToolSettings(values_file_schemes=("https",)))
    with pytest.raises(RenderError, match="the URL scheme 'http' is not allowed"):
        await world.render(files, helm={"valueFiles": [url]})


async def test_values_of_another_source(world: World) -> None:
    templates = chart_files("web", "0.1.0") | {
        "templates/cm.yaml": config_map("x", "'{{ .Values.text }}'")
    }
    commit = world.web.commit({f"app/{path}": text for path, text in templates.items()})
    results = []
    for text in ("one", "two"):
        values = world.base.commit({"envs/prod.yaml": f"text: {text}"})
        job = world.job(commit, helm={"valueFiles": ["$v/envs/prod.yaml"]})
        refs = {"v": RefTree(Repository(world.url("base")), values, "main")}
        results.append(await world.service.render(replace(job, refs=refs)))
    assert [texts(one)["x"]["text"] for one in results] == ["one", "two"]


async def test_a_chart_as_a_source(world: World) -> None:
    digest = world.charts.publish("redis", "1.2.0")
    assert digest
    job = world.job("1.2.0", repoURL=world.charts.url, path="", chart="redis")
    job = replace(job, repository=Repository(world.charts.url, RepositoryKind.HELM))
    rendered = await world.service.render(job)
    assert (rendered.revision, texts(rendered)) == ("1.2.0", {"x": {"version": "1.2.0"}})
    assert (await world.service.render(job)).from_cache
