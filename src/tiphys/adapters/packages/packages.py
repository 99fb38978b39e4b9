"""All of this wired: charts of indexes and registries behind one port, artefacts behind another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tiphys.adapters.packages.archive.limits import ArchiveLimits
from tiphys.adapters.packages.archive.pack import PackTree
from tiphys.adapters.packages.archive.shelf import Shelf
from tiphys.adapters.packages.archive.store import TreeStore
from tiphys.adapters.packages.charts.indexes import Indexes, IndexLimits
from tiphys.adapters.packages.charts.repositories import IndexedCharts
from tiphys.adapters.packages.download import Downloads
from tiphys.adapters.packages.files import HttpFiles
from tiphys.adapters.packages.oci.azure import Identities, RegistryLogins
from tiphys.adapters.packages.oci.client import Registry
from tiphys.adapters.packages.oci.sources import Layers, OciArtifacts, RegistryCharts
from tiphys.adapters.packages.oci.tokens import Tokens
from tiphys.adapters.packages.web.client import Web
from tiphys.adapters.packages.web.pace import WebTiming
from tiphys.core.source.url import without_user
from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import Repository


@dataclass(frozen=True, slots=True)
class PackageSettings:
    """`folder` is on disk and outlives the process; sizes are bytes. `chart_extracted` and
    `artifact_extracted` are the contract's helm-manifest-max-extracted-size and
    oci-manifest-max-extracted-size, 0 where they are disabled.
    """

    folder: Path
    agent: str
    environment: Mapping[str, str] = field(default_factory=dict)
    trees_size: int = 2 << 30
    indexes_size: int = 256 << 20
    chart_extracted: int = 1_000_000_000
    artifact_extracted: int = 1_000_000_000
    index: IndexLimits = field(default_factory=IndexLimits)
    timing: WebTiming = field(default_factory=WebTiming)


class Packages:
    """`charts` implements ChartRepositories, `artifacts` Artifacts, `files` WebFiles; close it on
    its event loop.
    """

    def __init__(self, settings: PackageSettings, identities: Identities | None = None) -> None:
        self._web = Web(settings.agent, settings.environment, settings.timing)
        logins = RegistryLogins(self._web, identities)
        tokens = Tokens(self._web, logins)
        registry = Registry(self._web, tokens)
        charts, artifacts = (
            Downloads(
                TreeStore(
                    settings.folder / name,
                    size=settings.trees_size,
                    limits=ArchiveLimits(extracted=extracted),
                )
            )
            for name, extracted in (
                ("charts", settings.chart_extracted),
                ("artifacts", settings.artifact_extracted),
            )
        )
        of_registries = RegistryCharts(registry, tokens, Layers(registry, charts))
        self._indexes = Indexes(
            self._web,
            Shelf(settings.folder / "indexes", settings.indexes_size),
            logins,
            settings.index,
        )
        indexed = IndexedCharts(self._web, self._indexes, charts, of_registries, logins)
        self.charts = Charts(indexed, of_registries)
        self.artifacts = OciArtifacts(registry, Layers(registry, artifacts))
        self.files = HttpFiles(self._web)

    async def aclose(self) -> None:
        await self._indexes.aclose()
        await self._web.aclose()


class Charts:
    """Implements ChartRepositories: by an index, or of a registry where it is said so, or where
    the URL has no scheme or that of registries.
    """

    def __init__(self, indexed: IndexedCharts, of_registries: RegistryCharts) -> None:
        self._indexed = indexed
        self._of_registries = of_registries

    async def probe(self, repository: Repository) -> None:
        """Raises RepositoryError saying which step of asking failed."""
        await self._of(repository).probe(repository)

    async def versions(self, repository: Repository, chart: str) -> Sequence[str] | None:
        return await self._of(repository).versions(repository, chart)

    async def charts(self, repository: Repository) -> Mapping[str, Sequence[str]]:
        """Of an index; registries do not list what they have."""
        found = self._of(repository)
        if isinstance(found, IndexedCharts):
            return await found.charts(repository)
        raise UnsupportedRepositoryError(
            "a registry does not list its charts", url=without_user(repository.url)
        )

    async def tree(self, repository: Repository, chart: str, version: str) -> PackTree:
        return await self._of(repository).tree(repository, chart, version)

    def _of(self, repository: Repository) -> IndexedCharts | RegistryCharts:
        scheme, found, _ = repository.url.partition("://")
        in_registry = repository.oci or not found or scheme.lower() == "oci"
        return self._of_registries if in_registry else self._indexed
