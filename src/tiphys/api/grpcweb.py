"""gRPC-web: the same calls in frames of a body, with their end in headers or in a last frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from grpclib.metadata import encode_grpc_message
from starlette.types import Receive, Scope, Send

from tiphys.api import asgi
from tiphys.api.asgi import ReaderLeftError
from tiphys.api.calls import Call, Message
from tiphys.api.codes import Refusal, refusal_of
from tiphys.api.entering import Door, check_client, token_of
from tiphys.api.grpc import metadata_of
from tiphys.api.options import ApiOptions
from tiphys.api.running import OPEN_BYTES, Counted, answers, deadline, to_proto
from tiphys.core.wire import Method, decode
from tiphys.model.errors import ApiCode, ApiError

KINDS = frozenset({"application/grpc-web+proto", "application/grpc-web"})
_TRAILERS = 0x80


class GrpcWeb:
    """An ASGI application."""

    def __init__(self, door: Door, methods: Mapping[str, Method], options: ApiOptions) -> None:
        self._door = door
        self._methods = methods
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await asgi.text(send, 405, "Method Not Allowed")
            return
        told = _Answering(send, asgi.header(scope, b"content-type"))
        refusal: Refusal | None = None
        try:
            seconds = deadline(asgi.header(scope, b"grpc-timeout"))
            async with asyncio.timeout(seconds):
                await self._answer(told, scope, receive)
        except ReaderLeftError:
            return
        except Exception as error:
            refusal = refusal_of(error)
        await told.end(refusal)

    async def _answer(self, told: _Answering, scope: Scope, receive: Receive) -> None:
        name = scope["path"].removeprefix("/")
        metadata = metadata_of(scope["headers"])
        check_client(metadata.get("user-agent", ""))
        client = scope.get("client") or ("", 0)
        call = Call(metadata=metadata, told=told.told, peer=client[0])
        handler = self._door.handler(name)
        counted = Counted.begin(self._options.metrics, handler, name)
        try:
            await self._door.enter(handler, call, token_of(metadata))
            method = self._methods[name]
            limit = self._options.message_bytes
            if getattr(handler, "open", False):
                limit = min(limit, OPEN_BYTES)
            asked = _messages(method.request, receive, limit)
            async with aclosing(answers(handler, call, asked)) as found:
                async for one in found:
                    await told.tell(to_proto(method, one))
        except BaseException as error:
            gone = isinstance(error, asyncio.CancelledError | ReaderLeftError)
            counted.end(Refusal(ApiCode.CANCELED, "") if gone else refusal_of(error))
            raise
        counted.end(None)


class _Answering:
    """Headers wait for the first answer, for a call that fails before it has its end in them."""

    def __init__(self, send: Send, kind: str) -> None:
        self.told: dict[str, str] = {}
        self._send = send
        self._kind = kind
        self._begun = False

    async def tell(self, message: bytes) -> None:
        if not self._begun:
            self._begun = True
            await asgi.begin(self._send, 200, self._headers())
        await asgi.more(self._send, _frame(0, message))

    async def end(self, refusal: Refusal | None) -> None:
        code = 0 if refusal is None else refusal.grpc
        words = encode_grpc_message(refusal.text if refusal else "")
        if not self._begun:
            headers = [
                *self._headers(),
                (b"grpc-status", str(code).encode()),
                (b"grpc-message", words.encode()),
            ]
            await asgi.answer(self._send, 200, headers)
            return
        trailers = f"grpc-status: {code}\r\n"
        if words:
            trailers += f"grpc-message: {words}\r\n"
        await asgi.more(self._send, _frame(_TRAILERS, trailers.encode()))
        await asgi.end(self._send)

    def _headers(self) -> list[asgi.Header]:
        told = [(key.encode(), value.encode("latin-1")) for key, value in self.told.items()]
        exposed = (b"access-control-expose-headers", b"grpc-status,grpc-message")
        return [(b"content-type", self._kind.encode("latin-1")), exposed, *told]


def _frame(flag: int, data: bytes) -> bytes:
    return bytes((flag,)) + len(data).to_bytes(4, "big") + data


async def _messages(name: str, receive: Receive, limit: int) -> AsyncIterator[Message]:
    """Raises ApiError for what is too large or cut off. Trailers of a client say nothing."""
    held = bytearray()
    async for part in asgi.chunks(receive, limit + 5):
        held += part
        while len(held) >= 5:
            size = int.from_bytes(held[1:5], "big")
            if size > limit:
                raise asgi.too_large(size, limit)
            if len(held) < size + 5:
                break
            flag, data = held[0], bytes(held[5 : size + 5])
            del held[: size + 5]
            if flag & 1:
                raise ApiError(
                    ApiCode.UNIMPLEMENTED, "grpc: Decompressor is not installed for grpc-encoding"
                )
            if not flag & _TRAILERS:
                yield decode(name, data)
    if held:
        raise ApiError(ApiCode.INTERNAL, "unexpected EOF")
