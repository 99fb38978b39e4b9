"""A login in a browser: to the provider, and back with a code that becomes a token."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from tiphys.core.sso.claims import ClaimsError
from tiphys.core.sso.flow import (
    STATE_LENGTH,
    STATE_LETTERS,
    Authorization,
    Pending,
    is_implicit,
    same_text,
)
from tiphys.core.sso.redirects import INVALID_REDIRECT, callback_url, may_return
from tiphys.core.sso.settings import DexConfig, OidcConfig, SsoSettings
from tiphys.model.errors import IdentityError
from tiphys.model.identity import Tokens
from tiphys.model.repository import Confidential
from tiphys.services.sso.errors import LoginError
from tiphys.services.sso.ports import Ground, IdentityProvider
from tiphys.services.sso.sealing import Seals
from tiphys.services.sso.sessions import Kept, KeptSessions
from tiphys.services.sso.verification import FAILED, ProviderTokens

log = structlog.get_logger()

_PLACE = "login"
REFUSALS: Final = {
    "access_denied": "access_denied: the provider refused the login",
    "server_error": "server_error: the provider failed",
    "temporarily_unavailable": "temporarily_unavailable: the provider is busy",
    "login_required": "login_required: log in at the provider first",
    "invalid_scope": "invalid_scope: the provider does not know a scope that was asked for",
}
"""What is said of errors that nobody proved to be the provider's."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what it keeps for us meanwhile."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`return_url` is empty where people are to come home."""

    token: Confidential
    return_url: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """The address that a request came by."""

    host: str
    path: str


class Logins:
    def __init__(
        self, ground: Ground, kept: KeptSessions, tokens: ProviderTokens, seals: Seals
    ) -> None:
        self._ground = ground
        self._kept = kept
        self._tokens = tokens
        self._seals = seals

    async def begin(self, arrival: Arrival, return_url: str) -> Begun:
        """Raises LoginError."""
        settings, provider = self._provider()
        if not may_return(return_url, settings.urls):
            raise LoginError(400, INVALID_REDIRECT)
        try:
            metadata = await provider.metadata()
        except IdentityError as error:
            raise LoginError(500, f"Failed to query provider: {error}") from None
        implicit = is_implicit(metadata.response_types)
        pending = Pending(
            state=self._letters(),
            return_url=return_url,
            verifier=self._verifier() if settings.uses_pkce and not implicit else "",
            nonce=self._letters() if implicit else "",
        )
        asked = self._authorization(settings, arrival, pending, implicit=implicit)
        sealed = await self._seals.sealed(pending.text().encode(), _PLACE)
        return Begun(asked.url(metadata.authorization_endpoint), sealed.hex())

    async def finish(self, arrival: Arrival, query: Mapping[str, str], cookie: str) -> LoggedIn:
        """Raises LoginError."""
        settings, provider = self._provider()
        pending = await self._pending(query, cookie)
        if query.get("error"):
            described = query.get("error_description", "")
            raise LoginError(400, f"{query['error']}: {described}")
        if not may_return(pending.return_url, settings.urls):
            raise LoginError(400, INVALID_REDIRECT)
        if pending.nonce:
            tokens = Tokens(id_token=Confidential(query.get("id_token", "")))
        else:
            tokens = await self._exchanged(settings, provider, arrival, query, pending)
        if not tokens.id_token:
            raise LoginError(500, "no id_token in token response")
        await self._accept(settings, tokens, pending)
        return LoggedIn(tokens.id_token, pending.return_url)

    def _provider(self) -> tuple[SsoSettings, IdentityProvider]:
        settings = self._ground.settings()
        if settings is None:
            raise LoginError(404, "SSO is not configured")
        return settings, self._ground.provider(self._ground.access(settings))

    def _authorization(
        self, settings: SsoSettings, arrival: Arrival, pending: Pending, *, implicit: bool
    ) -> Authorization:
        oidc = settings.provider if isinstance(settings.provider, OidcConfig) else None
        dex = settings.provider if isinstance(settings.provider, DexConfig) else None
        return Authorization(
            client_id=settings.client_id,
            redirect_uri=_redirect_uri(settings, arrival),
            scopes=settings.scopes,
            state=pending.state,
            verifier=pending.verifier,
            nonce=pending.nonce,
            claims=oidc.id_token_claims if oidc else None,
            domain_hint=oidc.domain_hint if oidc else "",
            connector=dex.connector if dex else "",
            implicit=implicit,
        )

    async def _pending(self, query: Mapping[str, str], cookie: str) -> Pending:
        """What this browser began. Whoever makes up an answer does not know its state, and is not
        the one who says what the page shows.
        """
        try:
            opened = await self._seals.opened(bytes.fromhex(cookie), _PLACE)
        except ValueError:
            opened = None
        pending = None if opened is None else Pending.of(opened.decode("utf-8", "replace"))
        state = query.get("state", "")
        if pending is None or not same_text(pending.state, state):
            refused = REFUSALS.get(query.get("error", ""), "invalid state: log in again")
            raise LoginError(400, refused)
        return pending

    async def _exchanged(
        self,
        settings: SsoSettings,
        provider: IdentityProvider,
        arrival: Arrival,
        query: Mapping[str, str],
        pending: Pending,
    ) -> Tokens:
        if not query.get("code"):
            raise LoginError(400, "the provider sent no code")
        try:
            return await provider.exchange(
                query["code"],
                redirect_uri=_redirect_uri(settings, arrival),
                verifier=pending.verifier,
            )
        except IdentityError as error:
            raise LoginError(500, f"failed to get token: {error}") from None

    async def _accept(self, settings: SsoSettings, tokens: Tokens, pending: Pending) -> None:
        try:
            claims = await self._tokens.proven(str(tokens.id_token))
            if pending.nonce and claims.get("nonce") != pending.nonce:
                raise ClaimsError("the token was made for another login")
        except (ClaimsError, IdentityError) as error:
            log.info(FAILED, error=str(error))
            raise LoginError(500, FAILED) from None
        now = self._ground.now().timestamp()
        await self._kept.forget(claims)
        kept = Kept(tokens=tokens, began=now, redirect_url=settings.url)
        await self._kept.keep(claims, kept, now=now, end=now + self._ground.session())

    def _letters(self) -> str:
        """Each letter is as likely as any other: bytes that would tip the scales are left out."""
        found: list[str] = []
        whole = 256 - 256 % len(STATE_LETTERS)
        while len(found) < STATE_LENGTH:
            drawn = self._ground.randomness(2 * STATE_LENGTH)
            found += [STATE_LETTERS[byte % len(STATE_LETTERS)] for byte in drawn if byte < whole]
        return "".join(found[:STATE_LENGTH])

    def _verifier(self) -> str:
        return base64.urlsafe_b64encode(self._ground.randomness(32)).rstrip(b"=").decode()


def _redirect_uri(settings: SsoSettings, arrival: Arrival) -> str:
    return callback_url(
        settings.url, settings.additional_urls, host=arrival.host, path=arrival.path
    )
