"""The login of a command line: the browser comes back to loopback."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from yarl import URL

from tests.adapters.oidc.running import client, free_port, person, provider
from tiphys.bootstrap import signin
from tiphys.cli.ports import SignedIn, SignIn
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiError


@asynccontextmanager
async def asking(callback: str = "") -> AsyncIterator[SignIn]:
    port = free_port()
    callback = callback.replace("PORT", str(port))
    back = callback or f"http://localhost:{port}/auth/callback"
    public = client("cli", "", back, application_type="native")
    async with provider(public, port=free_port(), pkce=True) as issuer:
        oidc = {"issuer": issuer, "clientID": "web", "cliClientID": "cli"}
        yield SignIn(
            connection=ServerConnection(address="cd.example.org:443"),
            settings={"oidcConfig": oidc},
            callback=callback,
            port=port,
            browser=True,
        )


async def signed_in(asked: SignIn, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> SignedIn:
    opened: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(webbrowser, "open", opened.put_nowait)
    async with person("ann") as ann:
        login = asyncio.create_task(signin.sign_in(asked, said.append))
        end = await ann.follow(await opened.get(), until=lambda at: "code=" in at)
        async with ann.web.get(URL(end, encoded=True)) as answer:
            assert answer.status == 200
        return await asyncio.wait_for(login, 20)


async def test_a_browser_comes_back_and_tokens_are_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    async with asking() as asked:
        signed = await signed_in(asked, monkeypatch, said)
        assert signed.token
        assert signed.refresh_token
        assert said[0].startswith("Performing authorization_code flow login: http://127.0.0.1:")
        assert "code_challenge_method=S256" in said[0]
        assert said[-1] == "Authentication successful\n"
        # A token of the same second is the same token.
        await asyncio.sleep(1.1)
        renewed = await signin.renew(asked, signed.refresh_token)
        assert renewed.token not in ("", signed.token)
        with pytest.raises(ApiError, match="invalid_grant"):
            await signin.renew(asked, "made-up")


async def test_the_browser_may_come_back_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking("http://localhost:PORT/cb") as asked:
        assert (await signed_in(asked, monkeypatch, [])).token


async def test_an_answer_with_another_state_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking() as asked, aiohttp.ClientSession() as web:
        opened: asyncio.Queue[str] = asyncio.Queue()
        monkeypatch.setattr(webbrowser, "open", opened.put_nowait)
        login = asyncio.create_task(signin.sign_in(asked, lambda text: None))
        await opened.get()
        url = f"http://localhost:{asked.port}/auth/callback?code=of-mallory&state=guessed"
        async with web.get(url) as answer:
            await answer.read()
        with pytest.raises(ApiError, match="state"):
            await asyncio.wait_for(login, 20)


async def test_a_server_without_sso_says_so() -> None:
    asked = SignIn(
        connection=ServerConnection(address="cd.example.org:443"),
        settings={},
        callback="",
        port=8085,
        browser=False,
    )
    with pytest.raises(ApiError, match="is not configured with SSO"):
        await signin.sign_in(asked, lambda text: None)
