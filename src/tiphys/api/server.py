"""Serves an application over HTTP/1.1, with bounds on what uvicorn leaves open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

log = structlog.get_logger()

_HEAD_BYTES = 64 << 10
"""Of a request's line and headers."""
_HEAD_SECONDS = 20.0
_CONNECTIONS = 4_096
_IDLE_SECONDS = 65
_GOODBYE_SECONDS = 3
_MESSAGE_BYTES = 1 << 20
"""Of a WebSocket's message: what somebody types."""
_MESSAGE_BYTES = 1 << 20
"""Of what comes over a WebSocket at once."""
_PING_SECONDS = 5.0


class _Bounded(HttpToolsProtocol):
    """A connection whose head grows without end, or never comes, is closed."""

    _head = 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._late is None:
            return
        self._head += len(data)
        if self._head > _HEAD_BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._settle()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        # Between two requests the time to stay open is uvicorn's.
        self._settle()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._settle()
        self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _settle(self) -> None:
        self._head = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None


def http1_config(app: ASGIApp) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=_Bounded,
        ws="websockets-sansio",
        ws_max_size=_MESSAGE_BYTES,
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    config.load()
    # Anybody can send what is no request: that is nothing to write a line about.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return config


def http1_protocol(config: uvicorn.Config, state: ServerState) -> asyncio.Protocol:
    """Serves one connection."""
    return _Bounded(config, state, {})


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's."""
        yield


class HttpServer:
    """`start` answers when it listens; port 0 takes a free one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._server: _Server | None = None
        self._serving: asyncio.Task[Any] | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Raises OSError where the port is taken."""
        listening = socket.create_server((host, port), backlog=1024)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            http=_Bounded,
            ws="websockets-sansio",
            ws_max_size=_MESSAGE_BYTES,
            ws_ping_interval=_PING_SECONDS,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        log.info("serving HTTP", port=self.port)

    async def close(self) -> None:
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)
