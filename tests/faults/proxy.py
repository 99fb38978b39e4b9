"""A proxy in front of the API server that calls back at the k-th write, before or after it.

Plain HTTP on loopback towards the client, the API server's TLS behind it; credentials pass
through as they are. Reads and watches stream through untouched.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import aiohttp
from aiohttp import web

WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length"}
)


class Moment(StrEnum):
    """Whether the API server has seen the write when the callback comes."""

    BEFORE = "before"
    AFTER = "after"


@dataclass
class Trap:
    """Springs once, at write number `at` (from 1); the client never gets that write's reply."""

    at: int
    moment: Moment
    spring: Callable[[], None]
    sprung: bool = False


@dataclass
class FaultProxy:
    """`url` is where clients go. `writes` lists what was seen: method and path, in order."""

    upstream: str
    ca_file: Path
    writes: list[str] = field(default_factory=list)
    trap: Trap | None = None
    url: str = ""

    async def start(self) -> None:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        trapped = self._count(request)
        if trapped is not None and trapped.moment is Moment.BEFORE:
            trapped.spring()
            return await _hang_up(request)
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        async with self._session.request(
            request.method, self.upstream + request.raw_path, data=body or None, headers=headers
        ) as reply:
            if trapped is not None:
                await reply.read()
                trapped.spring()
                return await _hang_up(request)
            return await _forward(request, reply)

    def _count(self, request: web.Request) -> Trap | None:
        if request.method not in WRITES:
            return None
        self.writes.append(f"{request.method} {request.path}")
        trap = self.trap
        if trap is None or trap.sprung or len(self.writes) != trap.at:
            return None
        trap.sprung = True
        return trap


async def _forward(request: web.Request, reply: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status)
    for name, value in reply.headers.items():
        if name.lower() not in HOP_BY_HOP:
            response.headers.add(name, value)
    try:
        await response.prepare(request)
        async for chunk in reply.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except (ConnectionResetError, aiohttp.ClientError, asyncio.CancelledError):
        # The client, or the server behind, went away in the middle of a stream.
        if request.transport is not None:
            request.transport.abort()
    return response


async def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
