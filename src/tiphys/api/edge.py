"""The API server's one port: everything that can come by it, and who answers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

import structlog
from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from tiphys.api import asgi
from tiphys.api.calls import Handlers, Route
from tiphys.api.codes import tell_unexpected
from tiphys.api.entering import Door
from tiphys.api.gateway import Gateway
from tiphys.api.grpc import GrpcServer
from tiphys.api.grpcweb import KINDS, GrpcWeb
from tiphys.api.http2 import Http2, StreamHandler
from tiphys.api.listening import Listener
from tiphys.api.options import ApiOptions
from tiphys.api.pages import Pages
from tiphys.api.reflection import own_methods
from tiphys.api.server import http1_config, http1_protocol
from tiphys.core.wire import contract
from tiphys.services.access.ports import Sessions

log = structlog.get_logger()

_FIRST = frozenset({"/api/badge", "/auth/logout"})
"""Paths that are looked at before the content type."""
_GOODBYE_SECONDS = 3.0


class ApiServer:
    """`handlers` are the contract's methods, `beyond` calls that only REST has, `routes` what is
    no call at all: they come before the gateway. `start` answers when it listens.
    """

    def __init__(
        self,
        handlers: Handlers,
        sessions: Sessions,
        options: ApiOptions,
        *,
        routes: Sequence[BaseRoute] = (),
        beyond: Sequence[Route] = (),
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    ) -> None:
        methods = contract().methods
        door = Door(handlers, sessions, everything=options.disable_auth)
        self.app = Edge(door, options, routes, beyond)
        services = frozenset(name.rpartition("/")[0] for name in handlers)
        native = GrpcServer(door, methods, options, own_methods(services))
        self._speakers = _Speakers(self.app, native, options)
        self._listener = Listener(self._speakers, tls, options.connections)

    @property
    def port(self) -> int:
        return self._listener.port

    def start(self, host: str, port: int) -> None:
        """Raises OSError where the port is taken."""
        self._listener.start(host, port)
        log.info("serving the API", port=self.port)

    async def close(self) -> None:
        await self._listener.close()
        await self._speakers.goodbye()
        self._listener.abort()


class Edge:
    """All that is not native gRPC, as an ASGI application."""

    def __init__(
        self,
        door: Door,
        options: ApiOptions,
        routes: Sequence[BaseRoute],
        beyond: Sequence[Route],
    ) -> None:
        methods = contract().methods
        self._root = f"/{options.root_path.strip('/')}" if options.root_path.strip("/") else ""
        self._routes = tuple(routes)
        self._gateway = Gateway(door, methods, options, tuple(beyond))
        self._web = GrpcWeb(door, methods, options)
        self._pages = Pages(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._root and scope["path"] != "/healthz":
            inner = _below(scope, self._root)
            if inner is None:
                await _nothing(scope, receive, send)
                return
            scope = inner
        path = scope["path"]
        if scope["type"] == "http" and path not in _FIRST and _is_web(scope):
            await self._web(scope, receive, send)
            return
        found = self._route(scope)
        if found is not None:
            route, child = found
            await _guarded(route, {**scope, **child}, receive, send)
        elif scope["type"] != "http":
            await _nothing(scope, receive, send)
        elif path.startswith("/api/"):
            await self._gateway(scope, receive, send)
        else:
            with contextlib.suppress(asgi.ReaderLeftError):
                await self._pages(scope, receive, send)

    def _route(self, scope: Scope) -> tuple[BaseRoute, Scope] | None:
        partial = None
        for route in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return route, dict(child)
            if match is Match.PARTIAL and partial is None:
                partial = route, dict(child)
        return partial


async def _guarded(route: BaseRoute, scope: Scope, receive: Receive, send: Send) -> None:
    """What nobody expected is told without its text, and ends nothing but its request."""
    begun = False

    async def noticing(event: Message) -> None:
        nonlocal begun
        begun = True
        await send(event)

    try:
        await route.handle(scope, receive, noticing)
    except asgi.ReaderLeftError:
        return
    except Exception as error:
        tell_unexpected("request failed", error)
        if not begun and scope["type"] == "http":
            await asgi.text(send, 500, "Internal Server Error")


def _is_web(scope: Scope) -> bool:
    return asgi.header(scope, b"content-type") in KINDS


def _below(scope: Scope, root: str) -> Scope | None:
    """The request as it is inside of the root path; None for what is outside."""
    path: str = scope["path"]
    if not path.startswith(f"{root}/"):
        return None
    raw = (scope.get("raw_path") or path.encode()).removeprefix(root.encode())
    return {**scope, "path": path.removeprefix(root), "raw_path": raw}


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await asgi.text(send, 404, "404 page not found")


async def _redirect(scope: Scope, _: Receive, send: Send) -> None:
    """Where TLS is spoken, nothing is said without it."""
    host = asgi.header(scope, b"host")
    raw = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    target = f"https://{host}{raw}" + (f"?{query}" if query else "")
    await asgi.answer(send, 307, [(b"location", target.encode("latin-1"))])


class _Speakers:
    """Makes who serves a connection, and knows all of them for the end."""

    def __init__(self, app: Edge, native: GrpcServer, options: ApiOptions) -> None:
        self._app = app
        self._native = native
        self._options = options
        self._state = ServerState()
        self._config = http1_config(app)
        self._redirects = http1_config(_redirect)
        self._http2: WeakSet[Http2] = WeakSet()
        self._handlers: WeakSet[StreamHandler] = WeakSet()

    def http1(self) -> asyncio.Protocol:
        return http1_protocol(self._config, self._state)

    def redirecting(self) -> asyncio.Protocol:
        return http1_protocol(self._redirects, self._state)

    def http2(self) -> asyncio.Protocol:
        handler = StreamHandler(self._app, self._native)
        found = Http2(handler, ping_seconds=self._options.ping_seconds)
        self._handlers.add(handler)
        self._http2.add(found)
        return found

    async def goodbye(self) -> None:
        """Streams would never end by themselves; short calls get a moment to."""
        tasks: set[asyncio.Task[Any]] = set(self._state.tasks)
        for handler in self._handlers:
            tasks.update(handler.tasks)
        for one in list(self._state.connections):
            if hasattr(one, "shutdown"):
                one.shutdown()
        if tasks:
            await asyncio.wait(tasks, timeout=_GOODBYE_SECONDS)
        for connection in list(self._http2):
            connection.goodbye()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
