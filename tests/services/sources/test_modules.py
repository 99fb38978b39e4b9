"""Submodules are opened with what the job knows that is rendered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext
from tiphys.model.repository import BasicLogin, Confidential, Place, Repository
from tiphys.model.source import ApplicationSource
from tiphys.services.render.job import RenderJob, Surroundings
from tiphys.services.render.service import Rendered
from tiphys.services.sources.modules import JobModules

URL = "https://git.example.com/lib"
ADA = Repository(URL, project="team", credentials=BasicLogin("ada", Confidential("x")))
EVE = Repository(URL, project="team", credentials=BasicLogin("eve", Confidential("x")))


def job(*repositories: Repository, submodules: bool = True) -> RenderJob:
    return RenderJob(
        source=ApplicationSource(repo_url="https://git.example.com/web"),
        repository=Repository("https://git.example.com/web", project="team"),
        revision="0" * 40,
        context=BuildContext(instance="web", namespace="web", project="team"),
        surroundings=Surroundings(
            tools=ToolSettings(submodules=submodules), repositories=repositories
        ),
    )


class Looking:
    """A Rendering that looks for the submodule while it renders, some time later."""

    def __init__(self, modules: JobModules) -> None:
        self._modules = modules
        self.seen: list[tuple[Repository, bool]] = []

    async def _look(self) -> None:
        await asyncio.sleep(0)
        found = await asyncio.create_task(asyncio.to_thread(self._modules.find, URL, "team"))
        self.seen.append((found, self._modules.wanted()))

    async def render(self, job: RenderJob, *, fresh: bool = False) -> Rendered:
        await self._look()
        raise LookupError

    async def known(self, job: RenderJob) -> Rendered | None:
        await self._look()
        return None

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        await self._look()
        return False

    async def whole(self, place: Place, revision: str) -> str:
        await self._look()
        return revision

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        await self._look()
        return set()


async def test_each_job_s_own_knowledge_counts() -> None:
    modules = JobModules()
    looking = Looking(modules)
    rendering = modules.around(looking)
    await asyncio.gather(
        rendering.render(job(ADA)),
        rendering.known(job(EVE, submodules=False)),
        rendering.unchanged(job(), ""),
        return_exceptions=True,
    )
    assert sorted(looking.seen, key=str) == sorted(
        [(ADA, True), (EVE, False), (Repository(URL), True)], key=str
    )


async def test_without_a_job_others_know() -> None:
    for find, found in ((None, Repository(URL)), (lambda url, project: ADA, ADA)):
        modules = JobModules(find)
        looking = Looking(modules)
        rendering = modules.around(looking)
        place = Place(replace(ADA, url="https://git.example.com/web"))
        await rendering.whole(place, "abc")
        await rendering.touched(place, {})
        assert looking.seen == [(found, True)] * 2
