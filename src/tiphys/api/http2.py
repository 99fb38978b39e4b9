"""A connection of HTTP/2: its streams go to native gRPC, or as ASGI to everything else.

The connection's state and flow control are grpclib's and h2's. What they leave open is bounded
here: streams that are opened to be reset, pings without end, heads that are no text.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

from grpclib.config import Configuration
from grpclib.protocol import (
    AbstractHandler,
    Connection,
    EventsProcessor,
    H2Protocol,
    Stream,
)
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes
from starlette.types import ASGIApp, Message, Scope

from tiphys.api.asgi import ReaderLeftError
from tiphys.api.codes import tell_unexpected

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_STREAMS = 1_000
_WINDOW = 1 << 20
_RESETS = 400
_RESET_SECONDS = 10.0
_SETTINGS = 100
_STRIKES = 2
_STUCK_SECONDS = 60.0
_PIECE = 256 << 10
_ALIVE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request2:
    """A stream's head."""

    headers: list[tuple[bytes, bytes]]
    found: Mapping[bytes, bytes]
    peer: tuple[str, int]
    secure: bool

    def text(self, name: bytes) -> str:
        return self.found.get(name, b"").decode("latin-1")


Native = Callable[[Stream, Request2], Awaitable[None]]


class StuckError(Exception):
    """The peer takes no more bytes of this stream."""


async def write(stream: Stream, data: bytes) -> None:
    """Sends what may be long. Raises StuckError where the peer takes nothing for a while."""
    for start in range(0, len(data), _PIECE):
        try:
            async with asyncio.timeout(_STUCK_SECONDS):
                await stream.send_data(data[start : start + _PIECE])
        except TimeoutError:
            raise StuckError from None


class StreamHandler(AbstractHandler):
    """One task a stream."""

    def __init__(self, app: ASGIApp, native: Native) -> None:
        self._app = app
        self._native = native
        self._tasks: dict[Stream, asyncio.Task[None]] = {}

    def accept(self, stream: Stream, headers: Any, release_stream: Callable[[], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._run(stream, headers))
        self._tasks[stream] = task

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.pop(stream, None)
            release_stream()
            if not task.cancelled() and (error := task.exception()) is not None:
                tell_unexpected("stream failed", error)

        task.add_done_callback(done)

    def cancel(self, stream: Stream) -> None:
        task = self._tasks.get(stream)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return list(self._tasks.values())

    async def _run(self, stream: Stream, headers: list[tuple[bytes, bytes]]) -> None:
        peer = stream.connection.get_peer()
        addr = peer.addr() or ("", 0)
        transport = stream._transport
        secure = transport.get_extra_info("ssl_object") is not None
        request = Request2(headers, dict(headers), (addr[0], addr[1]), secure)
        kind = request.text(b"content-type")
        native = kind == "application/grpc" or kind.startswith("application/grpc+")
        try:
            if native:
                await self._native(stream, request)
            else:
                await _Bridge(stream, request).run(self._app)
        except (StreamClosedError, ProtocolError, StuckError, ReaderLeftError, ConnectionError):
            if stream.closable:
                stream.reset_nowait(ErrorCodes.CANCEL)


class _Bridge:
    """One stream as an ASGI request."""

    def __init__(self, stream: Stream, request: Request2) -> None:
        self._stream = stream
        self._request = request
        self._read = False
        self._gone = asyncio.Event()
        self._length = request.text(b"content-length")

    async def run(self, app: ASGIApp) -> None:
        scope = self._scope()
        if scope is None:
            await self._stream.send_headers([(":status", "400")], end_stream=True)
            return
        await app(scope, self._receive, self._send)

    def _scope(self) -> Scope | None:
        request = self._request
        target = request.found.get(b":path", b"")
        plain = [(key, value) for key, value in request.headers if not key.startswith(b":")]
        bad = any(b"\r" in value or b"\n" in value or b"\0" in value for _, value in plain)
        if bad or not target.startswith(b"/") or not target.isascii():
            return None
        raw, _, query = target.partition(b"?")
        if not any(key == b"host" for key, _ in plain):
            plain.insert(0, (b"host", request.found.get(b":authority", b"")))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "2",
            "method": request.text(b":method"),
            "scheme": "https" if request.secure else "http",
            "path": unquote(raw.decode("ascii")),
            "raw_path": raw,
            "query_string": query,
            "root_path": "",
            "headers": plain,
            "client": request.peer,
            "server": None,
        }

    async def _receive(self) -> Message:
        """Parts as they come; when all was read, waits: who hangs up ends the task."""
        if self._read:
            await self._gone.wait()
        part = await next_part(self._stream)
        if part is None:
            self._read = True
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def _send(self, event: Message) -> None:
        if event["type"] == "http.response.start":
            headers = [(":status", str(event["status"]))]
            for key, value in event.get("headers", ()):
                name = bytes(key).decode("latin-1").lower()
                if name not in ("connection", "transfer-encoding", "keep-alive"):
                    headers.append((name, bytes(value).decode("latin-1")))
            await self._stream.send_headers(headers)
            return
        last = not event.get("more_body", False)
        body = event.get("body", b"")
        if body:
            await write(self._stream, body)
        if last:
            await self._stream.end()
            if self._stream.closable:
                self._stream.reset_nowait()


