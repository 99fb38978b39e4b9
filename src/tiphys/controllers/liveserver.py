"""The controller's port for the API server: what is live, to who shows a certificate of ours."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import orjson
import structlog
from aiohttp import web

from tiphys.model.errors import ApiError

log = structlog.get_logger()

_KEEP_ALIVE = 10.0
CALLER = "argocd-server"
"""The name in the certificate of whoever may ask."""


class Versioned(Protocol):
    """LiveView, with a version of what is large."""

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None: ...

    def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]: ...

    async def managed(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]] | None: ...

    def managed_version(self, namespace: str, name: str) -> str: ...

    async def cluster_info(self, server: str) -> Mapping[str, Any] | None: ...


class LiveServer:
    """Start it; `close` ends streams."""

    def __init__(self, view: Versioned) -> None:
        self._view = view
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Port 0 takes a free one. Raises OSError where the port is taken."""
        app = web.Application(middlewares=[_known_callers(strict=context is not None)])
        app.router.add_get("/live/v1/tree", self._tree)
        app.router.add_get("/live/v1/trees", self._trees)
        app.router.add_get("/live/v1/managed", self._managed)
        app.router.add_get("/live/v1/cluster", self._cluster)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host or None, port, ssl_context=context).start()
        self.port = self._runner.addresses[0][1]
        log.info("serving what is live", port=self.port)

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tree(self, request: web.Request) -> web.Response:
        return _answer(await self._view.tree(*_place(request)))

    async def _managed(self, request: web.Request) -> web.Response:
        place = _place(request)
        version = self._view.managed_version(*place)
        if version and request.headers.get("If-None-Match") == version:
            return web.Response(status=304)
        try:
            found = await self._view.managed(*place)
        except ApiError as error:
            log.warning("what is live cannot be told", error=str(error))
            return web.Response(status=503)
        return _answer(found, version)

    async def _cluster(self, request: web.Request) -> web.Response:
        return _answer(await self._view.cluster_info(request.query.get("server", "")))

    async def _trees(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        place = _place(request)
        # Begun before the first tree, so that nothing between the two is missed.
        pushed = self._view.trees(*place)
        first = asyncio.ensure_future(anext(pushed, None))
        await asyncio.sleep(0)
        async with aclosing(_Kept(pushed, first)) as trees:
            if request.query.get("now"):
                tree = await self._view.tree(*place)
                if tree is not None:
                    await response.write(orjson.dumps(tree) + b"\n")
            while True:
                try:
                    tree = await trees.next(_KEEP_ALIVE)
                except TimeoutError:
                    await response.write(b"\n")
                    continue
                if tree is None:
                    break
                await response.write(orjson.dumps(tree) + b"\n")
        await response.write(b"end\n")
        return response


class _Kept:
    """Trees that are waited for in parts: what comes late is not lost."""

    def __init__(
        self,
        trees: AsyncIterator[Mapping[str, Any]],
        coming: asyncio.Future[Mapping[str, Any] | None],
    ) -> None:
        self._trees = trees
        self._coming = coming

    async def next(self, seconds: float) -> Mapping[str, Any] | None:
        """None at the end. Raises TimeoutError."""
        found = await asyncio.wait_for(asyncio.shield(self._coming), seconds)
        if found is not None:
            self._coming = asyncio.ensure_future(anext(self._trees, None))
        return found

    async def aclose(self) -> None:
        self._coming.cancel()
        await asyncio.gather(self._coming, return_exceptions=True)
        if hasattr(self._trees, "aclose"):
            await self._trees.aclose()


def _known_callers(*, strict: bool) -> Any:
    @web.middleware
    async def check(request: web.Request, handler: Any) -> web.StreamResponse:
        if strict and CALLER not in _names(request):
            return web.Response(status=403)
        found: web.StreamResponse = await handler(request)
        return found

    return check


def _names(request: web.Request) -> set[str]:
    """Those in the certificate that was shown, which the handshake has proven."""
    shown = request.get_extra_info("peercert") or {}
    return {name for kind, name in shown.get("subjectAltName", ()) if kind == "DNS"}


def _place(request: web.Request) -> tuple[str, str]:
    return request.query.get("namespace", ""), request.query.get("name", "")


def _answer(found: Any, version: str = "") -> web.Response:
    if found is None:
        return web.Response(status=404)
    headers = {"ETag": version} if version else {}
    return web.Response(body=orjson.dumps(found), content_type="application/json", headers=headers)
