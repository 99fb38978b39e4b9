"""Servers of other people's making: gRPC by grpcio, gRPC-web by aiohttp."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from grpc import aio

from tiphys.core.wire import contract, decode, encode

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


@dataclass
class Seen:
    """What came with calls."""

    metadata: list[dict[str, str]] = field(default_factory=list)
    requests: list[Mapping[str, Any]] = field(default_factory=list)


class Refused(Exception):  # noqa: N818 - not an error of the server's
    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class _Everything(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers every method by one handler; a list of answers is a stream."""

    def __init__(self, handler: Handler, seen: Seen) -> None:
        self._handler = handler
        self._seen = seen

    def service(self, details: Any) -> Any:
        method = details.method.removeprefix("/")
        found = contract().methods[method]
        self._seen.metadata.append(dict(details.invocation_metadata))

        async def unary(request: bytes, context: Any) -> bytes:
            return await self._one(method, decode(found.request, request), context)

        async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
            answer = await self._handler({"method": method, **decode(found.request, request)})
            for event in answer["events"]:
                yield encode(found.response, event)
            if "end" in answer:
                await context.abort(answer["end"].code, str(answer["end"]))

        async def upload(requests: AsyncIterator[bytes], context: Any) -> bytes:
            seen = [decode(found.request, request) async for request in requests]
            return await self._one(method, {"all": seen}, context)

        match found.streaming.name:
            case "SERVER":
                return grpc.unary_stream_rpc_method_handler(stream)
            case "CLIENT":
                return grpc.stream_unary_rpc_method_handler(upload)
            case _:
                return grpc.unary_unary_rpc_method_handler(unary)

    async def _one(self, method: str, request: Mapping[str, Any], context: Any) -> bytes:
        self._seen.requests.append(request)
        await context.send_initial_metadata((("renew-token", "fresh"),))
        try:
            answer = await self._handler({"method": method, **request})
        except Refused as refused:
            await context.abort(refused.code, str(refused))
        return bytes(encode(contract().methods[method].response, answer))


@asynccontextmanager
async def grpc_server(
    handler: Handler, *, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[tuple[int, Seen]]:
    seen = Seen()
    server = aio.server(options=(("grpc.max_receive_message_length", -1),))
    server.add_generic_rpc_handlers((_Everything(handler, seen),))
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    try:
        yield port, seen
    finally:
        await server.stop(None)


@asynccontextmanager
async def http_server(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def framed(message: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(message).to_bytes(4, "big") + message
