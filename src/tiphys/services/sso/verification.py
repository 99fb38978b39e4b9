"""Tokens of the provider as sessions: proven, renewed where they end, and with their groups.

Implements TokenVerifier of access control.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from tiphys.core.sso.claims import SKEW, ClaimsError, TokenExpiredError, check_claims
from tiphys.core.sso.settings import OidcConfig, SsoSettings
from tiphys.model.errors import ApiCode, ApiError, ExpiredError, IdentityError, TokenError
from tiphys.services.sso.groups import GroupLookup
from tiphys.services.sso.ports import Ground, IdentityProvider
from tiphys.services.sso.sessions import KeptSessions

log = structlog.get_logger()

FAILED: Final = "failed to verify the token"
SSO_ISSUER: Final = "sso"
"""Whom an expired token is said to be of: what is told without a login names no provider."""


@dataclass(frozen=True, slots=True)
class _Renewed:
    token: str
    claims: Mapping[str, Any]


class ProviderTokens:
    def __init__(self, ground: Ground, kept: KeptSessions) -> None:
        self._ground = ground
        self._kept = kept
        self._groups = GroupLookup(kept)
        self._renewals: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def verify(self, token: str) -> tuple[Mapping[str, Any], str]:
        """As TokenVerifier has it."""
        settings = self._ground.settings()
        if settings is None:
            raise ApiError(ApiCode.UNAUTHENTICATED, "SSO is not configured")
        provider = self._ground.provider(self._ground.access(settings))
        claims, renewed = await self._current(token, settings, provider)
        if isinstance(settings.provider, OidcConfig):
            try:
                claims = await self._groups.with_groups(
                    claims, settings.provider, provider, now=self._now()
                )
            except IdentityError as error:
                raise ApiError(ApiCode.UNAUTHENTICATED, str(error)) from None
        return claims, renewed

    async def proven(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that is good now. Raises ClaimsError or IdentityError."""
        settings = self._ground.settings()
        if settings is None:
            raise ClaimsError("SSO is not configured")
        provider = self._ground.provider(self._ground.access(settings))
        return await self._proven(token, settings, provider)

    async def _current(
        self, token: str, settings: SsoSettings, provider: IdentityProvider
    ) -> tuple[Mapping[str, Any], str]:
        """The claims, and a newer token if there is one to hand out."""
        oidc = settings.provider if isinstance(settings.provider, OidcConfig) else None
        try:
            claims = await self._proven(token, settings, provider)
        except _ExpiredClaimsError as expired:
            if oidc is not None:
                renewed = await self._renewed(token, expired.claims, settings, provider)
                if renewed is not None:
                    return renewed.claims, renewed.token
            raise ExpiredError(FAILED, issuer=SSO_ISSUER) from None
        except (ClaimsError, IdentityError) as error:
            log.info(FAILED, error=str(error))
            raise ApiError(ApiCode.UNAUTHENTICATED, FAILED) from None
        threshold = oidc.refresh_threshold if oidc is not None else 0.0
        if threshold and threshold > float(claims["exp"]) - self._now():
            renewed = await self._renewed(token, claims, settings, provider)
            if renewed is not None:
                return renewed.claims, renewed.token
        return claims, ""

    async def _proven(
        self, token: str, settings: SsoSettings, provider: IdentityProvider
    ) -> Mapping[str, Any]:
        try:
            claims = (await provider.signed(token)).values
        except TokenError as error:
            raise ClaimsError(str(error)) from None
        try:
            check_claims(
                claims,
                issuer=settings.issuer,
                audiences=settings.audiences,
                now=self._now(),
                skips_missing_audience=settings.skips_missing_audience,
            )
        except TokenExpiredError as error:
            raise _ExpiredClaimsError(str(error), claims) from None
        return claims

    async def _renewed(
        self,
        token: str,
        claims: Mapping[str, Any],
        settings: SsoSettings,
        provider: IdentityProvider,
    ) -> _Renewed | None:
        """By the kept refresh token, once for however many ask; None where that is not possible."""
        name = f"{claims.get('sub')} {claims.get('sid')}"
        lock = self._renewals.setdefault(name, asyncio.Lock())
        async with lock:
            kept = await self._kept.find(claims)
            if kept is None or not kept.tokens.refresh_token:
                return None
            end = kept.began + self._ground.session()
            if end <= self._now():
                await self._kept.forget(claims)
                return None
            if not _is_of(claims, kept.began):
                return None
            try:
                if kept.tokens.id_token and kept.tokens.id_token != token:
                    # Somebody else was faster: theirs is good as long as it is fresh.
                    found = await self._fresh(str(kept.tokens.id_token), settings, provider)
                    if found is not None:
                        return _Renewed(str(kept.tokens.id_token), found)
                tokens = await provider.refresh(str(kept.tokens.refresh_token))
                fresh = await self._proven(str(tokens.id_token), settings, provider)
            except (ClaimsError, IdentityError) as error:
                log.info("a login could not be renewed", error=str(error))
                return None
            if fresh["sub"] != claims["sub"]:
                log.warning("the provider renewed the login of another person", security=3)
                return None
            again = tokens.refresh_token or kept.tokens.refresh_token
            renewed = replace(kept, tokens=replace(tokens, refresh_token=again))
            await self._kept.forget_groups(claims)
            for one in (fresh, claims) if fresh.get("sid") != claims.get("sid") else (fresh,):
                life = {**one, "exp": fresh["exp"]}
                await self._kept.keep(life, renewed, now=self._now(), end=end)
            return _Renewed(str(tokens.id_token), fresh)

    async def _fresh(
        self, token: str, settings: SsoSettings, provider: IdentityProvider
    ) -> Mapping[str, Any] | None:
        oidc = settings.provider
        threshold = oidc.refresh_threshold if isinstance(oidc, OidcConfig) else 0.0
        try:
            claims = await self._proven(token, settings, provider)
        except ClaimsError:
            return None
        return claims if float(claims["exp"]) - self._now() > threshold else None

    def _now(self) -> float:
        return self._ground.now().timestamp()


class _ExpiredClaimsError(ClaimsError):
    """Everything but the time was right."""

    def __init__(self, text: str, claims: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.claims = claims


def _is_of(claims: Mapping[str, Any], began: float) -> bool:
    """Whether a token can be of a login that began then. One from before is another login's, which
    may have been logged out: it is not made good by what is kept of this one.
    """
    issued = claims.get("iat")
    return isinstance(issued, int | float) and issued >= began - SKEW
