"""A port of a Pod on loopback, through the API server.

Over a WebSocket, in Kubernetes' channel protocol: the first byte of every message is the channel
(0 for data, 1 for what went wrong), and the first message of each only repeats the port.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from tiphys.adapters.kube.paths import object_path
from tiphys.adapters.kube.transport import Transport
from tiphys.model.errors import KubeError
from tiphys.model.resource import ApiResource

_PODS: Final = ApiResource("", "v1", "Pod", "pods", True, frozenset({"get"}))
_PROTOCOLS: Final = ("v4.channel.k8s.io",)
_DATA, _ERROR = 0, 1
_CHUNK: Final = 1 << 16


@asynccontextmanager
async def forwarded(
    transport: Transport, namespace: str, pod: str, port: int
) -> AsyncIterator[int]:
    """The port on loopback, as long as it is wanted. Each connection is one of its own."""
    path = object_path(_PODS, namespace, pod) + "/portforward"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with transport.socket(path, [("ports", str(port))], _PROTOCOLS) as socket:
                await _relay(socket, reader, writer)
        except (KubeError, OSError):
            # Whoever connected sees that it ended, and says so.
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _relay(
    socket: aiohttp.ClientWebSocketResponse,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Until either side ends."""
    tasks = [
        asyncio.create_task(_outwards(socket, reader)),
        asyncio.create_task(_inwards(socket, writer)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _outwards(socket: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(_CHUNK):
        await socket.send_bytes(bytes([_DATA]) + data)


async def _inwards(socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    named: set[int] = set()
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            return
        channel, data = message.data[0], message.data[1:]
        if channel not in named:
            named.add(channel)
        elif channel == _ERROR:
            return
        else:
            writer.write(data)
            await writer.drain()
