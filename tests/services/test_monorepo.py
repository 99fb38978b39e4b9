"""One repository with very many applications, on the real Git and engine, everything counted.

As large as it is meant to be under TIPHYS_SOAK.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.fixtures.monorepo import SHARED_BY, Kept, Monorepo, applications, config_map, files_of
from tiphys.adapters.cache import FolderCache
from tiphys.adapters.engine import EngineRenderer, LaneOptions
from tiphys.adapters.gitserver.server import GitServer
from tiphys.bootstrap.fetching import Fetching
from tiphys.core.source.environment import BuildContext
from tiphys.model.render import RenderRequest, RenderResult
from tiphys.model.repository import Asked, Place, Repository
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import TreeReader
from tiphys.services.render.service import Rendered, RenderService
from tiphys.services.sources.housekeeping import keep_tidy
from tiphys.services.sources.refs import PollTiming

SOAK = bool(os.environ.get("TIPHYS_SOAK"))
APPLICATIONS, FILES, COMMITS = (1000, 20_000, 500) if SOAK else (90, 1_000, 40)
MAIN = Asked("main")


class Counting:
    """A Renderer that says what it was asked for."""

    def __init__(self, engine: EngineRenderer) -> None:
        self._engine = engine
        self.asked: list[str] = []

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult:
        self.asked.append(request.application)
        return await self._engine.render(request, tree)

    def taken(self) -> list[str]:
        asked, self.asked = sorted(self.asked), []
        return asked


class Process:
    """One life of a process that renders, over a folder that outlives it."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self.engine = EngineRenderer(options=LaneOptions(size=2))
        self.renderer = Counting(self.engine)
        self.fetching = Fetching(folder, PollTiming(0, 0))
        self.place = Place(Repository(url))
        self.service = RenderService(
            self.fetching.upstream,
            self.renderer,
            self.engine,
            self.fetching.remotes,
            archive=FolderCache(folder / "renders"),
        )
        self.digests: dict[str, str] = {}

    async def aclose(self) -> None:
        await self.fetching.aclose()
        await self.engine.close()

    def job(self, app: Kept, commit: str) -> RenderJob:
        url = self.place.repository.url
        source = decode({"repoURL": url, **app.source}, ApplicationSource, at="spec.source")
        return RenderJob(source, self.place.repository, commit, BuildContext(app.name, "demo"))

    async def look(self) -> list[str]:
        """What the controller does with a new commit: resolve once, look at every application,
        render what may have changed. Answers those that were rendered.
        """
        commit = await self.fetching.refs.resolve(self.place, MAIN, fresh=True)
        await asyncio.gather(*(self._one(app, commit) for app in applications(APPLICATIONS)))
        return self.renderer.taken()

    async def _one(self, app: Kept, commit: str) -> None:
        job = self.job(app, commit)
        known = self.digests.get(app.name)
        if known is not None and await self.service.unchanged(job, known):
            return
        rendered: Rendered = await self.service.render(job)
        assert rendered.manifests
        assert rendered.revision == commit
        self.digests[app.name] = rendered.digest


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "served").mkdir()
        self.repo = Monorepo(folder / "served" / "mono.git", files_of(APPLICATIONS, FILES))
        self.server = GitServer(folder / "served")

    async def start(self) -> None:
        await self.server.start()
        self.process = Process(self.folder / "data", f"{self.server.url}/mono.git")
        started = time.monotonic()
        assert len(await self.process.look()) == APPLICATIONS
        self.first = time.monotonic() - started

    async def stop(self) -> None:
        await self.process.aclose()
        await self.server.stop()

    async def restart(self) -> None:
        await self.process.aclose()
        self.process = Process(self.folder / "data", f"{self.server.url}/mono.git")

    async def after(self, *changes: Mapping[str, str]) -> list[str]:
        self.repo.push(*changes)
        self.server.requests.clear()
        return await self.process.look()


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    world = World(tmp_path_factory.mktemp("mono"))
    await world.start()
    yield world
    await world.stop()


def standing_on(shared: int, kind: str) -> list[str]:
    numbers = range(shared * SHARED_BY, (shared + 1) * SHARED_BY)
    return [f"{kind}-{number:04}" for number in numbers]


