"""One provider: what it says of itself, and what is asked of it. Implements IdentityProvider."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

from tiphys.adapters.oidc.keys import KeySet
from tiphys.adapters.oidc.web import ProviderWeb
from tiphys.model.errors import IdentityError, IdentityUnreachableError
from tiphys.model.identity import ProviderAccess, ProviderMetadata, SignedClaims, Tokens
from tiphys.model.repository import Confidential

_DISCOVERY: Final = "/.well-known/openid-configuration"
_BASIC: Final = "client_secret_basic"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FEDERATED_FILE: Final = "AZURE_FEDERATED_TOKEN_FILE"


class OidcProvider:
    """`lifetime` in seconds: how long discovery and keys are believed before they are asked for
    again.
    """

    def __init__(
        self,
        access: ProviderAccess,
        *,
        lifetime: float = 180.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._web = ProviderWeb(access)
        self._lifetime = lifetime
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: tuple[float, ProviderMetadata, tuple[str, ...]] | None = None
        self._keys = KeySet(self._ask_keys, lifetime=lifetime, clock=clock)

    async def close(self) -> None:
        await self._web.close()

    async def metadata(self) -> ProviderMetadata:
        metadata, _ = await self._discovered()
        return metadata

    async def signed(self, token: str) -> SignedClaims:
        return await self._keys.signed(token)

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._tokens(form | ({"code_verifier": verifier} if verifier else {}))

    async def refresh(self, refresh_token: str) -> Tokens:
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def userinfo(self, url: str, access_token: str) -> Mapping[str, Any]:
        found = await self._web.get(url, token=access_token)
        if not isinstance(found, dict):
            raise IdentityError("userinfo is no object")
        return found

    async def graph_groups(self, url: str, access_token: str) -> list[str]:
        asked = {"securityEnabledOnly": False}
        found = await self._web.post_json(url, asked, token=access_token)
        groups = found.get("value") if isinstance(found, dict) else None
        if not isinstance(groups, list) or not all(isinstance(one, str) for one in groups):
            raise IdentityError("the groups are no list of texts")
        return groups

    async def _tokens(self, form: Mapping[str, str]) -> Tokens:
        metadata, methods = await self._discovered()
        access, login = self._access, None
        sent = dict(form)
        if access.federated:
            sent |= {
                "client_id": access.client_id,
                "client_assertion_type": _ASSERTION,
                "client_assertion": await asyncio.to_thread(_workload_token),
            }
        elif access.client_secret and (not methods or _BASIC in methods):
            # RFC 6749 has both encoded before they are joined.
            login = quote_plus(access.client_id), quote_plus(access.client_secret)
        else:
            sent["client_id"] = access.client_id
            if access.client_secret:
                sent["client_secret"] = str(access.client_secret)
        found = await self._web.post_form(metadata.token_endpoint, sent, login=login)
        if not isinstance(found, dict):
            raise IdentityError("the token response is no object")
        lasts = found.get("expires_in")
        return Tokens(
            id_token=_secret(found, "id_token"),
            access_token=_secret(found, "access_token"),
            refresh_token=_secret(found, "refresh_token"),
            lasts=float(lasts) if isinstance(lasts, int | float) else 0.0,
        )

    async def _ask_keys(self) -> Any:
        metadata, _ = await self._discovered()
        return await self._web.get(metadata.jwks_uri)

    async def _discovered(self) -> tuple[ProviderMetadata, tuple[str, ...]]:
        """With the ways in which a client may prove itself."""
        async with self._lock:
            found = self._found
            if found is None or self._clock() - found[0] >= self._lifetime:
                try:
                    url = self._access.issuer.rstrip("/") + _DISCOVERY
                    metadata, methods = _metadata(await self._web.get(url), self._access.issuer)
                except IdentityUnreachableError:
                    # What it said last is better than nothing: addresses hardly ever change.
                    if found is None:
                        raise
                    metadata, methods = found[1], found[2]
                found = self._found = (self._clock(), metadata, methods)
            return found[1], found[2]


def _metadata(found: Any, issuer: str) -> tuple[ProviderMetadata, tuple[str, ...]]:
    if not isinstance(found, dict):
        raise IdentityError("discovery is no object")
    if found.get("issuer") != issuer:
        raise IdentityError("discovery is of another issuer than the one that is configured")
    needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    for name in needed:
        if not isinstance(found.get(name), str) or not found[name]:
            raise IdentityError(f"discovery names no {name}")
    scopes = found.get("scopes_supported")
    metadata = ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=found["authorization_endpoint"],
        token_endpoint=found["token_endpoint"],
        jwks_uri=found["jwks_uri"],
        userinfo_endpoint=_text(found, "userinfo_endpoint"),
        response_types=_texts(found.get("response_types_supported")),
        scopes=None if scopes is None else _texts(scopes),
    )
    return metadata, _texts(found.get("token_endpoint_auth_methods_supported"))


def _workload_token() -> str:
    """What the platform gave this workload; it is renewed in its file."""
    path = os.environ.get(_FEDERATED_FILE, "")
    if not path:
        raise IdentityError(f"{_FEDERATED_FILE} is not set: the workload has no identity")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise IdentityError(f"the workload's token cannot be read: {error.strerror}") from None


def _secret(found: Mapping[str, Any], name: str) -> Confidential:
    return Confidential(_text(found, name))


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
