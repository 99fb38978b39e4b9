"""Logs a person at a command line in at the identity provider of a server."""

from __future__ import annotations

import secrets
import webbrowser
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tiphys.adapters.apiclient.callback import callback
from tiphys.adapters.oidc import OidcProvider
from tiphys.cli.ports import SignedIn, SignIn
from tiphys.core.sso.flow import (
    STATE_LENGTH,
    STATE_LETTERS,
    Authorization,
    is_implicit,
    offline,
    same_text,
)
from tiphys.model.errors import ApiCode, ApiError, IdentityError
from tiphys.model.identity import ProviderAccess, ProviderMetadata

_SCOPES = ("openid", "profile", "email", "groups")
_DEX_CLIENT = "argo-cd-cli"
_DEX_SCOPE = "federated:id"
_PATH = "/auth/callback"
_VERIFIER_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Client:
    """Who this command line is to the provider."""

    issuer: str
    id: str
    scopes: tuple[str, ...]
    claims: Mapping[str, Any] | None = None


async def sign_in(asked: SignIn, say: Callable[[str], None]) -> SignedIn:
    """Raises ApiError."""
    client = _client(asked)
    async with _provider(asked, client) as provider:
        metadata = await provider.metadata()
        implicit = is_implicit(metadata.response_types)
        redirect, path = _redirect(asked)
        authorization = _authorization(client, metadata, redirect, implicit=implicit)
        url = authorization.url(metadata.authorization_endpoint)
        async with callback(asked.port, path) as brought:
            flow = "implicit" if implicit else "authorization_code"
            say(f"Performing {flow} flow login: {url}\n")
            _lead(asked, url, say)
            query = await brought
        _check(query, authorization)
        signed = SignedIn(query.get("id_token", ""))
        if not implicit:
            tokens = await provider.exchange(
                query["code"], redirect_uri=redirect, verifier=authorization.verifier
            )
            signed = SignedIn(str(tokens.id_token), str(tokens.refresh_token))
    if not signed.token:
        raise ApiError(ApiCode.UNAUTHENTICATED, "no id_token in token response")
    say("Authentication successful\n")
    return signed


async def renew(asked: SignIn, refresh_token: str) -> SignedIn:
    """A new token for an old one that has ended. Raises ApiError."""
    async with _provider(asked, _client(asked)) as provider:
        tokens = await provider.refresh(refresh_token)
    if not tokens.id_token:
        raise ApiError(ApiCode.UNAUTHENTICATED, "no id_token in token response")
    return SignedIn(str(tokens.id_token), str(tokens.refresh_token) or refresh_token)


def _client(asked: SignIn) -> _Client:
    settings = asked.settings
    oidc = settings.get("oidcConfig")
    if oidc:
        return _Client(
            str(oidc.get("issuer") or ""),
            str(oidc.get("cliClientID") or oidc.get("clientID") or ""),
            tuple(oidc.get("scopes") or _SCOPES),
            oidc.get("idTokenClaims") or None,
        )
    if (settings.get("dexConfig") or {}).get("connectors"):
        issuer = f"{str(settings.get('url') or '').rstrip('/')}/api/dex"
        return _Client(issuer, _DEX_CLIENT, (*_SCOPES, _DEX_SCOPE))
    text = f"{asked.connection.address} is not configured with SSO"
    raise ApiError(ApiCode.FAILED_PRECONDITION, text)


@asynccontextmanager
async def _provider(asked: SignIn, client: _Client) -> AsyncIterator[OidcProvider]:
    connection = asked.connection
    provider = OidcProvider(
        ProviderAccess(
            issuer=client.issuer,
            client_id=client.id,
            root_ca=connection.authority.decode(errors="replace"),
            insecure=connection.insecure,
        )
    )
    try:
        yield provider
    except IdentityError as error:
        raise ApiError(ApiCode.UNAUTHENTICATED, str(error)) from None
    finally:
        await provider.close()


def _redirect(asked: SignIn) -> tuple[str, str]:
    """Where the provider sends the browser, and the path that is listened at for that."""
    if not asked.callback:
        return f"http://localhost:{asked.port}{_PATH}", _PATH
    given = asked.callback if "://" in asked.callback else f"http://{asked.callback}"
    path = urlsplit(given).path
    return given if path.strip("/") else f"{given.rstrip('/')}{_PATH}", path.rstrip("/") or _PATH


def _authorization(
    client: _Client, metadata: ProviderMetadata, redirect: str, *, implicit: bool
) -> Authorization:
    return Authorization(
        client_id=client.id,
        redirect_uri=redirect,
        scopes=offline(client.scopes, metadata.scopes),
        state=_letters(),
        verifier="" if implicit else secrets.token_urlsafe(_VERIFIER_BYTES),
        nonce=_letters() if implicit else "",
        claims=client.claims,
        implicit=implicit,
    )


def _lead(asked: SignIn, url: str, say: Callable[[str], None]) -> None:
    if asked.browser:
        say("Opening system default browser for authentication\n")
        webbrowser.open(url)
        return
    say(f"To authenticate, copy-and-paste the following URL into your preferred browser: {url}\n")


def _check(query: Mapping[str, str], authorization: Authorization) -> None:
    if "error" in query:
        text = f"{query['error']}: {query.get('error_description', '')}"
        raise ApiError(ApiCode.UNAUTHENTICATED, text)
    if not same_text(authorization.state, query.get("state", "")):
        raise ApiError(ApiCode.UNAUTHENTICATED, "the state is not the one that was sent")


def _letters() -> str:
    return "".join(secrets.choice(STATE_LETTERS) for _ in range(STATE_LENGTH))
