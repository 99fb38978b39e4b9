"""A folder of this machine where rendering expects repositories."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from tiphys.adapters.folder import FolderTree
from tiphys.model.errors import RenderError
from tiphys.model.repository import Repository
from tiphys.services.applications.values import LocalFiles


class FolderRepositories:
    """Implements GitRepositories of services.sources: every commit is the folder as it is now."""

    def __init__(self, files: LocalFiles) -> None:
        self._files = files

    def path(self, written: str) -> str:
        """Where the application is below the root; `written` is its path in the repository."""
        if self._files.include is not None:
            return written
        folder, root = Path(self._files.folder), Path(self._files.root)
        if not folder.is_relative_to(root):
            raise RenderError(f"{folder}: app path outside root {root}")
        return os.fspath(folder.relative_to(root))

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        del repository
        return {}

    async def tree(self, repository: Repository, commit: str) -> FolderTree:
        del repository, commit
        if self._files.include is not None:
            return FolderTree(Path(self._files.folder), self._files.include)
        return FolderTree(Path(self._files.root))

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        """There is nothing to keep in order."""

    async def aclose(self) -> None:
        """There is nothing to close."""
