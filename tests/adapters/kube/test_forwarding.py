"""A port of a Pod, forwarded by something that speaks the API server's channel protocol."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

from tests.adapters.apiclient.servers import http_server
from tiphys.adapters.kube import KubeConfig, Transport, forwarded


async def shouting(request: web.Request) -> web.StreamResponse:
    """Answers data in upper case; an exclamation mark ends it by an error."""
    assert request.path == "/api/v1/namespaces/argocd/pods/server-0/portforward"
    assert request.query["ports"] == "8080"
    socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
    await socket.prepare(request)
    assert socket.ws_protocol == "v4.channel.k8s.io"
    for channel in (0, 1):
        await socket.send_bytes(bytes([channel]) + (8080).to_bytes(2, "little"))
    async for message in socket:
        assert message.type is WSMsgType.BINARY
        assert message.data[0] == 0
        if b"!" in message.data:
            await socket.send_bytes(b"\x01refused")
        else:
            await socket.send_bytes(b"\x00" + message.data[1:].upper())
    return socket


async def refusing(request: web.Request) -> web.StreamResponse:
    return web.Response(status=403)


async def test_bytes_go_both_ways() -> None:
    async with http_server(shouting) as api:
        transport = Transport(KubeConfig(server=f"http://127.0.0.1:{api}"))
        async with forwarded(transport, "argocd", "server-0", 8080) as port:
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"hello")
                assert await reader.readexactly(5) == b"HELLO"
                writer.write(b"again")
                assert await reader.readexactly(5) == b"AGAIN"
                writer.write(b"!")
                assert await reader.read() == b""
                writer.close()
        await transport.close()


async def test_what_is_refused_ends_the_connection() -> None:
    async with http_server(refusing) as api:
        transport = Transport(KubeConfig(server=f"http://127.0.0.1:{api}"))
        async with forwarded(transport, "argocd", "server-0", 8080) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()
        await transport.close()
