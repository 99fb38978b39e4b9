"""What strangers send to the API's port, each time with the defence and without it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from grpclib.client import Channel

from tests.api.edges import LOGIN, TOKEN, Site, ask, serve
from tests.api.h2client import reset_without_end
from tests.attacks.switches import Attack, Switch
from tiphys.api import grpcweb, http2, pages
from tiphys.api.calls import Call, Message, Unary
from tiphys.api.gateway import Gateway
from tiphys.api.options import ApiOptions

SWITCHES: Final[Mapping[str, Switch]] = {
    "types of changes": lambda patch: patch.setattr(Gateway, "_is_safe", lambda *_: True),
    "inside of the folder": lambda patch: patch.setattr(pages, "_is_inside", lambda *_: True),
    "limit before a login": lambda patch: patch.setattr(grpcweb, "OPEN_BYTES", 1 << 30),
    "pings": lambda patch: patch.setattr(http2, "_STRIKES", 1 << 30),
    "resets": lambda patch: patch.setattr(http2, "_RESETS", 1 << 30),
}


async def try_both_ways(attack: Attack, defence: str, patch: pytest.MonkeyPatch) -> None:
    await attack()
    with patch.context() as off:
        SWITCHES[defence](off)
        with pytest.raises(AssertionError, match="the attack"):
            await attack()


async def against(
    attack: Callable[[int, Site], Awaitable[None]], options: ApiOptions | None = None
) -> None:
    site = Site()
    server = await serve(site, options)
    try:
        await attack(server.port, site)
    finally:
        await server.close()


async def test_cve_2024_22424(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of another site posts a form, with the cookie of who looks at it."""

    async def attack() -> None:
        changed = []

        async def change(_: Call, request: Message) -> Message:
            changed.append(request)
            return {}

        class Changing(Site):
            def handlers(self) -> dict[str, Unary]:
                return {"application.ApplicationService/Create": Unary(change)}

        server = await serve(Changing())
        headers = {"Content-Type": "text/plain", "Cookie": f"argocd.token={TOKEN}"}
        body = b'{"metadata":{"name":"x"}}'
        await ask(
            server.port,
            "/api/v1/applications",
            verb="POST",
            body=body,
            headers=headers,
            token="",
        )
        await server.close()
        assert not changed, "the attack changed something"

    await try_both_ways(attack, "types of changes", monkeypatch)


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/a/..%2f..%2fsecret", "/link"])
async def test_files_outside_of_the_page(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "app"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "secret").write_text("hush")
    (folder / "link").symlink_to(tmp_path / "secret")

    async def steal(port: int, _: Site) -> None:
        found = await ask(port, path, token="")
        assert b"hush" not in found.body, "the attack read a file"
        assert found.status == 404

    await try_both_ways(
        lambda: against(steal, ApiOptions(static_assets=folder)),
        "inside of the folder",
        monkeypatch,
    )


async def test_a_login_of_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def flood(port: int, _: Site) -> None:
        size = 3 << 20
        name = b"\x0a" + b"\x80\x80\xc0\x01" + b"x" * size
        body = b"\0" + len(name).to_bytes(4, "big") + name
        headers = {"Content-Type": "application/grpc-web+proto"}
        try:
            found = await ask(port, f"/{LOGIN}", verb="POST", body=body, headers=headers, token="")
        except ConnectionResetError:
            return  # what was sent after the answer is not even read
        assert found.header("grpc-status") == "8", "the attack was read to its end"

    await try_both_ways(lambda: against(flood), "limit before a login", monkeypatch)


async def test_pings_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def flood(port: int, _: Site) -> None:
        channel = Channel("127.0.0.1", port)
        protocol = await channel.__connect__()
        for number in range(50):
            if protocol.connection.is_closing():
                break
            protocol.connection._connection.ping(number.to_bytes(8, "big"))
            protocol.connection.flush()
            await asyncio.sleep(0.005)
        closed = protocol.connection.is_closing()
        channel.close()
        assert closed, "the attack went on"

    await try_both_ways(lambda: against(flood), "pings", monkeypatch)


async def test_streams_that_are_reset_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def flood(port: int, _: Site) -> None:
        most = 1_500
        assert await reset_without_end(port, most) < most, "the attack went on"

    await try_both_ways(lambda: against(flood), "resets", monkeypatch)