async def next_part(stream: Stream) -> bytes | None:
    """What has come of the body, or None at its end."""
    buffer = stream.buffer
    if buffer._eof and buffer._unacked.empty() and not buffer._acked_size:
        return None
    try:
        part = await buffer.read(1)
    except AssertionError:
        raise ReaderLeftError from None  # a frame of no bytes that does not end anything
    if not part:
        return None
    rest = buffer._acked_size
    return part + (await buffer.read(rest)) if rest else part


class _Processor(EventsProcessor):
    """Ends connections that only cost."""

    def __init__(
        self, handler: AbstractHandler, connection: Connection, *, ping_seconds: float
    ) -> None:
        super().__init__(handler, connection)
        self._ping_seconds = ping_seconds
        self._pinged = -ping_seconds
        self._strikes = 0
        self._resets = 0
        self._since = 0.0
        self._settings = 0

    def process(self, event: Any) -> None:
        found = getattr(self, "processors", {}).get(event.__class__)
        if found is not None:
            found(event)

    def process_ping_received(self, _: Any) -> None:
        now = time.monotonic()
        if (self.connection.last_data_sent or 0.0) > self._pinged:
            # Clients measure their way by a ping for what they are sent.
            self._strikes, self._pinged = 0, now
            return
        # A clock of another machine, and a network between: a second is forgiven.
        if now - self._pinged < self._ping_seconds - 1.0:
            self._strikes += 1
            if self._strikes > _STRIKES:
                self.end(b"too_many_pings")
        self._pinged = now

    def process_stream_reset(self, event: Any) -> None:
        super().process_stream_reset(event)
        now = time.monotonic()
        if now - self._since > _RESET_SECONDS:
            self._since, self._resets = now, 0
        self._resets += 1
        if self._resets > _RESETS:
            self.end(b"too_many_resets")

    def process_remote_settings_changed(self, event: Any) -> None:
        super().process_remote_settings_changed(event)
        self._settings += 1
        if self._settings > _SETTINGS:
            self.end(b"too_many_settings")

    def end(self, why: bytes = b"", code: ErrorCodes = ErrorCodes.ENHANCE_YOUR_CALM) -> None:
        if not self.connection.is_closing():
            self.connection._connection.close_connection(code, why)
            self.connection.flush()
        self.close(why.decode() or "Closed")


class Http2(H2Protocol):
    """What a connection becomes once its preface was seen."""

    processor: _Processor

    def __init__(self, handler: StreamHandler, *, ping_seconds: float) -> None:
        config = Configuration(
            _keepalive_time=_ALIVE_SECONDS,
            _keepalive_timeout=20.0,
            _http2_max_pings_without_data=0,
            _http2_min_sent_ping_interval_without_data=_ALIVE_SECONDS / 2,
            http2_connection_window_size=4 * _WINDOW,
            http2_stream_window_size=_WINDOW,
        ).__for_server__()
        super().__init__(handler, config, _H2)
        self._ping_seconds = ping_seconds
        self.handler: StreamHandler = handler

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        h2 = H2Connection(config=_H2)
        h2.local_settings.update(
            {
                SettingCodes.MAX_CONCURRENT_STREAMS: _STREAMS,
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
            }
        )
        h2.local_settings.acknowledge()
        h2.initiate_connection()
        h2.increment_flow_control_window(4 * _WINDOW - 65_535)
        self.connection = Connection(h2, cast(asyncio.Transport, transport), config=self.config)
        self.connection.flush()
        self.connection.initialize()
        self.processor = _Processor(self.handler, self.connection, ping_seconds=self._ping_seconds)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except (ValueError, UnicodeError, KeyError):
            # What hpack or hyperframe cannot read at all.
            self.processor.close("Protocol error")

    def goodbye(self) -> None:
        """Tells that no more streams are wanted, and ends those that are open."""
        self.processor.end(b"", ErrorCodes.NO_ERROR)


_H2 = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_inbound_headers=True,
    validate_outbound_headers=False,
    normalize_inbound_headers=False,
    normalize_outbound_headers=False,
)
