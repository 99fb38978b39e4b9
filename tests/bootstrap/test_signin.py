"""A login at an identity provider from the command line, with somebody in the browser's place."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web

from tests.adapters.apiclient.servers import http_server
from tiphys.bootstrap.signin import renew, sign_in
from tiphys.cli.ports import SignIn
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiCode, ApiError


class Provider:
    """Gives a token for the code that it gave, to who knows the verifier."""

    def __init__(self) -> None:
        self.url = ""
        self.response_types = ["code"]
        self.forms: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/.well-known/openid-configuration"):
            issuer = request.url.with_path(request.path.partition("/.well-known")[0] or "/")
            return web.json_response(
                {
                    "issuer": str(issuer).rstrip("/"),
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/keys",
                    "response_types_supported": self.response_types,
                }
            )
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        return web.json_response(
            {"id_token": "new.token", "refresh_token": "again", "access_token": "a",
             "token_type": "bearer", "expires_in": 60}
        )  # fmt: skip


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    one = Provider()
    async with http_server(one.answer) as port:
        one.url = f"http://127.0.0.1:{port}"
        yield one


def asked(settings: Mapping[str, Any], port: int = 0, callback: str = "") -> SignIn:
    connection = ServerConnection(address="cd:443")
    return SignIn(
        connection=connection, settings=settings, callback=callback, port=port, browser=False
    )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def visited(
    ask: SignIn, comes_back: Callable[[dict[str, str]], Mapping[str, str]]
) -> tuple[Any, dict[str, str], str]:
    """What the login gives, what the provider was asked for, and what the person saw."""
    said: list[str] = []
    seen: dict[str, str] = {}
    visits: list[asyncio.Task[None]] = []

    def say(text: str) -> None:
        said.append(text)
        found = re.search(r"Performing \S+ flow login: (\S+)", text)
        if found:
            query = parse_qs(urlsplit(found[1]).query)
            seen.update({key: value[0] for key, value in query.items()})
            visits.append(asyncio.create_task(browse()))

    async def browse() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.get(seen["redirect_uri"], params=comes_back(seen)) as answer,
        ):
            await answer.text()

    try:
        signed = await sign_in(ask, say)
    finally:
        await asyncio.gather(*visits)
    return signed, seen, "".join(said)


async def test_a_code_for_a_token() -> None:
    async with provider() as there:
        port = free_port()
        settings = {
            "oidcConfig": {
                "issuer": there.url,
                "clientID": "web",
                "cliClientID": "cli",
                "idTokenClaims": {"groups": {"essential": True}},
            }
        }
        signed, seen, said = await visited(
            asked(settings, port), lambda sent: {"code": "c", "state": sent["state"]}
        )
    assert (signed.token, signed.refresh_token) == ("new.token", "again")
    assert seen["redirect_uri"] == f"http://localhost:{port}/auth/callback"
    assert seen["scope"] == "openid profile email groups offline_access"
    assert (seen["client_id"], seen["code_challenge_method"]) == ("cli", "S256")
    assert json.loads(seen["claims"]) == {"id_token": {"groups": {"essential": True}}}
    form = there.forms[0]
    assert (form["code"], form["redirect_uri"]) == ("c", seen["redirect_uri"])
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert seen["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert said.startswith("Performing authorization_code flow login: http")
    assert "copy-and-paste the following URL into your preferred browser: " in said
    assert said.endswith("Authentication successful\n")


async def test_dex() -> None:
    async with provider() as there:
        settings = {"url": there.url + "/", "dexConfig": {"connectors": [{"name": "x"}]}}
        port = free_port()
        _, seen, _ = await visited(
            asked(settings, port), lambda sent: {"code": "c", "state": sent["state"]}
        )
    assert seen["client_id"] == "argo-cd-cli"
    assert seen["scope"].startswith("openid profile email groups federated:id")


async def test_the_implicit_flow() -> None:
    async with provider() as there:
        there.response_types = ["id_token"]
        settings = {"oidcConfig": {"issuer": there.url, "clientID": "web"}}
        signed, seen, said = await visited(
            asked(settings, free_port()),
            lambda sent: {"id_token": "given.token", "state": sent["state"]},
        )
    assert signed.token == "given.token"
    assert seen["nonce"]
    assert said.startswith("Performing implicit flow login: ")
    assert not there.forms


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"code": "c", "state": "another"}, "the state is not the one that was sent"),
        ({"error": "access_denied", "error_description": "no"}, "access_denied: no"),
    ],
)
async def test_what_is_refused(answer: dict[str, str], message: str) -> None:
    async with provider() as there:
        settings = {"oidcConfig": {"issuer": there.url, "clientID": "web"}}
        with pytest.raises(ApiError, match=message) as raised:
            await visited(asked(settings, free_port()), lambda sent: answer)
    assert raised.value.code is ApiCode.UNAUTHENTICATED
    assert not there.forms


async def test_without_a_provider() -> None:
    with pytest.raises(ApiError, match="cd:443 is not configured with SSO"):
        await sign_in(asked({}), print)


async def test_a_token_is_renewed() -> None:
    async with provider() as there:
        settings = {"oidcConfig": {"issuer": there.url, "clientID": "web"}}
        signed = await renew(asked(settings), "before")
    assert (signed.token, signed.refresh_token) == ("new.token", "again")
    assert there.forms[0]["refresh_token"] == "before"