@pytest.mark.parametrize(
    ("change", "rendered"),
    [
        ({"docs/new.md": "x"}, []),
        ({"plain/0003/one.yaml": config_map("one", "changed")}, ["plain-0003"]),
        ({"kustomize/0007/own.yaml": config_map("own", "changed")}, ["kustomize-0007"]),
        ({"helm/0011/values.yaml": "texts: {own: changed}\n"}, ["helm-0011"]),
        ({"bases/001/base.yaml": config_map("base", "changed")}, standing_on(1, "kustomize")),
        ({"values/002.yaml": "texts: {shared: changed}\n"}, standing_on(2, "helm")),
        # What was not there is noticed by who would have found it.
        ({"plain/0004/deep/deeper/new.yaml": config_map("new", "x")}, ["plain-0004"]),
        ({"helm/0012/optional.yaml": "texts: {optional: x}\n"}, ["helm-0012"]),
        ({"helm/0013/env/stage.yaml": "texts: {stage: x}\n"}, ["helm-0013"]),
        ({"helm/0014/templates/new.yaml": config_map("new", "x")}, ["helm-0014"]),
        # Kustomize lists no folder.
        ({"kustomize/0008/unnamed.yaml": config_map("unnamed", "x")}, []),
    ],
)
async def test_a_commit_renders_what_it_touches(
    world: World, change: Mapping[str, str], rendered: list[str]
) -> None:
    started = time.monotonic()
    assert await world.after(change) == rendered
    seconds = time.monotonic() - started
    print(f"{len(rendered)} of {APPLICATIONS} rendered in {seconds * 1000:.0f} ms")
    # One listing, and one fetch, which lists once more and asks for the commit.
    assert world.server.requests["refs"] == 2


async def test_a_push_of_many_commits_is_one_fetch(world: World) -> None:
    changes = [{f"docs/push/{number}.md": "x"} for number in range(200)]
    changes.append({"plain/0005/one.yaml": config_map("one", "after many")})
    assert await world.after(*changes) == ["plain-0005"]
    assert world.server.requests["refs"] == 2
    assert world.server.requests["upload-pack"] <= 4


async def test_a_restart_renders_nothing(world: World) -> None:
    await world.restart()
    started = time.monotonic()
    assert await world.process.look() == []
    print(f"{APPLICATIONS} known after a restart in {(time.monotonic() - started) * 1000:.0f} ms")
    assert await world.after({"docs/later.md": "x"}) == []
    assert await world.after({"helm/0002/values.yaml": "texts: {own: later}\n"}) == ["helm-0002"]


async def test_the_clone_is_one_and_does_not_grow_without_end(world: World) -> None:
    clones = [path for path in (world.folder / "data" / "repositories").iterdir() if path.is_dir()]
    assert len(clones) == 1
    sizes = []
    for number in range(COMMITS):
        path = f"plain/{number % 30:04}/two.yaml"
        commit = world.repo.push({path: config_map("two", f"round {number}")})
        job = world.process.job(applications(APPLICATIONS)[0], commit)
        await world.process.service.render(job)
        if number % 10 == 9:
            await _tidy(world, {commit})
            sizes.append(
                sum(file.stat().st_size for file in clones[0].rglob("*") if file.is_file())
            )
    print(f"{sizes[0]} bytes after 10 commits, {sizes[-1]} after {COMMITS}, {max(sizes)} at most")
    assert max(sizes) < 2 * sizes[0]
    objects = [file for file in clones[0].rglob("*") if file.is_file()]
    assert len(objects) < 200


async def _tidy(world: World, commits: set[str]) -> None:
    """As the hourly round does it."""
    turns = 0

    async def sleep(_seconds: float) -> None:
        nonlocal turns
        turns += 1
        if turns > 1:
            raise asyncio.CancelledError

    repository, git = world.process.place.repository, world.process.fetching.git
    with pytest.raises(asyncio.CancelledError):
        await keep_tidy(git, lambda: [repository], lambda: {repository.url: commits}, sleep=sleep)
