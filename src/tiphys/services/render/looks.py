"""Sources rendered for one look: a command's, that remembers nothing and follows nobody."""

from __future__ import annotations

from collections.abc import Callable

from tiphys.core.app.asking import Asking
from tiphys.core.source.places import place_of
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Asked, Place
from tiphys.services.render.around import Around, Looked, SourceError
from tiphys.services.render.job import Surroundings
from tiphys.services.render.rendering import Rendering
from tiphys.services.render.service import Rendered
from tiphys.services.render.several import (
    jobs_of,
    side_by_side,
    surroundings_of,
    warnings_of,
)
from tiphys.services.repositories.ports import Repositories
from tiphys.services.sources.refs import RefWatcher


class Looks:
    """`fixed` says of a place what it is at, where nobody has to be asked: None for all others."""

    def __init__(
        self,
        refs: RefWatcher,
        render: Rendering,
        repositories: Repositories,
        fixed: Callable[[Place], str | None] = lambda _place: None,
    ) -> None:
        self._refs = refs
        self._render = render
        self._repositories = repositories
        self._fixed = fixed

    def places(self, asking: Asking, project: str) -> tuple[Place, ...]:
        """Raises SourceError."""
        places = []
        for number, source in enumerate(asking.sources, 1):
            try:
                found = self._repositories.find(source.repo_url, project)
            except RepositoryError as error:
                raise SourceError(number, error) from None
            places.append(place_of(source, found))
        return tuple(places)

    async def resolve(self, asking: Asking, project: str) -> tuple[str, ...]:
        """Raises SourceError."""
        places = self.places(asking, project)
        works = [
            self._resolve(place, Asked(revision, source.tag_prefix))
            for source, place, revision in zip(
                asking.sources, places, asking.revisions, strict=True
            )
        ]
        return tuple(await side_by_side(works))

    async def render(self, asking: Asking, around: Around) -> Looked:
        """Raises SourceError, and RenderError for what is wrong between the sources."""
        revisions = await self.resolve(asking, around.project.name)
        jobs = jobs_of(
            asking,
            self.places(asking, around.project.name),
            revisions,
            around.context,
            self._surroundings(around),
            paths=around.paths,
        )

        async def render(at: int) -> Rendered | None:
            job = jobs[at]
            return None if job is None else await self._render.render(job)

        rendered = await side_by_side([render(at) for at in range(len(jobs))])
        manifests = [manifest for one in rendered if one for manifest in one.manifests]
        return Looked(tuple(manifests), revisions, warnings_of(rendered), tuple(rendered))

    async def _resolve(self, place: Place, asked: Asked) -> str:
        fixed = self._fixed(place)
        if fixed is not None:
            return fixed
        found = await self._refs.resolve(place, asked, fresh=True)
        return await self._render.whole(place, found)

    def _surroundings(self, around: Around) -> Surroundings:
        return surroundings_of(around.project, around.tools, self._repositories)
