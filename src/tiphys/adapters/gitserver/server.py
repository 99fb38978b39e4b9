"""Serves a folder of repositories over HTTP by Git's own `http-backend`, run as CGI.

For trying and testing: loopback only, read-only, every request counted, and told as one JSON
line when asked to. Paths are left to the backend, which serves nothing outside the folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from aiohttp import web

_BODY_LIMIT: Final = 16 * 1024 * 1024
_CHUNK: Final = 1 << 16
_SERVICES: Final = frozenset({"git-upload-pack"})


class GitServer:
    """`root` holds bare or plain repositories; each is served under its path below it."""

    def __init__(self, root: Path, *, port: int = 0, log: IO[str] | None = None) -> None:
        self._root = root.resolve()
        self._port = port
        self._log = log
        self._runner: web.AppRunner | None = None
        self.protocol = 2
        """0 answers as servers without protocol 2 do, which hand out advertised refs only."""
        self.requests: Counter[str] = Counter()
        """Requests by kind: `refs` (one per ls-remote or fetch), `upload-pack`, `other`."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        kind = _kind(request)
        self.requests[kind] += 1
        if self._log is not None:
            line = {"method": request.method, "path": request.path, "kind": kind}
            self._log.write(json.dumps(line) + "\n")
            self._log.flush()
        if kind == "other":
            raise web.HTTPForbidden(text="only fetching is served\n")
        # aiohttp has inflated a body that came compressed.
        return await self._backend(request, await request.read())

    async def _backend(self, request: web.Request, body: bytes) -> web.StreamResponse:
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={
                **_environment(self._root, request, len(body)),
                "GIT_PROTOCOL": _protocol(request) if self.protocol == 2 else "",
            },
        )
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        feeding = asyncio.create_task(_feed(process.stdin, body))
        try:
            response = await _headers(process.stdout)
            await response.prepare(request)
            while chunk := await process.stdout.read(_CHUNK):
                await response.write(chunk)
            await response.write_eof()
            return response
        finally:
            feeding.cancel()
            if process.returncode is None and not process.stdout.at_eof():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            await process.wait()


def _kind(request: web.Request) -> str:
    if request.method == "GET" and request.path.endswith("/info/refs"):
        return "refs" if request.query.get("service") in _SERVICES else "other"
    if request.method == "POST" and request.path.endswith("/git-upload-pack"):
        return "upload-pack"
    return "other"


def _environment(root: Path, request: web.Request, length: int) -> dict[str, str]:
    """Upload-pack answers any commit over protocol 2, which asks for one by its id."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "http.receivepack",
        "GIT_CONFIG_VALUE_0": "false",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(length),
        "REMOTE_ADDR": "127.0.0.1",
    }


def _protocol(request: web.Request) -> str:
    return request.headers.get("Git-Protocol", "")


async def _feed(stream: asyncio.StreamWriter, body: bytes) -> None:
    try:
        stream.write(body)
        await stream.drain()
    except ConnectionError:
        return
    finally:
        stream.close()


async def _headers(stream: asyncio.StreamReader) -> web.StreamResponse:
    """CGI's headers end with an empty line; `Status` is the answer's status."""
    headers: dict[str, str] = {}
    while line := (await stream.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip()] = value.strip()
    status = headers.pop("Status", "200 OK")
    return web.StreamResponse(status=int(status.split()[0]), headers=_plain(headers))


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "content-length"}
