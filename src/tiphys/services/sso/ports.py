"""What logins need of the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tiphys.core.sso.settings import SsoSettings
from tiphys.model.access import Caller
from tiphys.model.identity import ProviderAccess, ProviderMetadata, SignedClaims, Tokens


class IdentityProvider(Protocol):
    """One provider. What it says of itself and its keys is remembered for a while.

    Raises IdentityError, and IdentityUnreachableError where it could not be asked.
    """

    async def metadata(self) -> ProviderMetadata: ...

    async def signed(self, token: str) -> SignedClaims:
        """Proves algorithm and signature; unknown keys are asked for. Raises TokenError."""
        ...

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Tokens: ...

    async def refresh(self, refresh_token: str) -> Tokens: ...

    async def userinfo(self, url: str, access_token: str) -> Mapping[str, Any]: ...

    async def graph_groups(self, url: str, access_token: str) -> list[str]:
        """The ids of a person's groups as Microsoft Graph has them."""
        ...

    async def close(self) -> None: ...


class ByteCache(Protocol):
    """May lose anything at any time, and never raises."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, data: bytes, *, seconds: float) -> None: ...

    async def drop(self, key: str) -> None: ...


class Endings(Protocol):
    """Sessions that are good no longer."""

    async def end(self, token: str) -> Caller:
        """Whose it was. Raises ApiError, Unauthenticated, where it is nobody's now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all parts of it share. `settings` are None where no SSO is configured; `secret` is
    `server.secretkey`; `session` is users.session.duration in seconds; `nonce` and `letters` are
    of the system's randomness.
    """

    settings: Callable[[], SsoSettings | None]
    access: Callable[[SsoSettings], ProviderAccess]
    provider: Callable[[ProviderAccess], IdentityProvider]
    cache: ByteCache
    secret: Callable[[], bytes]
    session: Callable[[], float]
    now: Callable[[], datetime]
    randomness: Callable[[int], bytes]
