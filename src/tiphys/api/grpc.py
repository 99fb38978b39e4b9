"""Native gRPC: a stream of HTTP/2 becomes a call, its answers frames, its end trailers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing

from grpclib.metadata import encode_grpc_message
from grpclib.protocol import Stream
from h2.exceptions import StreamClosedError

from tiphys.api.asgi import too_large
from tiphys.api.calls import Call, Handler, Message, ServerStream
from tiphys.api.codes import Refusal, refusal_of
from tiphys.api.entering import Door, check_client, token_of
from tiphys.api.http2 import Request2, StuckError, write
from tiphys.api.options import ApiOptions
from tiphys.api.running import OPEN_BYTES, Counted, answers, deadline, to_proto
from tiphys.core.wire import Method, decode
from tiphys.model.errors import ApiCode, ApiError

_READ_SECONDS = 60.0
_PIECE = 64 << 10
_RESERVED = frozenset({"te", "content-type"})
_BEGIN = [(":status", "200"), ("content-type", "application/grpc")]

Raw = Callable[[AsyncIterator[bytes]], AsyncGenerator[bytes, None]]
"""A method that reads and writes messages as they are on the wire."""


class GrpcServer:
    """`raw` are methods beside the contract, by full name; they need a login as all do."""

    def __init__(
        self,
        door: Door,
        methods: Mapping[str, Method],
        options: ApiOptions,
        raw: Mapping[str, Raw],
    ) -> None:
        self._door = door
        self._methods = methods
        self._options = options
        self._raw = raw

    async def __call__(self, stream: Stream, request: Request2) -> None:
        told = _Answering(stream, self._options.message_bytes)
        refusal: Refusal | None = None
        try:
            seconds = deadline(request.text(b"grpc-timeout"))
            async with asyncio.timeout(seconds):
                await self._answer(told, stream, request)
        except (StreamClosedError, StuckError, ConnectionError):
            raise
        except Exception as error:
            refusal = refusal_of(error)
        await told.end(refusal)

    async def _answer(self, told: _Answering, stream: Stream, request: Request2) -> None:
        name = request.text(b":path").removeprefix("/")
        metadata = metadata_of(request.headers)
        check_client(metadata.get("user-agent", ""))
        call = Call(metadata=metadata, told=told.told, peer=request.peer[0])
        if name in self._raw:
            await self._door.enter(None, call, token_of(metadata))
            incoming = _messages(stream, self._options.message_bytes)
            async with aclosing(self._raw[name](incoming)) as found:
                async for one in found:
                    await told.tell(one)
            return
        handler = self._door.handler(name)
        counted = Counted.begin(self._options.metrics, handler, name)
        try:
            await self._run(told, stream, call, handler, self._methods[name])
        except BaseException as error:
            cancelled = isinstance(error, asyncio.CancelledError)
            counted.end(Refusal(ApiCode.CANCELED, "") if cancelled else refusal_of(error))
            raise
        counted.end(None)

    async def _run(
        self, told: _Answering, stream: Stream, call: Call, handler: Handler, method: Method
    ) -> None:
        await self._door.enter(handler, call, token_of(call.metadata))
        limit = self._options.message_bytes
        if getattr(handler, "open", False):
            limit = min(limit, OPEN_BYTES)
        asked = _decoded(method.request, _messages(stream, limit))
        if isinstance(handler, ServerStream):
            await told.begin()
        async with aclosing(answers(handler, call, asked)) as found:
            async for one in found:
                await told.tell(to_proto(method, one))


class _Answering:
    """What is sent of one call, in its order."""

    def __init__(self, stream: Stream, limit: int) -> None:
        self.told: dict[str, str] = {}
        self._stream = stream
        self._limit = limit
        self._begun = False

    async def begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._stream.send_headers([*_BEGIN, *self._metadata()])

    async def tell(self, message: bytes) -> None:
        if len(message) > self._limit:
            raise ApiError(
                ApiCode.RESOURCE_EXHAUSTED,
                f"trying to send message larger than max ({len(message)} vs. {self._limit})",
            )
        await self.begin()
        await write(self._stream, b"\0" + len(message).to_bytes(4, "big") + message)

    async def end(self, refusal: Refusal | None) -> None:
        headers = [] if self._begun else [*_BEGIN, *self._metadata()]
        headers.append(("grpc-status", "0" if refusal is None else str(refusal.grpc)))
        headers.append(("grpc-message", encode_grpc_message(refusal.text if refusal else "")))
        await self._stream.send_headers(headers, end_stream=True)
        if self._stream.closable:
            self._stream.reset_nowait()

    def _metadata(self) -> list[tuple[str, str]]:
        return list(self.told.items())


def metadata_of(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The first of each name. gRPC's own are left out."""
    found: dict[str, str] = {}
    for key, value in headers:
        name = key.decode("latin-1").lower()
        if not name.startswith((":", "grpc-")) and name not in _RESERVED:
            found.setdefault(name, value.decode("latin-1"))
    return found


async def _decoded(message: str, data: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    async for one in data:
        yield decode(message, one)


async def _messages(stream: Stream, limit: int) -> AsyncIterator[bytes]:
    """Raises ApiError for what is too large, packed or cut off."""
    while True:
        head = await _timely(stream.recv_data(1))
        if not head:
            return
        head += await _timely(stream.recv_data(4))
        size = int.from_bytes(head[1:], "big")
        if head[0]:
            raise ApiError(
                ApiCode.UNIMPLEMENTED, "grpc: Decompressor is not installed for grpc-encoding"
            )
        if size > limit:
            raise too_large(size, limit)
        parts = []
        while size:
            parts.append(await _timely(stream.recv_data(min(size, _PIECE))))
            size -= len(parts[-1])
        yield b"".join(parts)


async def _timely(reading: Awaitable[bytes]) -> bytes:
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await reading
    except TimeoutError:
        raise ApiError(ApiCode.DEADLINE_EXCEEDED, "the message did not come in time") from None
    except AssertionError:
        raise ApiError(ApiCode.INTERNAL, "the message ended early") from None
