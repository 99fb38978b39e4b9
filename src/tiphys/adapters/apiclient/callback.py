"""The page on loopback that a browser comes back to from an identity provider."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from tiphys.adapters.apiclient.errors import ConnectError

_PAGE = "<!doctype html><meta charset=utf-8><title>Login</title><p>{}</p>"
_DONE = "You are logged in. You can close this page and go back to the command line."
# What comes behind a # never reaches a server by itself.
_AGAIN = "<script>location.replace(location.pathname + '?' + location.hash.slice(1))</script>"
_ANSWERS = frozenset({"code", "error", "id_token"})


@asynccontextmanager
async def callback(port: int, path: str) -> AsyncIterator[asyncio.Future[Mapping[str, str]]]:
    """What the browser brings. Raises ConnectError for a port that is taken."""
    brought: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

    async def page(request: web.Request) -> web.Response:
        query = dict(request.query)
        if not _ANSWERS & query.keys():
            return _html(_PAGE.format("") + _AGAIN)
        if not brought.done():
            brought.set_result(query)
        if "error" in query:
            told = f"{query['error']}: {query.get('error_description', '')}"
            return _html(_PAGE.format(html.escape(told)), status=400)
        return _html(_PAGE.format(_DONE))

    app = web.Application()
    app.router.add_get(path, page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        # By name and by number: browsers take either for localhost.
        await web.TCPSite(runner, "localhost", port).start()
        yield brought
    except OSError as error:
        raise ConnectError(f"localhost:{port}", error.strerror or str(error)) from None
    finally:
        await runner.cleanup()


def _html(text: str, *, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)
