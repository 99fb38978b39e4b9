"""What the handling of webhooks needs of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tiphys.core.webhook.events import PushedFiles, PushEvent
from tiphys.model.application import Application
from tiphys.model.repository import Repository


class Applications(Protocol):
    """The Applications as they are known."""

    def get(self, name: str) -> Application | None: ...


class PushedPlaces(Protocol):
    """Repositories that applications follow."""

    async def ask(self, urls: Collection[str]) -> None:
        """Looks now where their refs lead; those whom the news concern are compared."""
        ...

    async def touched(
        self, apps: Mapping[str, Application], sources: Mapping[str, Sequence[int]]
    ) -> set[str]:
        """Of the named applications those whose sources, by position, differ from what was
        compared, as far as their own folders tell; all of whom that is not known.
        """
        ...


class BitbucketApi(Protocol):
    """What the API of Bitbucket's cloud knows of a push. Raises RepositoryError."""

    async def pushed(
        self, repository: Repository, full_name: str, event: PushEvent
    ) -> PushedFiles: ...
