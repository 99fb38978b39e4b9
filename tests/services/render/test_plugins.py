"""Sources that are a plugin's: named, or found before the files decide on a tool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.decoder import FakeDecoder
from tests.fakes.git import FakeGit
from tests.fakes.plugins import FakePlugins
from tests.fakes.renderer import FakeRenderer
from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext
from tiphys.model.render import PluginOptions, ToolKind
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.render.job import RenderJob, Surroundings
from tiphys.services.render.service import Rendered, RenderService
from tiphys.services.render.tools import ToolRenderer
from tiphys.services.sources.upstream import UpstreamByKind

URL = "https://git.example.com/web"
CONTEXT = BuildContext("team_web", "demo", kube_version="1.36.3", api_versions=("v1",))
FILES = {"web/cm": "one", "web/.argocd-source.yaml": "helm: null", "api/cm": "two"}


class Bench:
    def __init__(self) -> None:
        self.git = FakeGit()
        self.engine = FakeRenderer()
        self.plugins = FakePlugins()
        self.service = RenderService(
            UpstreamByKind(self.git),
            ToolRenderer(self.engine, self.plugins),
            FakeDecoder(),
            plugins=self.plugins,
        )

    def job(self, files: dict[str, str], path: str = "web", **fields: Any) -> RenderJob:
        given = {"repoURL": URL, "path": path, **fields}
        source = decode(given, ApplicationSource, at="spec.source")
        return RenderJob(source, Repository(URL), self.git.commit(URL, files), CONTEXT)

    async def render(self, path: str = "web", **fields: Any) -> Rendered:
        return await self.service.render(self.job(FILES, path, **fields))


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_named_plugin_renders(bench: Bench) -> None:
    rendered = await bench.render(plugin={"name": "own", "env": [{"name": "A", "value": "b"}]})
    assert (rendered.tool, rendered.manifests) == (ToolKind.PLUGIN, ({"kind": "Made"},))
    (request,) = bench.plugins.rendered
    options = request.options
    assert isinstance(options, PluginOptions)
    assert options.name == "own"
    assert dict(options.environment)["ARGOCD_APP_NAME"] == "team_web"
    assert dict(options.environment)["ARGOCD_ENV_A"] == "b"
    assert request.repository == Repository(URL)
    assert not bench.plugins.asked
    assert not bench.engine.requests


async def test_plugins_are_asked_before_the_files(bench: Bench) -> None:
    assert (await bench.render()).tool is ToolKind.PLUGIN
    assert (await bench.render("api")).tool is ToolKind.DIRECTORY
    assert [request.path for request in bench.plugins.asked] == ["web", "api"]
    assert [request.path for request in bench.engine.requests] == ["api"]
    (asked, *_) = bench.plugins.asked
    assert isinstance(asked.options, PluginOptions)
    assert asked.options.name == ""
    assert "ARGOCD_APP_PARAMETERS" not in dict(asked.options.environment)


async def test_a_block_is_not_asked_about(bench: Bench) -> None:
    assert (await bench.render(directory={"recurse": True})).tool is ToolKind.DIRECTORY
    assert not bench.plugins.asked


async def test_without_plugins_nobody_is_asked(bench: Bench) -> None:
    bench.plugins.there = False
    assert (await bench.render()).tool is ToolKind.DIRECTORY
    assert not bench.plugins.asked


async def test_what_a_plugin_rendered_is_remembered(bench: Bench) -> None:
    job = bench.job(FILES)
    assert not (await bench.service.render(job)).from_cache
    assert (await bench.service.render(job)).from_cache
    assert len(bench.plugins.rendered) == 1
    known = await bench.service.known(job)
    assert known is not None


async def test_a_plugin_that_was_started_anew_renders_anew(bench: Bench) -> None:
    job = bench.job(FILES)
    await bench.service.render(job)
    bench.plugins.started += 1
    assert not (await bench.service.render(job)).from_cache
    assert (await bench.service.render(job)).from_cache


async def test_another_commit_is_another_render(bench: Bench) -> None:
    # A plugin sees the revision, and all of the repository.
    await bench.service.render(bench.job(FILES))
    await bench.service.render(bench.job({**FILES, "other": "x"}))
    assert len(bench.plugins.rendered) == 2


async def test_only_what_the_annotation_names_counts(bench: Bench) -> None:
    tools = ToolSettings(plugin_use_generate_paths=True)

    def job(files: dict[str, str]) -> RenderJob:
        surroundings = Surroundings(tools)
        made = bench.job(files)
        return replace(made, surroundings=surroundings, generate_paths=("web", "lib"))

    await bench.service.render(job(FILES))
    assert (await bench.service.render(job({**FILES, "api/cm": "other"}))).from_cache
    assert not (await bench.service.render(job({**FILES, "lib/x": "new"}))).from_cache
    assert not (await bench.service.render(job({**FILES, "web/cm": "new"}))).from_cache
    assert len(bench.plugins.rendered) == 3


async def test_only_what_is_needed_is_sent(bench: Bench) -> None:
    tools = ToolSettings(plugin_use_generate_paths=True, plugin_tar_exclude=("*.md",))
    job = replace(
        bench.job(FILES, plugin={"name": "own"}),
        surroundings=Surroundings(tools),
        generate_paths=("web/a", "web/b"),
    )
    await bench.service.render(job)
    (request,) = bench.plugins.rendered
    assert isinstance(request.options, PluginOptions)
    assert (request.options.root, request.options.exclude) == ("web", ("*.md",))
