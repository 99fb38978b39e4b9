"""What submodules are opened with: what the job that is rendered says of its project.

Git's trees are asked for by repository and commit alone. The job is known around these calls, in
the process that renders too, which has no other knowledge of repositories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from tiphys.core.source.remotes import repository_of_module
from tiphys.model.repository import Place, Repository
from tiphys.services.render.job import RenderJob
from tiphys.services.render.rendering import Rendering
from tiphys.services.render.service import Rendered
from tiphys.services.sources.remotes import ways_of

_JOB: ContextVar[RenderJob | None] = ContextVar("job", default=None)


class JobModules:
    """`find` is who else knows repositories, for trees that no job asks for."""

    def __init__(self, find: Callable[[str, str], Repository] | None = None) -> None:
        self._find = find

    def find(self, url: str, project: str) -> Repository:
        """How a submodule is read by those who may read the repository that it is in: `project` is
        that one's, `` for what all projects read. The job's own project opens no more.
        """
        job = _JOB.get()
        if job is not None:
            return repository_of_module(url, project, ways_of(job))
        return Repository(url) if self._find is None else self._find(url, project)

    def wanted(self) -> bool:
        job = _JOB.get()
        return job is None or job.surroundings.tools.submodules

    def around(self, rendering: Rendering) -> Rendering:
        return _Known(rendering)


class _Known:
    """Implements Rendering: says which job it is that trees are asked for."""

    def __init__(self, rendering: Rendering) -> None:
        self._rendering = rendering

    async def render(self, job: RenderJob, *, fresh: bool = False) -> Rendered:
        with _within(job):
            return await self._rendering.render(job, fresh=fresh)

    async def known(self, job: RenderJob) -> Rendered | None:
        with _within(job):
            return await self._rendering.known(job)

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        with _within(job):
            return await self._rendering.unchanged(job, digest)

    async def whole(self, place: Place, revision: str) -> str:
        return await self._rendering.whole(place, revision)

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        return await self._rendering.touched(place, folders)


@contextmanager
def _within(job: RenderJob) -> Iterator[None]:
    token = _JOB.set(job)
    try:
        yield
    finally:
        _JOB.reset(token)
