"""What callers are told of repositories' contents: refs, charts, applications, commits.

Each answer is asked for anew and nothing is followed. Raises RepositoryError and RenderError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from tiphys.core.settings.tools import OCI_MEDIA_TYPES, ToolSettings
from tiphys.core.source.contents import (
    application_kind,
    flattened,
    maintainers,
    values_files,
)
from tiphys.core.source.paths import application_path, link_target
from tiphys.core.source.places import place_kind
from tiphys.core.source.tool import choose
from tiphys.core.source.url import without_user
from tiphys.model.errors import RenderError, RevisionNotFoundError
from tiphys.model.render import EntryKind, ToolKind
from tiphys.model.repository import Asked, CommitInfo, Place, Repository, RepositoryKind
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import encode
from tiphys.services.render.ports import Decoder, TreeReader
from tiphys.services.sources.ports import (
    Artifacts,
    ChartRepositories,
    GitHistory,
    GitRepositories,
    Upstream,
)

_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_MOST_FOLDERS = 20_000
_ANNOTATION = "org.opencontainers.image."


class Git(GitRepositories, GitHistory, Protocol):
    pass


class ListedCharts(ChartRepositories, Protocol):
    async def charts(self, repository: Repository) -> Mapping[str, Sequence[str]]:
        """All charts of an index with their versions."""
        ...


class DescribedArtifacts(Artifacts, Protocol):
    async def annotations(self, repository: Repository, digest: str) -> Mapping[str, str]: ...


class Resolver(Protocol):
    async def resolve(self, place: Place, asked: Asked, *, fresh: bool = False) -> str: ...


class RepositoryContents:
    def __init__(
        self,
        git: Git,
        charts: ListedCharts,
        artifacts: DescribedArtifacts,
        upstream: Upstream,
        resolver: Resolver,
        decoder: Decoder,
    ) -> None:
        self._git = git
        self._charts = charts
        self._artifacts = artifacts
        self._upstream = upstream
        self._resolver = resolver
        self._decoder = decoder

    async def refs(self, repository: Repository) -> tuple[Sequence[str], Sequence[str]]:
        """Names of branches and of tags."""
        found = await self._git.refs(repository)
        branches, tags = (
            sorted(ref.removeprefix(prefix) for ref in found if ref.startswith(prefix))
            for prefix in (_HEADS, _TAGS)
        )
        return branches, tags

    async def tags(self, repository: Repository) -> Sequence[str]:
        """Of an artefact."""
        return await self._artifacts.tags(repository)

    async def charts(self, repository: Repository) -> Mapping[str, Sequence[str]]:
        return await self._charts.charts(repository)

    async def commit(self, repository: Repository, revision: str) -> CommitInfo:
        return await self._git.commit_info(repository, revision)

    async def chart(self, repository: Repository, chart: str, version: str) -> Mapping[str, Any]:
        """ChartDetails of a version."""
        exact = await self._resolver.resolve(Place(repository, chart), Asked(version))
        tree = await self._charts.tree(repository, chart, exact)
        about = await self._document(tree, "Chart.yaml")
        found = {
            "description": str(about.get("description") or ""),
            "home": str(about.get("home") or ""),
            "maintainers": maintainers(about),
        }
        return {key: value for key, value in found.items() if value}

    async def artifact(self, repository: Repository, revision: str) -> Mapping[str, str]:
        """OCIMetadata of a tag or digest."""
        digest = await self._artifacts.digest(repository, revision)
        if digest is None:
            raise RevisionNotFoundError(
                f"'{revision[:100]}' is not there", url=without_user(repository.url)
            )
        said = await self._artifacts.annotations(repository, digest)
        names = {
            "createdAt": "created",
            "authors": "authors",
            "imageUrl": "url",
            "docsUrl": "documentation",
            "sourceUrl": "source",
            "version": "version",
            "description": "description",
        }
        found = {field: said.get(f"{_ANNOTATION}{name}", "") for field, name in names.items()}
        return {field: text for field, text in found.items() if text}

    # -- applications ---------------------------------------------------------------------------

    async def applications(
        self, repository: Repository, revision: str, tools: ToolSettings
    ) -> Mapping[str, str]:
        """Path -> tool of every folder that its files make an application."""
        commit = await self._resolver.resolve(Place(repository), Asked(revision), fresh=True)
        tree = await self._git.tree(repository, commit)
        return await asyncio.to_thread(_applications, tree, tools)

    async def details(
        self, repository: Repository, source: ApplicationSource, tools: ToolSettings
    ) -> tuple[ToolKind, Mapping[str, Any]]:
        """Which tool a source is for; of a chart with its HelmAppSpec."""
        tree = await self._tree(repository, source, tools)
        root = "" if source.chart else application_path(source.path)
        folder = (await asyncio.to_thread(tree.read, [root]))[root]
        if folder is None or folder.kind is not EntryKind.FOLDER:
            raise RenderError(f"{source.path}: app path does not exist")
        tool = ToolKind.HELM if source.chart else choose(source, folder.children, tools)
        if tool is not ToolKind.HELM:
            return tool, {}
        return tool, await self._chart(tree, root, folder.children, source)

    async def _tree(
        self, repository: Repository, source: ApplicationSource, tools: ToolSettings
    ) -> TreeReader:
        place = Place(repository, source.chart)
        asked = Asked(source.target_revision, source.tag_prefix)
        revision = await self._resolver.resolve(place, asked, fresh=True)
        media: Collection[str] = ()
        if place_kind(place) is RepositoryKind.OCI:
            media = tools.oci_media_types or OCI_MEDIA_TYPES
        return await self._upstream.tree(place, revision, media_types=media)

    async def _chart(
        self,
        tree: TreeReader,
        root: str,
        children: Mapping[str, EntryKind],
        source: ApplicationSource,
    ) -> Mapping[str, Any]:
        def at(name: str) -> str:
            return f"{root}/{name}" if root else name

        helm = source.helm
        values = [await self._document(tree, at("values.yaml"))]
        for file in () if helm is None else helm.value_files:
            # Files of other trees are for the render, which knows whether they are permitted.
            path = link_target(at("values.yaml"), file)
            if path is not None:
                values.append(await self._document(tree, path))
        found = {
            "valueFiles": values_files(children),
            "parameters": flattened(*values),
            "values": await _text(tree, at("values.yaml")),
            "fileParameters": [] if helm is None else [encode(one) for one in helm.file_parameters],
        }
        return {key: value for key, value in found.items() if value}

    async def _document(self, tree: TreeReader, path: str) -> Mapping[str, Any]:
        """The first document of a YAML file; empty where there is none."""
        text = await _text(tree, path)
        documents = await self._decoder.decode_yaml(text.encode()) if text else ()
        first = documents[0] if documents else {}
        return first if isinstance(first, Mapping) else {}


async def _text(tree: TreeReader, path: str) -> str:
    entry = (await asyncio.to_thread(tree.read, [path]))[path]
    if entry is None or entry.kind is not EntryKind.FILE:
        return ""
    return entry.data.decode("utf-8", "replace")


def _applications(tree: TreeReader, tools: ToolSettings) -> dict[str, str]:
    """Folder by folder, a level at once; no file is read."""
    found: dict[str, str] = {}
    level, seen = [""], 0
    while level and seen < _MOST_FOLDERS:
        seen += len(level)
        following: list[str] = []
        for path, entry in tree.read(level).items():
            if entry is None or entry.kind is not EntryKind.FOLDER:
                continue
            kind = application_kind(entry.children, tools)
            if kind is not None:
                found[path or "."] = kind.value
            following += [
                f"{path}/{name}" if path else name
                for name, child in entry.children.items()
                if child is EntryKind.FOLDER
            ]
        level = following
    return found
