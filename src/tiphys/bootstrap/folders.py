"""A folder of this machine where rendering expects a repository."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tiphys.adapters.folder import FolderTree
from tiphys.core.app.asking import Asking
from tiphys.core.source.places import place_key, place_kind
from tiphys.model.errors import RenderError
from tiphys.model.repository import Asked, Listing, Place, RepositoryKind
from tiphys.services.applications.values import LocalFiles
from tiphys.services.render.ports import TreeReader
from tiphys.services.sources.ports import Upstream

NO_COMMIT = ""
"""What a folder is at: it has no history."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """The folder that stands for the repository of `key`, and where it is one of the sources."""

    key: str
    root: Path
    include: tuple[str, ...] | None = None

    def stands_for(self, place: Place) -> str | None:
        return NO_COMMIT if place_key(place) == self.key else None

    def tree(self) -> FolderTree:
        return FolderTree(self.root, self.include)


def checkout(files: LocalFiles, asking: Asking, places: tuple[Place, ...]) -> Checkout:
    """Of several sources the first that is in Git. Raises RenderError."""
    at = _chosen(places)
    include = files.include
    root = Path(files.folder if include is not None else files.root)
    if asking.several and include is None:
        root = _above(Path(files.folder), asking.sources[at].path) or root
    return Checkout(place_key(places[at]), root, include)


def with_path(files: LocalFiles, asking: Asking, places: tuple[Place, ...]) -> Asking:
    """The sources with the path that the folder has below its root."""
    at = _chosen(places)
    root = checkout(files, asking, places).root
    sources = list(asking.sources)
    if files.include is None and (sources[at].path or not asking.several):
        folder = Path(files.folder)
        if not folder.is_relative_to(root):
            raise RenderError(f"{folder}: app path outside root {root}")
        path = os.fspath(folder.relative_to(root))
        sources[at] = msgspec.structs.replace(sources[at], path=path)
    return Asking(tuple(sources), asking.revisions, asking.several)


def _chosen(places: tuple[Place, ...]) -> int:
    for at, place in enumerate(places):
        if place_kind(place) is RepositoryKind.GIT:
            return at
    raise RenderError("no source is in a Git repository, for which a folder could stand")


def _above(folder: Path, path: str) -> Path | None:
    """What is the repository's root if the folder is at this path in it; None if it is not."""
    steps = Path(path).parts
    if not steps:
        return folder
    return folder.parents[len(steps) - 1] if folder.parts[-len(steps) :] == steps else None


class WithCheckout:
    """Implements Upstream: a folder stands for one repository, at whatever commit."""

    def __init__(self, upstream: Upstream, found: Checkout) -> None:
        self._upstream = upstream
        self._checkout = found

    async def list(self, place: Place, asked: Collection[Asked]) -> Listing:
        return await self._upstream.list(place, asked)

    async def tree(
        self, place: Place, revision: str, *, media_types: Collection[str] = ()
    ) -> TreeReader:
        if self._checkout.stands_for(place) is not None:
            return self._checkout.tree()
        return await self._upstream.tree(place, revision, media_types=media_types)
