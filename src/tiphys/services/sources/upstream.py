"""The places where sources come from, each asked by its kind."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import Final, assert_never

from tiphys.core.source.places import place_key, place_kind
from tiphys.core.source.revision import is_range, is_reference, tag_in_range
from tiphys.core.source.url import without_user
from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import (
    ArtifactTags,
    Asked,
    ChartVersions,
    GitRefs,
    Listing,
    Place,
    Repository,
    RepositoryKind,
)
from tiphys.services.render.ports import TreeReader
from tiphys.services.sources.ports import Artifacts, ChartRepositories, GitRepositories

_OPENED_KEPT: Final = 10_000


class UpstreamByKind:
    """Implements Upstream. Without charts or artefacts these are refused."""

    def __init__(
        self,
        git: GitRepositories,
        charts: ChartRepositories | None = None,
        artifacts: Artifacts | None = None,
    ) -> None:
        self._git = git
        self._charts = charts
        self._artifacts = artifacts
        self._opened: OrderedDict[tuple[str, type], Repository] = OrderedDict()

    def opened(self) -> tuple[Repository, ...]:
        """The Git repositories of which something is kept: each as it was opened last."""
        return tuple(self._opened.values())

    async def list(self, place: Place, asked: Collection[Asked]) -> Listing:
        repository = place.repository
        match place_kind(place):
            case RepositoryKind.GIT:
                return GitRefs(await self._git.refs(repository))
            case RepositoryKind.HELM:
                versions = await self._of_charts(repository).versions(repository, place.chart)
                return ChartVersions(None if versions is None else tuple(versions))
            case RepositoryKind.OCI:
                return await self._list_artifacts(repository, {one.revision for one in asked})
            case other:
                assert_never(other)

    async def tree(
        self, place: Place, revision: str, *, media_types: Collection[str] = ()
    ) -> TreeReader:
        repository = place.repository
        match place_kind(place):
            case RepositoryKind.GIT:
                self._note(place)
                return await self._git.tree(repository, revision)
            case RepositoryKind.HELM:
                return await self._of_charts(repository).tree(repository, place.chart, revision)
            case RepositoryKind.OCI:
                return await self._of_artifacts(repository).tree(repository, revision, media_types)
            case other:
                assert_never(other)

    def _note(self, place: Place) -> None:
        key = (place_key(place), type(place.repository.credentials))
        self._opened[key] = place.repository
        if len(self._opened) > _OPENED_KEPT:
            self._opened.popitem(last=False)

    async def _list_artifacts(self, repository: Repository, asked: Collection[str]) -> ArtifactTags:
        """Digests of the names; the tags are listed once, and only for a range."""
        artifacts = self._of_artifacts(repository)
        digests: dict[str, str | None] = {}
        tags: tuple[str, ...] | None = None
        for reference in sorted(asked):
            digests[reference] = None
            if is_reference(reference):
                digests[reference] = await artifacts.digest(repository, reference)
            if digests[reference] is None and is_range(reference):
                tags = tuple(await artifacts.tags(repository)) if tags is None else tags
                chosen = tag_in_range(reference, tags)
                if chosen is not None and chosen not in digests:
                    digests[chosen] = await artifacts.digest(repository, chosen)
        return ArtifactTags(digests, tags or ())

    def _of_charts(self, repository: Repository) -> ChartRepositories:
        if self._charts is None:
            raise _refused("charts", repository)
        return self._charts

    def _of_artifacts(self, repository: Repository) -> Artifacts:
        if self._artifacts is None:
            raise _refused("OCI artefacts", repository)
        return self._artifacts


def _refused(what: str, repository: Repository) -> UnsupportedRepositoryError:
    return UnsupportedRepositoryError(
        f"{what} are not to be had here", url=without_user(repository.url)
    )
