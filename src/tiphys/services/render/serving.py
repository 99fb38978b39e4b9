"""Rendering for others: who waits is counted, and what was asked for lately is remembered.

The render process does not know which applications there are. A commit that was asked for within
a day is taken for one that is in use, so that it is kept on disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from tiphys.core.source.url import without_user
from tiphys.model.repository import Place
from tiphys.services.render.job import RenderJob, ToolSettings
from tiphys.services.render.rendering import Rendering
from tiphys.services.render.service import Rendered

_USED = 86_400.0


class RenderMetrics(Protocol):
    """Requests that were not answered yet, by repository."""

    def begins(self, repository: str) -> None: ...

    def ends(self, repository: str) -> None: ...


class ServedRendering:
    """Implements Rendering. `tools` are the settings of a call as this process has them; `clock`
    in seconds.
    """

    def __init__(
        self,
        rendering: Rendering,
        metrics: RenderMetrics,
        *,
        tools: Callable[[ToolSettings], ToolSettings] = lambda given: given,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rendering = rendering
        self._metrics = metrics
        self._tools = tools
        self._clock = clock
        self._used: dict[str, dict[str, float]] = {}

    def in_use(self) -> Mapping[str, set[str]]:
        """By URL the revisions that somebody asked for within a day."""
        since = self._clock() - _USED
        for url, revisions in list(self._used.items()):
            kept = {revision: at for revision, at in revisions.items() if at > since}
            if kept:
                self._used[url] = kept
            else:
                del self._used[url]
        return {url: set(revisions) for url, revisions in self._used.items()}

    async def render(self, job: RenderJob, *, fresh: bool = False) -> Rendered:
        self._note(job)
        url = without_user(job.repository.url)
        self._metrics.begins(url)
        try:
            return await self._rendering.render(self._here(job), fresh=fresh)
        finally:
            self._metrics.ends(url)

    async def known(self, job: RenderJob) -> Rendered | None:
        self._note(job)
        return await self._rendering.known(self._here(job))

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        self._note(job)
        return await self._rendering.unchanged(self._here(job), digest)

    async def whole(self, place: Place, revision: str) -> str:
        return await self._rendering.whole(place, revision)

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        return await self._rendering.touched(place, folders)

    def _here(self, job: RenderJob) -> RenderJob:
        around = job.surroundings
        tools = self._tools(around.tools)
        return (
            job
            if tools is around.tools
            else replace(job, surroundings=replace(around, tools=tools))
        )

    def _note(self, job: RenderJob) -> None:
        now = self._clock()
        self._used.setdefault(job.repository.url, {})[job.revision] = now
        for ref in job.refs.values():
            self._used.setdefault(ref.repository.url, {})[ref.commit] = now
