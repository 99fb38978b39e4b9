"""Renders are found by what they read; the renderer is asked only when something of it changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.fakes.clock import FakeClock, settle
from tests.fakes.decoder import FakeDecoder
from tests.fakes.git import FakeGit
from tests.fakes.renderer import FakeRenderer
from tiphys.core.source.environment import BuildContext
from tiphys.model.errors import RenderError, RevisionNotFoundError
from tiphys.model.render import HelmOptions, ReadSet, ToolKind
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.render.job import RenderJob
from tiphys.services.render.memory import RenderMemory
from tiphys.services.render.service import Rendered, RenderService
from tiphys.services.sources.upstream import UpstreamByKind

URL = "https://git.example.com/web"
CONTEXT = BuildContext("web", "demo", kube_version="1.36.3", api_versions=("v1", "apps/v1"))
FILES = {"web/cm": "one", "api/cm": "two", "README": "x"}


def source(path: str = "web", **fields: Any) -> ApplicationSource:
    return decode({"repoURL": URL, "path": path} | fields, ApplicationSource, at="spec.source")


def job(source: ApplicationSource, commit: str, context: BuildContext = CONTEXT) -> RenderJob:
    return RenderJob(source, Repository(source.repo_url), commit, context)


class Bench:
    def __init__(self, memory: RenderMemory | None = None) -> None:
        self.git = FakeGit()
        self.renderer = FakeRenderer()
        self.clock = FakeClock()
        self.registry = CollectorRegistry()
        self.service = RenderService(
            UpstreamByKind(self.git),
            self.renderer,
            FakeDecoder(),
            memory=memory,
            clock=self.clock,
            errors_kept_for=20,
            registry=self.registry,
        )

    def commit(self, files: dict[str, str]) -> str:
        return self.git.commit(URL, files)

    async def render(self, commit: str, path: str = "web", **fields: Any) -> Rendered:
        return await self.service.render(job(source(path, **fields), commit))

    @property
    def renders(self) -> int:
        return len(self.renderer.requests)

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_first_render(bench: Bench) -> None:
    commit = bench.commit(FILES)
    rendered = await bench.render(commit[:9])
    assert [manifest["data"] for manifest in rendered.manifests] == [{"text": "one"}]
    assert (rendered.tool, rendered.revision) == (ToolKind.DIRECTORY, commit)
    assert not rendered.from_cache
    request = bench.renderer.requests[0]
    assert (request.path, request.application) == ("web", "web")


async def test_a_commit_that_touches_one_of_many_renders_one(bench: Bench) -> None:
    files = {f"app-{number}/cm": "one" for number in range(50)}
    first, second = bench.commit(files), bench.commit(files | {"app-7/cm": "two"})
    for path in sorted({name.partition("/")[0] for name in files}):
        await bench.render(first, path)
    before = bench.renders
    results = [await bench.render(second, f"app-{number}") for number in range(50)]
    assert bench.renders == before + 1
    assert [number for number in range(50) if not results[number].from_cache] == [7]
    assert {result.revision for result in results} == {second}
    assert bench.count("tiphys_render_hits_total", tool="Directory") == 49
    assert bench.count("tiphys_renders_total", tool="Directory", result="rendered") == 51


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"README": "y"}, False),
        ({"api/cm": "y"}, False),
        ({"web/deeper/cm": "y"}, False),
        ({"web/cm": "y"}, True),
        ({"web/extra": "y"}, True),
    ],
)
async def test_what_was_read_decides(bench: Bench, change: dict[str, str], again: bool) -> None:
    first, second = bench.commit(FILES), bench.commit(FILES | change)
    before = await bench.render(first)
    after = await bench.render(second)
    assert after.from_cache is not again
    assert (after.digest == before.digest) is not again


async def test_a_listed_folder_counts_with_all_that_is_in_it(bench: Bench) -> None:
    bench.renderer.reads_capabilities = ReadSet(listings=frozenset({"api"}))
    first, second = bench.commit(FILES), bench.commit(FILES | {"api/deep/x": "y"})
    await bench.render(first)
    assert not (await bench.render(second)).from_cache


async def test_going_back_finds_the_older_render(bench: Bench) -> None:
    first, second = bench.commit(FILES), bench.commit(FILES | {"web/cm": "y"})
    before = await bench.render(first)
    await bench.render(second)
    back = await bench.render(bench.commit(FILES))
    assert back.from_cache
    assert back.digest == before.digest
    assert bench.renders == 2


async def test_all_that_was_read_is_asked_for_at_once(bench: Bench) -> None:
    for text in "abc":
        await bench.render(bench.commit(FILES | {"web/cm": text}))
    commit = bench.commit(FILES | {"web/cm": "a", "README": "z"})
    tree = await bench.git.tree(Repository(URL), commit)
    assert (await bench.render(commit)).from_cache
    assert tree.calls == {"read": 1, "oids": 1}


async def test_a_tool_that_the_files_choose_anew(bench: Bench) -> None:
    first = bench.commit(FILES)
    second = bench.commit(FILES | {"web/kustomization.yaml": "x"})
    assert (await bench.render(first)).tool is ToolKind.DIRECTORY
    rendered = await bench.render(second)
    assert rendered.tool is ToolKind.KUSTOMIZE
    assert not rendered.from_cache


async def test_other_options_are_another_render(bench: Bench) -> None:
    commit = bench.commit(FILES)
    await bench.render(commit)
    assert not (await bench.render(commit, directory={"recurse": True})).from_cache
    assert not (await bench.render(commit, helm={"values": "a: 1"})).from_cache
    assert (await bench.render(commit, targetRevision="v1")).from_cache


async def test_the_revision_counts_only_where_the_source_says_it(bench: Bench) -> None:
    first, second = bench.commit(FILES), bench.commit(FILES | {"README": "y"})
    named = {"parameters": [{"name": "tag", "value": "$ARGOCD_APP_REVISION"}]}
    await bench.render(first, helm=named)
    assert not (await bench.render(second, helm=named)).from_cache
    await bench.render(first, helm={})
    assert (await bench.render(second, helm={})).from_cache


@pytest.mark.parametrize(
    ("reads", "changed", "again"),
    [
        (ReadSet(), {"kube_version": "1.37.0", "api_versions": ("v1",)}, False),
        (ReadSet(kube_version=True), {"kube_version": "1.37.0"}, True),
        (ReadSet(kube_version=True), {"api_versions": ("v1",)}, False),
        (ReadSet(api_versions=frozenset({"x/v1"})), {"api_versions": ("v1", "x/v1")}, True),
        (ReadSet(api_versions=frozenset({"apps/v1"})), {"api_versions": ("v1",)}, True),
        (ReadSet(api_versions=frozenset({"x/v1"})), {"api_versions": ("v1",)}, False),
        (ReadSet(api_versions=None), {"api_versions": ("v1",)}, True),
        (ReadSet(api_versions=None), {"api_versions": ("apps/v1", "v1")}, False),
    ],
)
async def test_the_cluster_counts_only_where_it_was_read(
    bench: Bench, reads: ReadSet, changed: dict[str, Any], again: bool
) -> None:
    commit = bench.commit(FILES | {"web/Chart.yaml": "x"})
    bench.renderer.reads_capabilities = reads
    await bench.service.render(job(source(), commit))
    other = replace(CONTEXT, **changed)
    assert (await bench.service.render(job(source(), commit, other))).from_cache is not again


async def test_equal_renders_at_once_are_one(bench: Bench) -> None:
    commit = bench.commit(FILES)
    results = await asyncio.gather(*(bench.render(commit) for _ in range(30)))
    assert bench.renders == 1
    assert len({result.digest for result in results}) == 1


async def test_a_cancelled_render_leaves_the_others_theirs(bench: Bench) -> None:
    commit = bench.commit(FILES)
    bench.renderer.gate.clear()
    first = asyncio.create_task(bench.render(commit))
    second = asyncio.create_task(bench.render(commit))
    await bench.renderer.started.wait()
    first.cancel()
    await settle()
    bench.renderer.gate.set()
    assert not (await second).from_cache


async def test_a_failure_is_remembered_for_a_while_and_one_commit(bench: Bench) -> None:
    commit = bench.commit(FILES | {"web/cm": "broken"})
    for _ in range(3):
        with pytest.raises(RenderError, match="web/cm: broken"):
            await bench.render(commit)
    assert bench.renders == 1
    await bench.clock.advance(20)
    with pytest.raises(RenderError):
        await bench.render(commit)
    assert bench.renders == 2
    assert not (await bench.render(bench.commit(FILES))).from_cache
    assert bench.count("tiphys_renders_total", tool="Directory", result="failed") == 2


async def test_a_failure_is_shared_by_who_waits(bench: Bench) -> None:
    commit = bench.commit(FILES | {"web/cm": "broken"})
    asked = [bench.render(commit) for _ in range(10)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(result) for result in results} == {RenderError}
    assert bench.renders == 1


async def test_fresh_renders_whatever_is_remembered(bench: Bench) -> None:
    commit, broken = bench.commit(FILES), bench.commit(FILES | {"web/cm": "broken"})
    await bench.render(commit)
    again = await bench.service.render(job(source(), commit), fresh=True)
    assert not again.from_cache
    for _ in range(2):
        with pytest.raises(RenderError):
            await bench.service.render(job(source(), broken), fresh=True)
    assert bench.renders == 4


async def test_what_is_certain_without_a_render(bench: Bench) -> None:
    first = bench.commit(FILES)
    quiet, loud = bench.commit(FILES | {"README": "y"}), bench.commit(FILES | {"web/cm": "y"})
    assert await bench.service.known(job(source(), first)) is None
    before = await bench.render(first)
    assert await bench.service.unchanged(job(source(), quiet), before.digest)
    assert not await bench.service.unchanged(job(source(), loud), before.digest)
    assert not await bench.service.unchanged(job(source(), quiet), "other")
    assert bench.renders == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/web", "/web: app path is absolute"),
        ("../web", "../web: app path outside root"),
        ("gone", "gone: app path does not exist"),
        ("README", "README: app path is not a directory"),
        ("README/x", "README/x: app path does not exist"),
        ("out", "out: app path outside root"),
        ("loop", "loop: app path does not exist"),
        ("dangling", "dangling: app path does not exist"),
    ],
)
async def test_paths_are_checked(bench: Bench, path: str, text: str) -> None:
    links = {"out": "-> ../etc", "loop": "-> loop", "dangling": "-> gone"}
    with pytest.raises(RenderError) as caught:
        await bench.render(bench.commit(FILES | links), path)
    assert str(caught.value) == text
    assert bench.renders == 0


@pytest.mark.parametrize("path", ["link", "link/", "all/web", "chain"])
async def test_links_inside_the_tree_are_followed(bench: Bench, path: str) -> None:
    links = {"link": "-> web", "all": "-> .", "chain": "-> all/link"}
    rendered = await bench.render(bench.commit(FILES | links), path)
    assert [manifest["data"] for manifest in rendered.manifests] == [{"text": "one"}]
    assert bench.renderer.requests[0].path == "web"


async def test_overrides_in_the_folder_change_the_source(bench: Bench) -> None:
    for_all = "helm: {releaseName: all, namespace: spare}"
    own = "helm: {releaseName: mine}\nrepoURL: https://elsewhere.example.com\n"
    commit = bench.commit(
        FILES
        | {
            "web/.argocd-source.yaml": for_all,
            "web/.argocd-source-web.yaml": own,
            "web/.argocd-source-api.yaml": "helm: {releaseName: other}",
        }
    )
    rendered = await bench.render(commit, directory=None)
    assert rendered.tool is ToolKind.HELM
    options = bench.renderer.requests[0].options
    assert isinstance(options, HelmOptions)
    assert (options.release_name, options.namespace) == ("mine", "spare")
    again = await bench.render(bench.commit(FILES | {"web/.argocd-source.yaml": for_all}))
    assert not again.from_cache


async def test_an_override_that_is_a_link_is_followed_and_a_folder_is_none(bench: Bench) -> None:
    files = FILES | {
        "web/.argocd-source.yaml": "-> ../shared.yaml",
        "shared.yaml": "helm: {releaseName: shared}",
        "web/.argocd-source-web.yaml/x": "y",
    }
    await bench.render(bench.commit(files))
    options = bench.renderer.requests[0].options
    assert isinstance(options, HelmOptions)
    assert options.release_name == "shared"


@pytest.mark.parametrize("text", ["a: [", "[1]", "helm: {valueFiles: 7}"])
async def test_an_override_that_cannot_be_read_is_an_error(bench: Bench, text: str) -> None:
    commit = bench.commit(FILES | {"web/.argocd-source.yaml": text})
    error = r"error while parsing source parameters: \.argocd-source\.yaml: "
    with pytest.raises(RenderError, match=error):
        await bench.render(commit)
    assert bench.renders == 0


async def test_a_commit_that_is_not_there(bench: Bench) -> None:
    bench.commit(FILES)
    with pytest.raises(RevisionNotFoundError):
        await bench.render("0" * 40)


async def test_the_memory_is_bounded_by_number() -> None:
    bench = Bench(RenderMemory(per_key=2, renders=3))
    commits = [bench.commit(FILES | {"web/cm": text}) for text in "abc"]
    for commit in commits:
        await bench.render(commit)
    assert not (await bench.render(commits[0])).from_cache
    assert (await bench.render(commits[2])).from_cache
    await bench.render(commits[0], "api")
    await bench.render(commits[0], "")
    assert (await bench.render(commits[0], "")).from_cache
    assert (await bench.render(commits[0], "api")).from_cache
    assert not (await bench.render(commits[0])).from_cache


async def test_the_memory_is_bounded_by_size() -> None:
    memory = RenderMemory(size=1_000)
    bench = Bench(memory)
    for number in range(10):
        await bench.render(bench.commit(FILES | {"web/cm": str(number) * 300}))
    assert len(memory) == 2
    await bench.render(bench.commit(FILES | {"web/cm": "x" * 5_000}))
    assert len(memory) == 0
