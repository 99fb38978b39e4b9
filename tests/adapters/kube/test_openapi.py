"""Types of kinds that appear or change: the server publishes them after it serves the kind."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.core.diff.documents import WIDGET, document
from tiphys.adapters.kube.openapi import OpenApi
from tiphys.adapters.kube.transport import Call, Transport

PATH = "apis/example.com/v1"


class Server:
    """Answers the index of documents and the documents; counts what was asked."""

    def __init__(self) -> None:
        self.hashes: dict[str, str] = {}
        self.asked: list[str] = []
        self.now = 100.0

    async def json(self, call: Call) -> Any:
        self.asked.append(call.path)
        if call.path == "/openapi/v3":
            return {"paths": {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={value}"}
                for path, value in self.hashes.items()
            }}  # fmt: skip
        assert call.query == {"hash": self.hashes[PATH]}
        return document()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def openapi(server: Server) -> OpenApi:
    return OpenApi(cast(Transport, server), clock=lambda: server.now)


async def test_a_document_is_fetched_once(server: Server, openapi: OpenApi) -> None:
    server.hashes[PATH] = "1"
    first = await openapi.schema(WIDGET)
    server.now += 1000
    assert await openapi.schema(WIDGET) is first
    openapi.expire()
    assert await openapi.schema(WIDGET) is first
    assert server.asked == ["/openapi/v3", f"/openapi/v3/{PATH}", "/openapi/v3"]


async def test_a_type_that_comes_late_is_found(server: Server, openapi: OpenApi) -> None:
    openapi.expire()
    assert await openapi.schema(WIDGET) is None
    server.hashes[PATH] = "1"
    server.now += 0.1
    assert await openapi.schema(WIDGET) is None
    server.now += 30
    assert await openapi.schema(WIDGET) is not None


async def test_a_type_that_changes_late_is_found(server: Server, openapi: OpenApi) -> None:
    server.hashes[PATH] = "1"
    first = await openapi.schema(WIDGET)
    openapi.expire()
    assert await openapi.schema(WIDGET) is first
    server.hashes[PATH] = "2"
    server.now += 0.5
    assert await openapi.schema(WIDGET) is not first


async def test_a_kind_without_a_type_is_not_asked_for_for_ever(
    server: Server, openapi: OpenApi
) -> None:
    openapi.expire()
    assert await openapi.schema(WIDGET) is None
    server.now += 61
    for _ in range(3):
        server.now += 1
        assert await openapi.schema(WIDGET) is None
    assert server.asked == ["/openapi/v3"]
