"""Remotes kept in memory: what each leads to now, and how often anybody asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.fakes.git import FakeTree
from tiphys.model.errors import RenderError
from tiphys.model.render import Remote
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import Fetched


class FakeRemotes:
    """By URL. Applications of the projects in `forbidden` may fetch nothing."""

    def __init__(self) -> None:
        self._trees: dict[str, FakeTree] = {}
        self.asked: Counter[str] = Counter()
        self.fresh: list[str] = []
        self.forbidden: set[str] = set()

    def put(self, url: str, files: Mapping[str, str]) -> None:
        tree = FakeTree("", files)
        digest = tree.oids([""])[""]
        self._trees[url] = FakeTree(str(digest), files)

    async def digest(self, remote: Remote, job: RenderJob, *, fresh: bool = False) -> str:
        self._permit(job)
        self.asked["digest"] += 1
        if fresh:
            self.fresh.append(remote.url)
        return self._trees[remote.url].commit

    async def fetch(self, remote: Remote, job: RenderJob) -> Fetched:
        self._permit(job)
        self.asked["fetch"] += 1
        tree = self._trees[remote.url]
        return Fetched(tree.commit, tree)

    def _permit(self, job: RenderJob) -> None:
        if job.context.project in self.forbidden:
            raise RenderError(f"not permitted in project '{job.context.project}'")
