"""Sources as the API server asks for them: by whoever renders for the controller, or by itself.

Only files that a caller hands over are always rendered here, apart from everything else.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.core.source.places import place_of
from tiphys.model.errors import RevisionNotFoundError
from tiphys.model.repository import Asked
from tiphys.services.render.looks import Looks

if TYPE_CHECKING:
    from tiphys.bootstrap.renders import Renders
    from tiphys.bootstrap.sources import CommandSources
    from tiphys.core.app.asking import Asking
    from tiphys.model.source import ApplicationSource
    from tiphys.services.applications.values import LocalFiles
    from tiphys.services.render.around import Around, Looked
    from tiphys.services.repositories.ports import Repositories
    from tiphys.services.sources.refs import PollTiming


class ServerSources:
    """Implements SourceCheck of services.applications."""

    def __init__(self, renders: Renders, repositories: Repositories, stack: AsyncExitStack) -> None:
        self._renders = renders
        self._repositories = repositories
        self._stack = stack
        self._looks = Looks(renders.refs, renders.service, repositories)
        self._own: CommandSources | None = None

    async def reachable(self, source: ApplicationSource, project: str) -> None:
        place = place_of(source, self._repositories.find(source.repo_url, project))
        asked = Asked(source.target_revision, source.tag_prefix)
        try:
            await self._renders.refs.resolve(place, asked, fresh=True)
        except RevisionNotFoundError:
            # It answered, which is all that was asked.
            return

    async def resolve(self, asking: Asking, project: str) -> tuple[str, ...]:
        return await self._looks.resolve(asking, project)

    async def render(
        self, asking: Asking, around: Around, files: LocalFiles | None = None
    ) -> Looked:
        if files is None:
            return await self._looks.render(asking, around)
        return await (await self._opened()).render(asking, around, files)

    async def _opened(self) -> CommandSources:
        from tiphys.bootstrap.sources import open_sources

        if self._own is None:
            self._own = await self._stack.enter_async_context(open_sources(self._repositories))
        return self._own


def own_renders(
    stack: AsyncExitStack, repositories: Repositories, data: Path, timing: PollTiming
) -> Renders:
    """For a server without a render process: it renders what its callers look at."""
    from tiphys.bootstrap.rendering import LocalRendering, RenderOptions
    from tiphys.bootstrap.renders import Renders

    local = LocalRendering(RenderOptions(data=data), stack, timing=timing, find=repositories.find)
    return Renders(local.service, local.fetching.refs, local.fetching.keep_tidy)
