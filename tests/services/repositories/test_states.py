"""How connections fare: tried once an hour, tried anew when they are opened otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.core.repositories.secrets import known, secret
from tests.fakes.connections import FakeConnections
from tiphys.core.repositories.known import Known
from tiphys.model.cluster import ConnectionStatus
from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
)
from tiphys.model.repository import Repository, RepositoryKind
from tiphys.services.repositories.states import RepositoryState, RepositoryStates
from tiphys.services.repositories.testing import RepositoryTester

URL = "https://git.example.com/org/apps.git"
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Watched:
    def __init__(self) -> None:
        self.connections = FakeConnections()
        self.now = NOW
        self.states = RepositoryStates(self.connections, lambda: self.now)

    async def state(self, book: Known, *, fresh: bool = False) -> RepositoryState:
        return await self.states.state(book, book.secrets["repo-1"], fresh=fresh)


async def test_a_test_is_remembered_for_an_hour() -> None:
    here = Watched()
    book = known(secret(url=URL))
    assert here.states.remembered(book.find(URL, "")) == RepositoryState()
    first = await here.state(book)
    assert first == RepositoryState(ConnectionStatus.SUCCESSFUL, "", NOW)
    here.now += timedelta(minutes=59)
    assert await here.state(book) == first
    assert here.states.remembered(book.find(URL, "")) == first
    assert len(here.connections.tried) == 1
    here.now += timedelta(minutes=2)
    assert here.states.remembered(book.find(URL, "")) == RepositoryState()
    assert (await here.state(book)).attempted_at == here.now
    await here.state(book, fresh=True)
    assert len(here.connections.tried) == 3


async def test_what_is_opened_otherwise_is_tried_anew() -> None:
    here = Watched()
    await here.state(known(secret(url=URL, password="a")))
    here.connections.failing[URL] = RepositoryError("login: no")
    state = await here.state(known(secret(url=URL, password="b")))
    assert state == RepositoryState(
        ConnectionStatus.FAILED, "Unable to connect to repository: login: no", NOW
    )
    assert state.to_json() == {
        "status": "Failed",
        "message": "Unable to connect to repository: login: no",
        "attemptedAt": "2026-11-23T10:00:00Z",
    }
    assert RepositoryState().to_json() == {"status": "Unknown", "message": "", "attemptedAt": None}


async def test_what_cannot_be_read_is_not_tried() -> None:
    here = Watched()
    state = await here.state(known(secret(url=URL, insecure="x")))
    assert state.message == "Configuration error - please check the server logs"
    state = await here.state(known(secret(url=URL, type="svn")))
    assert state.status is ConnectionStatus.FAILED
    assert "none of git, helm and oci" in state.message
    assert here.connections.tried == []


class Asked:
    """All three ports; `error` is what each raises."""

    def __init__(self, refs: dict[str, str] | None = None, error: Any = None) -> None:
        self._refs = refs or {}
        self._error = error
        self.probed: list[str] = []

    async def refs(self, repository: Repository) -> dict[str, str]:
        await self.probe(repository)
        return self._refs

    async def probe(self, repository: Repository) -> None:
        self.probed.append(repository.url)
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("kind", list(RepositoryKind))
async def test_each_kind_is_asked_in_its_way(kind: RepositoryKind) -> None:
    ports = {one: Asked({"HEAD": "a"}) for one in RepositoryKind}
    tester = RepositoryTester(
        ports[RepositoryKind.GIT], ports[RepositoryKind.HELM], ports[RepositoryKind.OCI]
    )
    await tester.test(Repository(URL, kind))
    assert [one for one, port in ports.items() if port.probed] == [kind]


async def test_what_a_failed_listing_says() -> None:
    error = RepositoryUnreachableError("failed to list refs: no such host", url=URL)
    tester = RepositoryTester(Asked(error=error), Asked(), Asked())
    with pytest.raises(RepositoryUnreachableError) as raised:
        await tester.test(Repository(URL))
    assert str(raised.value) == (
        "unable to ls-remote HEAD on repository: failed to list refs: no such host"
    )
    assert raised.value.url == URL


async def test_an_empty_repository_has_no_head() -> None:
    with pytest.raises(RevisionNotFoundError, match="unable to resolve 'HEAD' to a commit SHA"):
        await RepositoryTester(Asked(), Asked(), Asked()).test(Repository(URL))
