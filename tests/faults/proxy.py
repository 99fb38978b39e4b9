"""A proxy in front of the API server that can do what networks and busy servers do.

Plain HTTP on loopback towards the client, the API server's TLS behind it; credentials pass
through as they are. It lives in a thread of its own, so that blocking tests can use it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Call:
    """One request as it was seen; `body` as it was sent."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""

    @property
    def write(self) -> bool:
        return self.method in WRITES

    @property
    def watch(self) -> bool:
        return self.method == "GET" and "watch=true" in self.query

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Trap:
    """Springs once, at write number `at` (from 1); the client never gets that write's reply.

    Only writes whose path or body holds `about` count; `writes` are those that were seen.
    """

    about: str
    at: int = 0
    moment: Moment = Moment.BEFORE
    spring: Callable[[], None] = lambda: None
    writes: list[Call] = field(default_factory=list)
    sprung: threading.Event = field(default_factory=threading.Event)

    def counts(self, call: Call) -> bool:
        """Takes note of a call; True when it is the one to spring at."""
        if not call.write or (self.about not in call.path and self.about.encode() not in call.body):
            return False
        self.writes.append(call)
        return len(self.writes) == self.at

    def close(self) -> None:
        self.spring()
        self.sprung.set()


@dataclass(frozen=True)
class Refusal:
    """An answer of the API server's in place of the real one. `done`: the real one happened."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    done: bool = False


@dataclass(frozen=True)
class Expired:
    """What a watch hears in its stream when its resourceVersion is too old."""


@dataclass(frozen=True)
class Slow:
    """The real answer, so many seconds late."""

    seconds: float


Answer = Refusal | Expired | Slow


@dataclass
class Rule:
    """What happens to the calls that fit, at most `times` of them; `hits` are those it met."""

    fits: Callable[[Call], bool]
    answer: Answer
    times: int = 1 << 30
    hits: list[Call] = field(default_factory=list)

    def takes(self, call: Call) -> bool:
        if len(self.hits) >= self.times or not self.fits(call):
            return False
        self.hits.append(call)
        return True


@dataclass
class FaultProxy:
    """`url` is where clients go; `trap` and `rules` may be set at any time."""

    upstream: str
    ca_file: Path
    trap: Trap | None = None
    rules: list[Rule] = field(default_factory=list)
    seen: list[Call] = field(default_factory=list)
    url: str = ""
    port: int = 0

    # -- for tests, from any thread -----------------------------------------------------------

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._call(self._open())

    def stop(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def drop_streams(self) -> int:
        """Cuts every watch that is open; answers how many."""
        dropped: int = self._call(self._drop())
        return dropped

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing listens, and what was open is cut: as a server that is being restarted."""
        self._call(self._leave())
        try:
            yield
        finally:
            self._call(self._listen())

    @contextmanager
    def rule(
        self, fits: Callable[[Call], bool], answer: Answer, times: int = 1 << 30
    ) -> Iterator[Rule]:
        rule = Rule(fits, answer, times)
        self.rules.append(rule)
        try:
            yield rule
        finally:
            self.rules.remove(rule)

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    # -- in the proxy's thread ----------------------------------------------------------------

    async def _open(self) -> None:
        self._streams: set[asyncio.Transport] = set()
        context = ssl.create_default_context(cafile=str(self.ca_file))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A client that is gone ends its watches behind the proxy too.
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()
        await self._listen()

    async def _end(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def _leave(self) -> None:
        await self._site.stop()
        assert self._runner.server is not None
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def _drop(self) -> int:
        dropped = list(self._streams)
        for transport in dropped:
            transport.abort()
        return len(dropped)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call(request.method, request.path, request.query_string, body)
        self.seen.append(call)
        trap = self.trap
        trapped = trap if trap is not None and trap.counts(call) else None
        if trapped is not None and trapped.moment is Moment.BEFORE:
            trapped.close()
            return _hang_up(request)
        rule = next((rule for rule in self.rules if rule.takes(call)), None)
        if rule is not None and isinstance(rule.answer, Slow):
            await asyncio.sleep(rule.answer.seconds)
            rule = None
        if rule is not None and not (isinstance(rule.answer, Refusal) and rule.answer.done):
            return _answered(rule.answer)
        passing = self._pass_on(request, call, trapped, rule)
        if not call.write:
            return await passing
        # What was sent is sent: a writer that is gone does not take its write back, and the audit
        # log says what became of it.
        return await asyncio.shield(asyncio.ensure_future(passing))

    async def _pass_on(
        self, request: web.Request, call: Call, trapped: Trap | None, rule: Rule | None
    ) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        async with self._session.request(
            request.method,
            self.upstream + request.raw_path,
            data=call.body or None,
            headers=headers,
        ) as reply:
            if trapped is not None or rule is not None:
                await reply.read()
            if trapped is not None:
                trapped.close()
                return _hang_up(request)
            if rule is not None:
                return _answered(rule.answer)
            return await self._forward(request, reply, stream=call.watch)

    async def _forward(
        self, request: web.Request, reply: aiohttp.ClientResponse, *, stream: bool
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status)
        for name, value in reply.headers.items():
            if name.lower() not in HOP_BY_HOP:
                response.headers.add(name, value)
        transport = request.transport
        if stream and transport is not None:
            self._streams.add(transport)
        try:
            await response.prepare(request)
            async for chunk in reply.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
        except (ConnectionResetError, aiohttp.ClientError):
            # The client, or the server behind, went away in the middle of a stream.
            _hang_up(request)
        finally:
            if transport is not None:
                self._streams.discard(transport)
        return response


def _answered(answer: Answer) -> web.StreamResponse:
    if isinstance(answer, Expired):
        status = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired"}
        status |= {"status": "Failure", "message": "too old resource version"}
        return web.Response(text=json.dumps({"type": "ERROR", "object": status}) + "\n")
    assert isinstance(answer, Refusal)
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": answer.status,
        "reason": answer.reason,
        "message": "refused for a test",
    }
    return web.json_response(body, status=answer.status, headers=dict(answer.headers))


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


def load(call: Call) -> Any:
    """The decoded body of a call."""
    return json.loads(call.body) if call.body else {}
