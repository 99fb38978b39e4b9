"""Terminals over a real WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import aiohttp

from tests.api.live import LiveApi
from tiphys.api.server import HttpServer

GOOD = "good"
QUERY = {
    "pod": "web-1",
    "container": "web",
    "appName": "a",
    "projectName": "default",
    "namespace": "demo",
    "appNamespace": "argocd",
}


@asynccontextmanager
async def serving(api: LiveApi) -> AsyncIterator[str]:
    """The address; the caller of the token `good` is the world's."""
    api.sessions.callers.setdefault(GOOD, api.caller)
    server = HttpServer(api.terminal())
    await server.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.port}/terminal"
    finally:
        await server.close()


@asynccontextmanager
async def opened(
    api: LiveApi, query: Mapping[str, str] = QUERY, token: str = GOOD
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    headers = {"Cookie": f"argocd.token={token}"} if token else {}
    async with (
        serving(api) as address,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}?{urlencode(query)}", headers=headers) as page,
    ):
        yield page
