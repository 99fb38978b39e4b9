"""Charts in registries, and OCI artefacts that hold manifests."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from tiphys.adapters.packages.archive.pack import PackTree
from tiphys.adapters.packages.charts.index import greatest
from tiphys.adapters.packages.download import Downloads, Wanted, scope_of
from tiphys.adapters.packages.errors import shown, trying
from tiphys.adapters.packages.oci.client import Registry
from tiphys.adapters.packages.oci.manifest import Layer, Manifest, chart_layer, content_layer
from tiphys.adapters.packages.oci.reference import (
    Place,
    is_digest,
    is_tag,
    place_of,
    tag_of,
    version_of,
)
from tiphys.adapters.packages.oci.tokens import Tokens
from tiphys.core.source.semver import Version
from tiphys.model.errors import (
    RepositoryUnreachableError,
    RevisionNotFoundError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import CommitInfo, Repository

_MANIFESTS: Final = 500
_DIGESTS: Final = 5000
_DIGEST_KEPT: Final = 60.0
_ONLY_FOLDER: Final = ""
_PREFIX: Final = "org.opencontainers.image."


class Layers:
    """Trees of manifests' layers. Manifests are remembered by digest, for each login."""

    def __init__(self, registry: Registry, downloads: Downloads) -> None:
        self._registry = registry
        self._downloads = downloads
        self._manifests: OrderedDict[tuple[Repository, Place, str], Manifest] = OrderedDict()

    async def manifest(self, repository: Repository, place: Place, digest: str) -> Manifest:
        key = (repository, place, digest)
        if key not in self._manifests:
            self._manifests[key] = await self._registry.manifest(repository, place, digest)
            while len(self._manifests) > _MANIFESTS:
                self._manifests.popitem(last=False)
        return self._manifests[key]

    async def tree(
        self,
        repository: Repository,
        place: Place,
        layer: Layer,
        folder: str | None,
        *,
        what: str,
        commit: str = "",
    ) -> PackTree:
        wanted = Wanted(
            place.url(f"blobs/{layer.digest}"),
            layer.digest,
            folder,
            what,
            layer.size,
            commit,
            scope_of(repository),
        )
        return await self._downloads.tree(
            wanted, lambda: self._registry.blob(repository, place, layer.digest)
        )


