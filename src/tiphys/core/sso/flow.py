"""The authorization request, and what has to be remembered until its answer comes.

RFC 6749 (code), RFC 7636 (PKCE), OpenID Connect Core 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

STATE_LENGTH: Final = 24
STATE_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
OFFLINE_SCOPE: Final = "offline_access"


@dataclass(frozen=True, slots=True)
class Pending:
    """A login under way: kept by the browser, sealed. `nonce` is of the implicit flow alone."""

    state: str
    return_url: str
    verifier: str = ""
    nonce: str = ""

    def text(self) -> str:
        parts = [self.state, self.return_url, self.verifier]
        return "\n".join([*parts, self.nonce] if self.nonce else parts)

    @classmethod
    def of(cls, text: str) -> Pending | None:
        parts = text.split("\n")
        return cls(*parts) if len(parts) in (3, 4) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What is asked of the provider. `claims` are requestedIDTokenClaims."""

    client_id: str
    redirect_uri: str
    scopes: Sequence[str]
    state: str
    verifier: str = ""
    nonce: str = ""
    claims: Mapping[str, Any] | None = None
    domain_hint: str = ""
    connector: str = ""
    implicit: bool = False

    def url(self, endpoint: str) -> str:
        """The address that the browser is sent to."""
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "id_token" if self.implicit else "code",
            "scope": " ".join(self.scopes),
            "state": self.state,
        }
        if self.verifier:
            asked |= {"code_challenge": challenge(self.verifier), "code_challenge_method": "S256"}
        further = {
            "nonce": self.nonce,
            "claims": json.dumps({"id_token": self.claims}) if self.claims else "",
            "domain_hint": self.domain_hint,
            "connector_id": self.connector,
        }
        asked |= {name: text for name, text in further.items() if text}
        parts = urlsplit(endpoint)
        query = "&".join(one for one in (parts.query, urlencode(asked, quote_via=quote)) if one)
        return urlunsplit(parts._replace(query=query))


def challenge(verifier: str) -> str:
    """S256 of RFC 7636."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def same_text(one: str, other: str) -> bool:
    """In a time that says nothing of where they differ. Nothing is the same as nothing."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode(errors="replace"))


def is_implicit(response_types: Sequence[str]) -> bool:
    """Whether the provider knows no code flow. One that says nothing knows it."""
    return bool(response_types) and "code" not in response_types


def offline(scopes: Sequence[str], supported: Sequence[str] | None) -> tuple[str, ...]:
    """With the scope that brings a refresh token, where the provider knows it or says nothing."""
    if OFFLINE_SCOPE in scopes or (supported is not None and OFFLINE_SCOPE not in supported):
        return tuple(scopes)
    return (*scopes, OFFLINE_SCOPE)


def logout_url(template: str, *, token: str, back: str) -> str:
    """The provider's own logout, with the token and where to come back to filled in."""
    filled = template.replace("{{token}}", quote(token, safe=""))
    return filled.replace("{{logoutRedirectURL}}", quote(back, safe=""))
