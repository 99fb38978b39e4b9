"""What is no call: files of the page, health, the description of the API, downloads."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from html import escape
from mimetypes import guess_type
from pathlib import Path

from starlette.types import Receive, Scope, Send

from tiphys.api import asgi
from tiphys.api.asgi import Header
from tiphys.api.describing import described
from tiphys.api.options import ApiOptions

_MAIN = re.compile(r"main\.[0-9a-f]{20}\.js")
_BASE = re.compile(r"<base href=\"[^\"]*\"\s*/?>")
_FRESH: list[Header] = [
    (b"expires", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"cache-control", b"no-cache, private, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"x-accel-expires", b"0"),
]
_FOREVER = (b"cache-control", b"public, max-age=31536000, immutable")
_DENIED: list[Header] = [
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
]
_HTML = (b"content-type", b"text/html; charset=utf-8")
_LANDING = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><base href="/"><title>Tiphys</title></head>
<body><h1>Tiphys</h1><p>The API is below <code>api/v1</code>.
<a href="swagger-ui">What it can do</a></p></body></html>
"""
_EXTENSION = re.compile(r"extension.*\.js")
_PART = 256 << 10


class Pages:
    """An ASGI application."""

    def __init__(self, options: ApiOptions) -> None:
        self._options = options
        self._base = f"/{options.base_href.strip('/')}/".replace("//", "/")
        self._exact: dict[str, Callable[[Scope, Send], Awaitable[None]]] = {
            "/healthz": self._healthz,
            "/extensions.js": self._extensions,
            "/download/argocd-linux": self._download,
        }
        for arch in ("amd64", "arm64", "ppc64le", "s390x"):
            self._exact[f"/download/argocd-linux-{arch}"] = self._download
        if options.swagger_ui and options.swagger is not None:
            swagger = options.swagger

            async def data(_: Scope, send: Send) -> None:
                kind = (b"content-type", b"application/json")
                await asgi.answer(send, 200, [kind, *_DENIED], swagger())

            async def page(_: Scope, send: Send) -> None:
                body = await asyncio.to_thread(described, swagger())
                await asgi.answer(send, 200, [_HTML, *_DENIED], body)

            self._exact |= {"/swagger.json": data, "/swagger-ui": page}

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        found = self._exact.get(scope["path"])
        if found is not None:
            await found(scope, send)
            return
        await self._asset(scope, send)

    async def _healthz(self, scope: Scope, send: Send) -> None:
        full = b"full=true" in scope["query_string"].split(b"&")
        why = self._options.ill(full)
        kind = (b"content-type", b"text/plain; charset=utf-8")
        await asgi.answer(send, 503 if why else 200, [kind], b"" if why else b"ok\n")

    async def _extensions(self, _: Scope, send: Send) -> None:
        body = await asyncio.to_thread(_scripts, self._options.extensions)
        kind = (b"content-type", b"application/javascript; charset=utf-8")
        await asgi.answer(send, 200, [kind], body)

    async def _download(self, scope: Scope, send: Send) -> None:
        """The program itself: the command line and the servers are one."""
        await _file(
            scope, send, Path(sys.argv[0]), [(b"content-type", b"application/octet-stream")]
        )

    async def _asset(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        found = await asyncio.to_thread(self._find, path)
        headers = self._headers()
        if found is not None and found.name != "index.html":
            if _MAIN.fullmatch(found.name):
                headers.append(_FOREVER)
            kind = guess_type(found.name)[0] or "application/octet-stream"
            await _file(scope, send, found, [*headers, (b"content-type", kind.encode())])
            return
        accepts = {part.strip() for part in asgi.header(scope, b"accept").split(",")}
        wants_page = bool(accepts & {"text/html", "html"}) or path in ("/", "/index.html")
        if wants_page and scope["method"] in ("GET", "HEAD"):
            page = await asyncio.to_thread(self._index)
            await asgi.answer(send, 200, [*headers, *_FRESH, _HTML], page)
            return
        if _MAIN.fullmatch(path.rpartition("/")[2]):
            headers.append((b"cache-control", b"no-cache"))
        kind_ = (b"content-type", b"text/plain; charset=utf-8")
        await asgi.answer(send, 404, [*headers, kind_], b"404 page not found\n")

    def _find(self, path: str) -> Path | None:
        """A file below the folder; nothing leads out of it."""
        folder = self._options.static_assets
        if folder is None or "\0" in path or "\\" in path:
            return None
        try:
            root = folder.resolve()
            found = (root / path.lstrip("/")).resolve()
            return found if _is_inside(found, root) and found.is_file() else None
        except (OSError, ValueError):
            return None

    def _index(self) -> bytes:
        found = self._find("/index.html")
        text = found.read_text() if found is not None else _LANDING
        return _BASE.sub(f'<base href="{escape(self._base)}">', text, count=1).encode()

    def _headers(self) -> list[Header]:
        found = [(b"x-xss-protection", b"1"), (b"x-robots-tag", b"noindex, nofollow")]
        for name, value in (
            (b"x-frame-options", self._options.frame_options),
            (b"content-security-policy", self._options.content_security_policy),
        ):
            if value:
                found.append((name, value.encode("latin-1")))
        return found


def _is_inside(found: Path, root: Path) -> bool:
    """Both as they are when links were followed."""
    return found.is_relative_to(root)


async def _file(scope: Scope, send: Send, path: Path, headers: list[Header]) -> None:
    try:
        state = await asyncio.to_thread(path.stat)
        opened = await asyncio.to_thread(path.open, "rb")
    except OSError:
        await asgi.text(send, 404, "404 page not found")
        return
    changed = formatdate(state.st_mtime, usegmt=True).encode()
    length = (b"content-length", str(state.st_size).encode())
    with opened:
        await asgi.begin(send, 200, [*headers, length, (b"last-modified", changed)])
        if scope["method"] != "HEAD":
            left = state.st_size
            while left and (part := await asyncio.to_thread(opened.read, min(_PART, left))):
                left -= len(part)
                await asgi.more(send, part)
    await asgi.end(send)


def _scripts(folder: Path) -> bytes:
    """Every script of an extension, each kept from harming the others."""
    found = b""
    if not folder.is_dir():
        return found
    for path in sorted(folder.rglob("extension*.js")):
        if path.is_file() and not path.is_symlink() and _EXTENSION.fullmatch(path.name):
            name = str(path.relative_to(folder)).replace("\n", " ").encode()
            head = b"// source: " + name + b"\ntry {\n"
            found += head + path.read_bytes() + b"\n} catch (e) { console.error(e); }\n"
    return found
