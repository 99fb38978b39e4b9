"""After a restart nothing is rendered that is unchanged, and nothing stale is believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.fakes.decoder import FakeDecoder
from tests.fakes.git import FakeGit
from tests.fakes.renderer import FakeRenderer
from tiphys.adapters.cache import FolderCache
from tiphys.core.source.environment import BuildContext
from tiphys.model.render import ReadSet
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import Rendered, RenderService
from tiphys.services.sources.upstream import UpstreamByKind

URL = "https://git.example.com/web"
CONTEXT = BuildContext("web", "demo", kube_version="1.36.3", api_versions=("v1", "apps/v1"))


class Process:
    """One life of a process over the same repositories and the same folder."""

    def __init__(self, git: FakeGit, folder: Path, engine: str = "1") -> None:
        self.renderer = FakeRenderer()
        self.service = RenderService(
            UpstreamByKind(git),
            self.renderer,
            FakeDecoder(),
            archive=FolderCache(folder),
            engine_version=engine,
        )

    async def render(self, commit: str, **fields: Any) -> Rendered:
        made = decode({"repoURL": URL, "path": "web"} | fields, ApplicationSource, at="spec.source")
        return await self.service.render(RenderJob(made, Repository(URL), commit, CONTEXT))

    @property
    def renders(self) -> int:
        return len(self.renderer.requests)


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_restart_renders_nothing_that_is_unchanged(tmp_path: Path) -> None:
    git = FakeGit()
    commit = git.commit(URL, {"web/cm": "one", "api/cm": "x"})
    before = await Process(git, tmp_path).render(commit)

    process = Process(git, tmp_path)
    elsewhere = git.commit(URL, {"web/cm": "one", "api/cm": "y"})
    after = await process.render(elsewhere)
    assert process.renders == 0
    assert after.from_cache
    assert (after.manifests, after.digest) == (before.manifests, before.digest)
    assert after.revision == elsewhere

    await process.render(git.commit(URL, {"web/cm": "two", "api/cm": "y"}))
    assert process.renders == 1


async def test_another_engine_renders_anew(tmp_path: Path) -> None:
    git = FakeGit()
    commit = git.commit(URL, {"web/cm": "one"})
    await Process(git, tmp_path).render(commit)
    process = Process(git, tmp_path, engine="2")
    await process.render(commit)
    assert process.renders == 1


async def test_all_states_of_a_source_are_found_again(tmp_path: Path) -> None:
    git = FakeGit()
    commits = [git.commit(URL, {"web/cm": text}) for text in ("one", "two", "one")]
    process = Process(git, tmp_path)
    for commit in commits:
        await process.render(commit)
    process = Process(git, tmp_path)
    for commit in reversed(commits):
        await process.render(commit)
    assert process.renders == 0


@pytest.mark.parametrize(
    ("reads", "kube", "apis", "again"),
    [
        (ReadSet(kube_version=True), "1.37.0", ("v1",), 1),
        (ReadSet(kube_version=True), "1.36.3", ("v1", "batch/v1"), 0),
        (ReadSet(api_versions=frozenset({"batch/v1"})), "1.37.0", ("v1", "batch/v1"), 1),
        (ReadSet(api_versions=frozenset({"batch/v1"})), "1.37.0", ("v1", "apps/v1", "x/v1"), 0),
        (ReadSet(api_versions=None), "1.36.3", ("v1",), 1),
    ],
)
async def test_what_was_read_of_the_cluster_counts_after_a_restart(
    tmp_path: Path, reads: ReadSet, kube: str, apis: tuple[str, ...], again: int
) -> None:
    git = FakeGit()
    commit = git.commit(URL, {"web/Chart.yaml": "name: web"})
    process = Process(git, tmp_path)
    process.renderer.reads_capabilities = reads
    await process.render(commit)
    process = Process(git, tmp_path)
    process.renderer.reads_capabilities = reads
    now = replace(CONTEXT, kube_version=kube, api_versions=apis)
    made = decode({"repoURL": URL, "path": "web"}, ApplicationSource, at="spec.source")
    await process.service.render(RenderJob(made, Repository(URL), commit, now))
    assert process.renders == again


@pytest.mark.parametrize("entry", [b"{", orjson.dumps({"form": 0}), orjson.dumps([1])])
async def test_what_cannot_be_understood_is_rendered(tmp_path: Path, entry: bytes) -> None:
    git = FakeGit()
    commit = git.commit(URL, {"web/cm": "one"})
    await Process(git, tmp_path).render(commit)
    (file,) = entries(tmp_path)
    FolderCache(tmp_path).keep(file.parent.name, file.name, entry)
    process = Process(git, tmp_path)
    await process.render(commit)
    assert process.renders == 1
