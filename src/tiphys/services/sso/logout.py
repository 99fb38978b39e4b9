"""The end of a session: its token counts no more, and the provider hears of it if it wants to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tiphys.core.sso.flow import logout_url
from tiphys.core.sso.settings import OidcConfig
from tiphys.model.access import LOCAL_ISSUER
from tiphys.services.sso.ports import Ground, Revocations
from tiphys.services.sso.sessions import KeptSessions


class Logouts:
    def __init__(self, ground: Ground, kept: KeptSessions, revocations: Revocations) -> None:
        self._ground = ground
        self._kept = kept
        self._revocations = revocations

    async def end(self, claims: Mapping[str, Any], token: str, *, home: str) -> str:
        """Where the browser goes then. `claims` are the token's, proven."""
        name = claims.get("jti") or claims.get("at_hash")
        ends = claims.get("exp")
        if isinstance(name, str) and isinstance(ends, int | float):
            await self._revocations.revoke(name, datetime.fromtimestamp(ends, UTC))
        if claims.get("iss") == LOCAL_ISSUER:
            return home
        await self._kept.forget(claims)
        settings = self._ground.settings()
        if settings is None or not isinstance(settings.provider, OidcConfig):
            return home
        template = settings.provider.logout_url
        return logout_url(template, token=token, back=home) if template else home
