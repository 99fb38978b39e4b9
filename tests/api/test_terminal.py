"""`/terminal`: what speaks against it, in which order, and what goes back and forth."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.api.live import LiveApi, config_map, pod
from tests.api.terminals import GOOD, QUERY, opened, serving
from tiphys.services.pods import terminal as terminals

COOKIE = {"Cookie": f"argocd.token={GOOD}"}


async def answer(
    api: LiveApi, change: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """To a call that asks for no WebSocket; what is refused is refused alike."""
    query = urlencode({**QUERY, **(change or {})})
    shown = COOKIE if headers is None else headers
    async with serving(api) as address, aiohttp.ClientSession(headers=shown) as session:
        if api.config.get("off"):
            api.config["exec.enabled"] = "false"
        found = await session.get(f"{address}?{query}")
        plain = found.status, (await found.text()).strip()
        if plain == (400, "Bad Request"):
            await session.ws_connect(f"{address}?{query}")
            return plain
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{address}?{query}")
        assert refused.value.status == plain[0]
        return plain


async def test_who_it_is_comes_first() -> None:
    api = await LiveApi().begin(pod("web-1"))
    api.config["off"] = "yes"
    assert await answer(api, headers={}) == (400, "Auth cookie not found")
    bearer = {"Authorization": f"Bearer {GOOD}"}
    assert await answer(api, headers=bearer) == (400, "Auth cookie not found")
    assert await answer(api, headers={"Cookie": "argocd.token=x"}) == (401, "Invalid token")
    assert await answer(api) == (404, "")


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"pod": ""}, 400, "Missing required parameters"),
        ({"container": ""}, 400, "Missing required parameters"),
        ({"namespace": ""}, 400, "Missing required parameters"),
        ({"pod": "UPPER"}, 400, "Pod name is not valid"),
        ({"pod": "a/../b"}, 400, "Pod name is not valid"),
        ({"container": "a.b"}, 400, "Container name is not valid"),
        ({"appName": "-a"}, 400, "App name is not valid"),
        ({"projectName": "x" * 300}, 400, "Project name is not valid"),
        ({"namespace": "a_b"}, 400, "Namespace name is not valid"),
        ({"appNamespace": ""}, 400, "App namespace name is not valid"),
        ({"appNamespace": "elsewhere"}, 403, "namespace 'elsewhere' is not permitted"),
        ({"appName": "b"}, 404, "App not found"),
        ({"projectName": "other"}, 400, "The wrong project was specified"),
        ({"pod": "web-2"}, 400, "Pod doesn't belong to specified app"),
        ({"pod": "waiting"}, 400, "container find running"),
        ({"container": "side"}, 400, "container find running"),
        ({}, 400, "Bad Request"),
    ],
)
async def test_what_speaks_against_it(change: dict[str, str], status: int, text: str) -> None:
    api = await LiveApi().begin(pod("web-1"), pod("waiting", running=False), config_map())
    assert await answer(api, change) == (status, text)


async def test_a_pod_of_another_uid_is_another_pod() -> None:
    api = await LiveApi().begin(pod("web-1"))
    api.view.nodes[0]["uid"] = "uid-of-before"
    assert await answer(api) == (400, "Pod doesn't belong to specified app")


async def test_both_rights_are_needed() -> None:
    api = await LiveApi().begin(pod("web-1"))
    api.access.deny("*")
    assert await answer(api) == (401, "permission denied: applications, get, default/a")
    api.access.allow("applications get *")
    assert await answer(api, {"appName": "b"}) == (
        401,
        "permission denied: exec, create, default/b",
    )


async def test_what_goes_back_and_forth() -> None:
    api = await LiveApi().begin(pod("web-1"))
    async with opened(api) as page:
        await page.send_json({"operation": "resize", "cols": 120, "rows": 40})
        await page.send_json({"operation": "stdin", "data": "grüße\n"})
        assert await page.receive_json() == {
            "operation": "stdout",
            "data": "GR\u00fc\u00dfE\n",
            "rows": 0,
            "cols": 0,
        }
        (terminal,) = api.pods.terminals
        assert terminal.typed == ["grüße\n".encode()]
        assert terminal.sizes == [(120, 40)]
        await page.send_json({"operation": "other"})
        assert (await page.receive()).type is aiohttp.WSMsgType.CLOSE
    assert terminal.closed


async def test_shells_are_tried_in_turn() -> None:
    api = await LiveApi().begin(pod("web-1"))
    async with opened(api) as page:
        await page.send_json({"operation": "stdin", "data": "x"})
        await page.receive_json()
    assert [list(command) for command in api.pods.commands] == [["bash"], ["sh"]]
    api.pods.commands.clear()
    async with opened(api, {**QUERY, "shell": "sh"}) as page:
        await page.send_json({"operation": "stdin", "data": "x"})
        await page.receive_json()
    assert [list(command) for command in api.pods.commands] == [["sh"]]


async def test_only_shells_of_the_settings_are_run() -> None:
    api = await LiveApi().begin(pod("web-1"))
    api.config["exec.shells"] = "ash, zsh"
    async with opened(api, {**QUERY, "shell": "sh"}) as page:
        assert "no shell could be run" in (await page.receive_json())["data"]
        assert (await page.receive()).type is aiohttp.WSMsgType.CLOSE
    assert [list(command) for command in api.pods.commands] == [["ash"], ["zsh"]]


async def test_a_token_that_is_to_be_renewed() -> None:
    api = await LiveApi().begin(pod("web-1"))
    async with opened(api) as page:
        await page.send_json({"operation": "stdin", "data": "x"})
        await page.receive_json()
        api.sessions.renewed.add(GOOD)
        await page.send_json({"operation": "stdin", "data": "y"})
        said = await page.receive_json()
        assert said["data"] == "\nReconnect because the token was refreshed...\n"
        assert await page.receive_json() == {"Code": 1}
        assert (await page.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_it_closes_by_itself_when_the_right_is_revoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody types, and nothing is printed."""
    monkeypatch.setattr(terminals, "_LOOK", 0.05)
    api = await LiveApi().begin(pod("web-1"))
    async with opened(api) as page:
        await page.send_json({"operation": "stdin", "data": "x"})
        await page.receive_json()
        api.access.deny("*")
        async with asyncio.timeout(5):
            assert (await page.receive_json())["data"] == "Permission denied"
            assert (await page.receive()).type is aiohttp.WSMsgType.CLOSE
    assert api.pods.terminals[0].closed


async def test_what_is_no_message_ends_it() -> None:
    api = await LiveApi().begin(pod("web-1"))
    for text in ("{", json.dumps([1]), json.dumps({"operation": "stdin", "data": 3})):
        async with opened(api) as page:
            await page.send_str(text)
            assert (await page.receive()).type is aiohttp.WSMsgType.CLOSE
