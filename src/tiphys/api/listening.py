"""One port: looks at what a connection begins with, and hands it to who speaks that.

TLS is told by its first byte, which is looked at without being taken. What is inside, or came
without TLS, is HTTP/2 where it begins with that protocol's preface, and HTTP/1.1 otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, cast
from weakref import WeakSet

import structlog

from tiphys.api.http2 import PREFACE

log = structlog.get_logger()

_TLS_HELLO = 0x16
_FIRST_SECONDS = 20.0
_SHAKE_SECONDS = 20.0
_BACKLOG = 1024
_FULL_SECONDS = 0.1


class Speakers(Protocol):
    """Makes who speaks a protocol; each one serves a single connection."""

    def http1(self) -> asyncio.Protocol: ...

    def http2(self) -> asyncio.Protocol: ...

    def redirecting(self) -> asyncio.Protocol:
        """For HTTP without TLS where there should be TLS."""
        ...


class Listener:
    """`tls` is asked for every connection, so that a renewed certificate counts at once; it
    answers None where TLS is another's.
    """

    def __init__(
        self, speakers: Speakers, tls: Callable[[], ssl.SSLContext | None], connections: int
    ) -> None:
        self._speakers = speakers
        self._tls = tls
        self._most = connections
        # One that became a WebSocket is its speaker's alone, and forgotten here.
        self._open: WeakSet[_Sniffing] = WeakSet()
        self._arriving: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self.port = 0

    def start(self, host: str, port: int) -> None:
        """Port 0 takes a free one. Raises OSError where it is taken."""
        found = _listening(host, port)
        found.setblocking(False)
        self._socket = found
        self.port = found.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(found), name="accepting")

    async def close(self) -> None:
        """Nobody new comes in. Those who are here are told by who serves them."""
        if self._accepting is not None:
            self._accepting.cancel()
        for task in self._arriving:
            task.cancel()
        if self._socket is not None:
            self._socket.close()

    def abort(self) -> None:
        for one in list(self._open):
            one.abort()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if len(self._open) + len(self._arriving) >= self._most:
                await asyncio.sleep(_FULL_SECONDS)
                continue
            try:
                found, _ = await loop.sock_accept(listening)
            except OSError as error:
                log.warning("a connection could not be accepted", error=error.strerror)
                await asyncio.sleep(_FULL_SECONDS)
                continue
            task = loop.create_task(self._arrive(found))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _arrive(self, found: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = self._tls()
            redirects = False
            if tls is not None:
                first = await _peek(found)
                redirects, tls = first != _TLS_HELLO, tls if first == _TLS_HELLO else None
            await loop.connect_accepted_socket(
                lambda: _Sniffing(self._speakers, self._open, redirects=redirects),
                found,
                ssl=tls,
                ssl_handshake_timeout=_SHAKE_SECONDS if tls is not None else None,
            )
        except (OSError, TimeoutError, EOFError, ssl.SSLError):
            # Who does not get this far is told nothing, and is nothing to tell of.
            found.close()
        except asyncio.CancelledError:
            found.close()
            raise


def _listening(host: str, port: int) -> socket.socket:
    if host in ("", "::", "0.0.0.0") and socket.has_dualstack_ipv6():  # noqa: S104
        try:
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
        except OSError:
            if host == "::":
                raise
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


async def _peek(found: socket.socket) -> int:
    """The first byte, which stays where it is. Raises EOFError where none comes."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(BlockingIOError, InterruptedError):
            first = found.recv(1, socket.MSG_PEEK)
            if not first:
                raise EOFError
            return first[0]
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(found.fileno(), _settle, ready)
        try:
            async with asyncio.timeout(_FIRST_SECONDS):
                await ready
        finally:
            loop.remove_reader(found.fileno())


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class _Sniffing(asyncio.Protocol):
    """Holds the first bytes until they say what is spoken; then is out of the way."""

    def __init__(self, speakers: Speakers, open_: WeakSet[_Sniffing], *, redirects: bool) -> None:
        self._speakers = speakers
        self._open = open_
        self._redirects = redirects
        self._held = b""
        self._speaker: asyncio.Protocol | None = None
        self._late: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open.add(self)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(_FIRST_SECONDS, self._transport.close)

    def data_received(self, data: bytes) -> None:
        if self._speaker is not None:
            self._speaker.data_received(data)
            return
        self._held += data
        if PREFACE.startswith(self._held[: len(PREFACE)]) and len(self._held) < len(PREFACE):
            return
        self._choose()

    def eof_received(self) -> bool | None:
        return None if self._speaker is None else self._speaker.eof_received()

    def pause_writing(self) -> None:
        if self._speaker is not None:
            self._speaker.pause_writing()

    def resume_writing(self) -> None:
        if self._speaker is not None:
            self._speaker.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._settle()
        if self._speaker is not None:
            self._speaker.connection_lost(exc)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _choose(self) -> None:
        self._settle()
        transport = self._transport
        if transport is None:
            return
        is_http2 = self._held.startswith(PREFACE)
        if is_http2 and self._redirects:
            transport.close()
            return
        if self._redirects:
            self._speaker = self._speakers.redirecting()
        else:
            self._speaker = self._speakers.http2() if is_http2 else self._speakers.http1()
        held, self._held = self._held, b""
        self._speaker.connection_made(transport)
        self._speaker.data_received(held)

    def _settle(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
