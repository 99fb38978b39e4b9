"""A Google service account's login: a signed assertion exchanged for an access token (RFC 7523)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from tiphys.adapters.tokens.calls import Call, Calls
from tiphys.adapters.tokens.github import signed
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import BasicLogin, Confidential, GoogleServiceAccount, Repository

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ENDPOINT: Final = "https://oauth2.googleapis.com/token"
_WHAT: Final = "Google service account: access token"


class GoogleLogins:
    def __init__(self, calls: Calls, now: Callable[[], float]) -> None:
        self._calls = calls
        self._now = now

    async def token(
        self, account: GoogleServiceAccount, repository: Repository
    ) -> tuple[BasicLogin, float]:
        key = _decoded(account, repository)
        endpoint = str(key.get("token_uri") or _ENDPOINT)
        at = int(self._now())
        claims = {
            "iss": key["client_email"],
            "scope": _SCOPE,
            "aud": endpoint,
            "iat": at,
            "exp": at + 3600,
        }
        assertion = signed(claims, key["private_key"], "gcpServiceAccountKey", repository)
        form = {"grant_type": _GRANT, "assertion": assertion}
        body = await self._calls.fetch(Call("POST", endpoint, _WHAT, form=form), repository)
        token, until = token_of(body, self._now(), _WHAT, repository)
        return BasicLogin(str(key["client_email"]), token), until


def token_of(
    body: Any, now: float, what: str, repository: Repository
) -> tuple[Confidential, float]:
    """An answer of RFC 6749, section 5.1."""
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token:
        raise RepositoryError(f"{what}: the answer holds no token", url=repository.url)
    seconds = body.get("expires_in", 300)
    try:
        return Confidential(token), now + float(seconds)
    except (TypeError, ValueError):
        return Confidential(token), now


def _decoded(account: GoogleServiceAccount, repository: Repository) -> dict[str, Any]:
    try:
        key = orjson.loads(str(account.key))
    except orjson.JSONDecodeError:
        key = None
    if not isinstance(key, dict) or not all(
        isinstance(key.get(name), str) for name in ("client_email", "private_key")
    ):
        raise RepositoryError(
            "gcpServiceAccountKey is no key of a service account in JSON form", url=repository.url
        )
    return key
