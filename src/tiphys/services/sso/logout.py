"""The end of a session: its token counts no more, and the provider hears of it if it wants to."""

from __future__ import annotations

from collections.abc import Callable

from tiphys.core.sso.flow import logout_url
from tiphys.core.sso.settings import OidcConfig, SsoSettings
from tiphys.model.errors import ApiError
from tiphys.services.sso.ports import Endings
from tiphys.services.sso.sessions import KeptSessions


class Logouts:
    def __init__(
        self, settings: Callable[[], SsoSettings | None], kept: KeptSessions, endings: Endings
    ) -> None:
        self._settings = settings
        self._kept = kept
        self._endings = endings

    async def end(self, token: str, *, home: str) -> str:
        """Where the browser goes then."""
        try:
            caller = await self._endings.end(token)
        except ApiError:
            return home
        if caller.is_local or caller.is_anonymous:
            return home
        await self._kept.forget(caller.claims)
        settings = self._settings()
        if settings is None or not isinstance(settings.provider, OidcConfig):
            return home
        template = settings.provider.logout_url
        return logout_url(template, token=token, back=home) if template else home
