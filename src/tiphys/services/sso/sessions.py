"""What is kept of a login beside its ID token: access and refresh token, and when it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tiphys.model.identity import Tokens
from tiphys.model.repository import Confidential
from tiphys.services.sso.ports import ByteCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`began` in seconds since 1970: the whole session is bounded from there."""

    tokens: Tokens
    began: float
    redirect_url: str = ""


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""


class _Stored(msgspec.Struct):
    redirect_url: str
    token: _Token
    token_extra_id_token: str
    session_start: float


class KeptSessions:
    """`seconds`: how long a session lasts from its login."""

    def __init__(self, cache: ByteCache) -> None:
        self._cache = cache

    async def find(self, claims: Mapping[str, Any]) -> Kept | None:
        found = await self._cache.get(_session_key(claims))
        if found is None:
            return None
        try:
            stored = msgspec.json.decode(found, type=_Stored)
        except msgspec.DecodeError:
            return None
        return Kept(
            tokens=Tokens(
                id_token=Confidential(stored.token_extra_id_token),
                access_token=Confidential(stored.token.access_token),
                refresh_token=Confidential(stored.token.refresh_token),
            ),
            began=stored.session_start,
            redirect_url=stored.redirect_url,
        )

    async def keep(self, claims: Mapping[str, Any], kept: Kept, *, now: float, end: float) -> None:
        """Until `end`, the session's; the access token until the ID token expires."""
        tokens = kept.tokens
        stored = _Stored(
            redirect_url=kept.redirect_url,
            token=_Token(str(tokens.access_token), str(tokens.refresh_token)),
            token_extra_id_token=str(tokens.id_token),
            session_start=kept.began,
        )
        if tokens.refresh_token:
            data = msgspec.json.encode(stored)
            await self._cache.put(_session_key(claims), data, seconds=end - now)
        if tokens.access_token:
            await self._cache.put(
                _access_key(claims),
                tokens.access_token.encode(),
                seconds=float(claims["exp"]) - now,
            )

    async def access_token(self, claims: Mapping[str, Any]) -> str:
        found = await self._cache.get(_access_key(claims))
        return "" if found is None else found.decode()

    async def groups(self, claims: Mapping[str, Any]) -> list[str] | None:
        """Those that the provider named beside the token; None where it has to be asked."""
        found = await self._cache.get(_groups_key(claims))
        if found is None:
            return None
        try:
            return msgspec.json.decode(found, type=list[str])
        except msgspec.DecodeError:
            return None

    async def keep_groups(
        self, claims: Mapping[str, Any], groups: list[str], *, seconds: float
    ) -> None:
        await self._cache.put(_groups_key(claims), msgspec.json.encode(groups), seconds=seconds)

    async def forget_groups(self, claims: Mapping[str, Any]) -> None:
        await self._cache.drop(_groups_key(claims))

    async def forget(self, claims: Mapping[str, Any]) -> None:
        for key in (_session_key(claims), _access_key(claims), _groups_key(claims)):
            await self._cache.drop(key)


def _session_key(claims: Mapping[str, Any]) -> str:
    sid = claims.get("sid")
    return f"oidc_token_{claims.get('sub')}_{sid if isinstance(sid, str) else ''}"


def _access_key(claims: Mapping[str, Any]) -> str:
    return f"access_token_{claims.get('sub')}"


def _groups_key(claims: Mapping[str, Any]) -> str:
    return f"userinfo_response_{claims.get('sub')}"
