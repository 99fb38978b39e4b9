"""Tries a repository as it would be read. The error says which step failed."""

from __future__ import annotations

from typing import assert_never

from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.repository import Repository, RepositoryKind
from tiphys.services.repositories.ports import Listed, Probed

_LISTING = "unable to ls-remote HEAD on repository: "


class RepositoryTester:
    """Implements Connections."""

    def __init__(self, git: Listed, charts: Probed, artifacts: Probed) -> None:
        self._git = git
        self._charts = charts
        self._artifacts = artifacts

    async def test(self, repository: Repository) -> None:
        """Raises RepositoryError in the contract's words, with the step that failed."""
        match repository.kind:
            case RepositoryKind.GIT:
                await self._test_git(repository)
            case RepositoryKind.HELM:
                await self._charts.probe(repository)
            case RepositoryKind.OCI:
                await self._artifacts.probe(repository)
            case _:
                assert_never(repository.kind)

    async def _test_git(self, repository: Repository) -> None:
        try:
            refs = await self._git.refs(repository)
        except RepositoryError as error:
            raise type(error)(f"{_LISTING}{error}", url=error.url) from None
        if "HEAD" not in refs:
            raise RevisionNotFoundError(
                f"{_LISTING}unable to resolve 'HEAD' to a commit SHA: revision not found"
            )
