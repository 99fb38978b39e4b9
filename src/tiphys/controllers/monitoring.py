"""The port that Prometheus scrapes and the kubelet asks: `/metrics` and `/healthz`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

log = structlog.get_logger()


class MonitoringServer:
    """`page` answers the metrics with their content type; `ill` why the process should be
    started anew, empty where it should not. Both are called on the event loop.
    """

    def __init__(
        self, page: Callable[[], Awaitable[tuple[bytes, str]]], ill: Callable[[], str]
    ) -> None:
        self._page = page
        self._ill = ill
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Port 0 takes a free one. Raises OSError where the port is taken."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._health)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host or None, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        log.info("serving metrics", port=self.port)

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        body, content_type = await self._page()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _health(self, _request: web.Request) -> web.Response:
        why = self._ill()
        return web.Response(text=why or "ok\n", status=503 if why else 200)
