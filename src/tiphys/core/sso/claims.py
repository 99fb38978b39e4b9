"""Whether a token that its provider signed is for us, now. Nothing else is read of it before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

SKEW: Final = 60.0
"""Seconds that the provider's clock may differ from ours."""
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
    "EdDSA",
)
"""Asymmetric ones: with a shared secret whoever verifies could sign, and `none` signs nothing."""


class ClaimsError(Exception):
    """The token is not believed. The text names the claim, and nothing of the token."""


class TokenExpiredError(ClaimsError):
    """All else was right."""


def check_claims(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    audiences: Sequence[str],
    now: float,
    skips_missing_audience: bool = False,
) -> None:
    """Raises ClaimsError; `now` in seconds since 1970. The expiry is looked at last."""
    if claims.get("iss") != issuer:
        raise ClaimsError("the token is of another issuer")
    _check_audience(claims.get("aud"), audiences, skips_missing=skips_missing_audience)
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise ClaimsError("the token names nobody")
    if _seconds(claims, "nbf", default=0.0) > now + SKEW:
        raise ClaimsError("the token is not valid yet")
    if _seconds(claims, "iat", default=0.0) > now + SKEW:
        raise ClaimsError("the token was issued in the future")
    if _seconds(claims, "exp") + SKEW <= now:
        raise TokenExpiredError("the token is expired")


def _check_audience(found: Any, audiences: Sequence[str], *, skips_missing: bool) -> None:
    named = [found] if isinstance(found, str) else found
    if named is None or named in ([], [""]):
        if skips_missing:
            return
        raise ClaimsError("the token names no audience")
    if not isinstance(named, list) or not any(one in audiences for one in named if one):
        raise ClaimsError("the token is for another audience")


def _seconds(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    found = claims.get(name)
    if found is None and default is not None:
        return default
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ClaimsError(f"{name} of the token is no time")
    return float(found)
