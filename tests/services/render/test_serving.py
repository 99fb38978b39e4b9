"""Rendering for others: what is counted, and what is taken for used."""

from __future__ import annotations

from tests.fakes.decoder import FakeDecoder
from tests.fakes.git import FakeGit
from tests.fakes.renderer import FakeRenderer
from tiphys.core.source.environment import BuildContext
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import RenderService
from tiphys.services.render.serving import ServedRendering
from tiphys.services.sources.upstream import UpstreamByKind

URL = "https://me:hush@git.example.com/web"


class Counts:
    def __init__(self) -> None:
        self.told: list[str] = []

    def begins(self, repository: str) -> None:
        self.told.append(f"begins {repository}")

    def ends(self, repository: str) -> None:
        self.told.append(f"ends {repository}")


async def test_who_is_counted_shows_no_password() -> None:
    git, counts = FakeGit(), Counts()
    service = RenderService(UpstreamByKind(git), FakeRenderer(), FakeDecoder())
    served = ServedRendering(service, counts)
    commit = git.commit(URL, {"web/cm": "one"})
    source = ApplicationSource(repo_url=URL, path="web")
    await served.render(RenderJob(source, Repository(URL), commit, BuildContext("web", "demo")))
    shown = "https://git.example.com/web"
    assert counts.told == [f"begins {shown}", f"ends {shown}"]
    assert served.in_use() == {URL: {commit}}
