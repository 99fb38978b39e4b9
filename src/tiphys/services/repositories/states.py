"""How the connections to repositories fare: tried, and remembered for an hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tiphys.core.app.times import rfc3339
from tiphys.core.repositories.known import Known
from tiphys.core.repositories.secret import AnySecret, BrokenSecret
from tiphys.model.cluster import ConnectionStatus
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Repository
from tiphys.services.repositories.ports import Connections

_KEPT = timedelta(hours=1)
_BROKEN = "Configuration error - please check the server logs"


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """`attempted_at` is None for what was never tried."""

    status: ConnectionStatus = ConnectionStatus.UNKNOWN
    message: str = ""
    attempted_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        at = rfc3339(self.attempted_at) if self.attempted_at is not None else None
        return {"status": str(self.status), "message": self.message, "attemptedAt": at}


class RepositoryStates:
    """Entries are by URL and project, and end when the repository is opened otherwise."""

    def __init__(self, connections: Connections, now: Callable[[], datetime]) -> None:
        self._connections = connections
        self._now = now
        self._states: dict[tuple[str, str], tuple[Repository, RepositoryState]] = {}

    async def state(self, known: Known, secret: AnySecret, *, fresh: bool) -> RepositoryState:
        """What is remembered, or what a test says now."""
        if isinstance(secret, BrokenSecret):
            return RepositoryState(ConnectionStatus.FAILED, _BROKEN, self._now())
        try:
            repository = known.open(secret.record)
        except RepositoryError as error:
            return self._failed(error)
        found = RepositoryState() if fresh else self.remembered(repository)
        if found.attempted_at is None:
            found = await self._tried(repository)
            self._states[repository.url, repository.project] = (repository, found)
        return found

    def remembered(self, repository: Repository) -> RepositoryState:
        """Without asking anyone: Unknown where it was not tried of late."""
        opened, state = self._states.get(
            (repository.url, repository.project), (None, RepositoryState())
        )
        if opened != repository or state.attempted_at is None:
            return RepositoryState()
        return state if self._now() - state.attempted_at < _KEPT else RepositoryState()

    def forget(self, url: str, project: str) -> None:
        """What was remembered of a repository that is gone."""
        self._states.pop((url, project), None)

    async def _tried(self, repository: Repository) -> RepositoryState:
        try:
            await self._connections.test(repository)
        except RepositoryError as error:
            return self._failed(error)
        return RepositoryState(ConnectionStatus.SUCCESSFUL, "", self._now())

    def _failed(self, error: RepositoryError) -> RepositoryState:
        message = f"Unable to connect to repository: {error}"
        return RepositoryState(ConnectionStatus.FAILED, message, self._now())