class RegistryCharts:
    """Implements ChartRepositories for registries; `repository.url` may have a scheme or none.

    A version's digest is asked again only after a minute, for many applications want the same.
    """

    def __init__(
        self,
        registry: Registry,
        tokens: Tokens,
        layers: Layers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._tokens = tokens
        self._layers = layers
        self._clock = clock
        self._digests: OrderedDict[tuple[Repository, Place, str], tuple[str, float]] = OrderedDict()

    async def probe(self, repository: Repository) -> None:
        """Logs in where there is a login. Raises RepositoryError."""
        if "://" in repository.url:
            raise UnsupportedRepositoryError(
                "OCI Helm repository URL should include hostname and port only",
                url=shown(repository.url),
            )
        if await self._tokens.has_login(repository):
            await self._registry.ping(repository, Place(place_of(repository).base, ""))

    async def versions(self, repository: Repository, chart: str) -> Sequence[str] | None:
        place = place_of(repository, chart)
        with trying(f"failed to list the versions of chart '{chart}'"):
            tags = await self._registry.tags(repository, place)
        return None if tags is None else tuple(version_of(tag) for tag in tags)

    async def tree(self, repository: Repository, chart: str, version: str) -> PackTree:
        place = place_of(repository, chart)
        with trying(f"failed to fetch chart '{chart}' {version}"):
            digest = await self._recent_digest(repository, place, version)
            manifest = await self._layers.manifest(repository, place, digest)
            layer = chart_layer(manifest, place.text)
            folder = place.name.rpartition("/")[2]
            return await self._layers.tree(repository, place, layer, folder, what="chart")

    async def _recent_digest(self, repository: Repository, place: Place, version: str) -> str:
        """As it was, where nobody answers."""
        key = (repository, place, version)
        known, at = self._digests.get(key, ("", 0.0))
        if known and self._clock() - at < _DIGEST_KEPT:
            return known
        try:
            found = await self._digest(repository, place, version)
        except RepositoryUnreachableError:
            if not known:
                raise
            return known
        self._digests[key] = (found, self._clock())
        while len(self._digests) > _DIGESTS:
            self._digests.popitem(last=False)
        return found

    async def _digest(self, repository: Repository, place: Place, version: str) -> str:
        if is_digest(version):
            return version
        tag: str | None = tag_of(version)
        found = None
        if tag and is_tag(tag):
            found = await self._registry.digest(repository, place, tag)
        if found is None:
            tag = await self._tag_in_range(repository, place, version)
            found = tag and await self._registry.digest(repository, place, tag)
        if not found:
            raise RevisionNotFoundError(
                f"{place.text} has no tag for version {version}; push it, or correct "
                "targetRevision",
                url=place.text,
            )
        return found

    async def _tag_in_range(self, repository: Repository, place: Place, asked: str) -> str | None:
        """`1.2` is a range for Helm; a whole version is nothing but itself."""
        if Version.parse(asked) is not None and asked.partition("-")[0].count(".") >= 2:
            return None
        tags = await self._registry.tags(repository, place)
        if tags is None:
            raise RevisionNotFoundError(
                f"chart not found: there is no {place.text}; check its name and the URL",
                url=place.text,
            )
        best = greatest({version_of(tag): tag for tag in tags}, asked)
        return None if best is None else tag_of(best)


class OciArtifacts:
    """Implements Artifacts."""

    def __init__(self, registry: Registry, layers: Layers) -> None:
        self._registry = registry
        self._layers = layers

    async def probe(self, repository: Repository) -> None:
        """Asks whether the registry is there and lets us in. Raises RepositoryError."""
        await self._registry.ping(repository, Place(place_of(repository).base, ""))

    async def tags(self, repository: Repository) -> Sequence[str]:
        place = place_of(repository)
        with trying("failed to list tags"):
            found = await self._registry.tags(repository, place)
            if found is None:
                raise RevisionNotFoundError(
                    f"there is no {place.text}; check the URL", url=place.text
                )
        return found

    async def digest(self, repository: Repository, reference: str) -> str | None:
        if not is_digest(reference) and not is_tag(reference):
            return None
        place = place_of(repository)
        with trying(f"cannot get digest for revision {reference}"):
            return await self._registry.digest(repository, place, reference)

    async def tree(
        self, repository: Repository, digest: str, media_types: Collection[str]
    ) -> PackTree:
        place = place_of(repository)
        with trying(f"failed to fetch {place.text}@{digest}"):
            manifest = await self._manifest(repository, place, digest)
            layer = content_layer(manifest, media_types, place.text)
            return await self._layers.tree(
                repository,
                place,
                layer,
                _ONLY_FOLDER if manifest.is_chart else None,
                what="oci image",
                commit=digest,
            )

    async def commit_info(self, repository: Repository, digest: str) -> CommitInfo:
        """What its annotations say. Raises RepositoryError."""
        manifest = await self._manifest(repository, place_of(repository), digest)
        return described(manifest.annotations)

    async def annotations(self, repository: Repository, digest: str) -> Mapping[str, str]:
        """As its manifest has them. Raises RepositoryError."""
        return (await self._manifest(repository, place_of(repository), digest)).annotations

    async def _manifest(self, repository: Repository, place: Place, digest: str) -> Manifest:
        if not is_digest(digest):
            raise RevisionNotFoundError(f"'{digest[:100]}' is no digest", url=place.text)
        return await self._layers.manifest(repository, place, digest)


def described(annotations: Mapping[str, str]) -> CommitInfo:
    """The annotations that the OCI image specification defines, as far as a commit has the like."""
    version = annotations.get(f"{_PREFIX}version", "")
    return CommitInfo(
        author=annotations.get(f"{_PREFIX}authors", ""),
        date=annotations.get(f"{_PREFIX}created", ""),
        message=annotations.get(f"{_PREFIX}description", ""),
        tags=(version,) if version else (),
    )
