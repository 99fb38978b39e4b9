"""Repositories that answer, or do not: behind the port Connections."""

from __future__ import annotations

from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Repository


class FakeConnections:
    """`failing` are errors by URL; `tried` is what was asked for."""

    def __init__(self) -> None:
        self.failing: dict[str, RepositoryError] = {}
        self.tried: list[Repository] = []

    async def test(self, repository: Repository) -> None:
        self.tried.append(repository)
        if repository.url in self.failing:
            raise self.failing[repository.url]
