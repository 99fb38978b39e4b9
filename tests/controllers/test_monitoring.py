"""The port of metrics and health."""

from __future__ import annotations

import aiohttp
import pytest

from tiphys.controllers.monitoring import MonitoringServer


async def get(port: int, path: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def test_metrics_and_health_are_served() -> None:
    ill = [""]

    async def page() -> tuple[bytes, str]:
        return b"up 1\n", "text/plain; version=1.0.0; charset=utf-8"

    server = MonitoringServer(page, lambda: ill[0])
    await server.start("127.0.0.1", 0)
    assert await get(server.port, "/metrics") == (
        200,
        "text/plain; version=1.0.0; charset=utf-8",
        "up 1\n",
    )
    assert (await get(server.port, "/healthz"))[::2] == (200, "ok\n")
    ill[0] = "stuck"
    assert (await get(server.port, "/healthz"))[::2] == (503, "stuck")
    assert (await get(server.port, "/secrets"))[0] == 404
    other = MonitoringServer(page, str)
    with pytest.raises(OSError, match="in use"):
        await other.start("127.0.0.1", server.port)
    await other.close()
    await server.close()
