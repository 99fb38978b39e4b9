"""The port of the render process. Who calls has to show a certificate of our authority.

A call is one POST: arguments and answer are JSON as services/render/calls.py says. A caller that
goes away ends its call.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import structlog
from aiohttp import web

from tiphys.model.errors import RenderError, RepositoryError
from tiphys.services.render import calls
from tiphys.services.render.calls import Call
from tiphys.services.render.job import RenderJob
from tiphys.services.render.rendering import Rendering
from tiphys.services.render.shared import KnownSurroundings, UnknownSurroundingsError
from tiphys.services.render.wire import VERSION, WireError, pack, unpack
from tiphys.services.sources.ports import Lister

log = structlog.get_logger()

_LARGEST = 64 << 20
"""Bytes of a call: jobs hold credentials and values, never manifests."""


class RenderServer:
    """Start it; `close` waits for nobody."""

    def __init__(self, rendering: Rendering, lister: Lister) -> None:
        self._serves: Mapping[Call, Callable[..., Awaitable[Any]]] = {
            calls.LIST: lister.list,
            calls.RENDER: rendering.render,
            calls.KNOWN: rendering.known,
            calls.UNCHANGED: rendering.unchanged,
            calls.WHOLE: rendering.whole,
            calls.TOUCHED: rendering.touched,
        }
        self._known = KnownSurroundings()
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Port 0 takes a free one. Raises OSError where the port is taken."""
        app = web.Application(client_max_size=_LARGEST)
        for call, serve in self._serves.items():
            app.router.add_post(call.path, _handler(call, serve, self._known))
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host or None, port, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        log.info("serving renders", port=self.port, tls=context is not None)

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


def _handler(
    call: Call, serve: Callable[..., Awaitable[Any]], known: KnownSurroundings
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        if request.headers.get(calls.VERSION_HEADER) != str(VERSION):
            text = f"the render process speaks version {VERSION} of the calls"
            return web.Response(status=426, text=text)
        try:
            arguments = _arguments(call, orjson.loads(await request.read()), known)
        except UnknownSurroundingsError:
            return web.Response(status=calls.UNKNOWN)
        except (WireError, orjson.JSONDecodeError) as error:
            return web.Response(status=400, text=f"the call cannot be read: {error}")
        try:
            found = await serve(**arguments)
        except (RepositoryError, RenderError) as error:
            return _json(calls.packed_error(error), status=calls.REFUSED)
        return _json(pack(found))

    return answer


def _arguments(call: Call, data: Any, known: KnownSurroundings) -> dict[str, Any]:
    """Raises WireError and UnknownSurroundingsError."""
    if not isinstance(data, dict) or data.keys() != call.arguments.keys():
        raise WireError("other arguments were expected")
    return {
        name: known.job(data[name]) if kind is RenderJob else unpack(kind, data[name])
        for name, kind in call.arguments.items()
    }


def _json(data: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")
