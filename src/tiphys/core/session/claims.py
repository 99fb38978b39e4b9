"""What the tokens say that are issued here, and when they are good no more."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from tiphys.core.session.accounts import Account, Capability
from tiphys.core.session.errors import SessionError
from tiphys.model.access import LOCAL_ISSUER

OWN_ALGORITHM = "HS256"
"""What our own tokens are signed with, and no provider's."""
RENEWED_BEFORE = 300
"""Seconds before its end from which on a login is renewed."""


def local_claims(subject: str, *, issued: int, seconds: int, identifier: str) -> dict[str, Any]:
    """`seconds` 0 is for ever."""
    end = {"exp": issued + seconds} if seconds > 0 else {}
    return {
        "iss": LOCAL_ISSUER,
        "sub": subject,
        **end,
        "nbf": issued,
        "iat": issued,
        "jti": identifier,
    }


def algorithm_of(token: str) -> str:
    """What the token says that it is signed with, which proves nothing; empty where it is none."""
    head = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        return str(found["alg"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""


def account_of(subject: str) -> tuple[str, Capability]:
    """Tokens from before there were capabilities are API keys."""
    name, colon, capability = subject.rpartition(":")
    if colon and capability in set(Capability):
        return name, Capability(capability)
    return subject, Capability.API_KEY


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Raises SessionError."""
    end, begin = claims.get("exp"), claims.get("nbf")
    for time in (end, begin, claims.get("iat")):
        if time is not None and not _is_time(time):
            raise SessionError("token has invalid claims: a time is no number")
    if end is not None and now >= end:
        raise SessionError("token has invalid claims: token is expired")
    if begin is not None and now < begin:
        raise SessionError("token has invalid claims: token is not valid yet")


def check_account(
    account: Account | None,
    name: str,
    capability: Capability,
    claims: Mapping[str, Any],
    *,
    revoked: bool,
) -> None:
    """Raises SessionError with the first thing that is wrong."""
    identifier = claims.get("jti")
    if account is None:
        raise SessionError(f"account '{name}' does not exist")
    if not account.enabled:
        raise SessionError(f"account {name} is disabled")
    if not account.can(capability):
        raise SessionError(f"account {name} does not have '{capability.value}' capability")
    if not isinstance(identifier, str) or not identifier:
        raise SessionError("token id is missing")
    if revoked:
        raise SessionError("token is revoked, please re-login")
    if capability is Capability.API_KEY and account.token(identifier) is None:
        raise SessionError(f"account {name} does not have token with id {identifier}")
    changed = account.password_changed
    if changed is not None and (claims.get("iat") or 0) < changed:
        raise SessionError("account password has changed since token issued")


def renewal(claims: Mapping[str, Any], now: float) -> int:
    """For how many seconds a login is to be renewed; 0 while it lasts long enough."""
    end, issued = claims.get("exp"), claims.get("iat")
    if end is None or issued is None or end - now >= RENEWED_BEFORE:
        return 0
    return int(end - issued)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
