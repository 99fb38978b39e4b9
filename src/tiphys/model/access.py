"""Who calls, as it was proven before anything else was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LOCAL_ISSUER = "argocd"
"""The issuer of the tokens that are made here."""


@dataclass(frozen=True, slots=True)
class Caller:
    """`claims` are those of a verified token; without any the caller is anonymous.

    `everything`: the caller may do all, as in a process that asks nobody to log in.
    """

    claims: Mapping[str, Any] = field(default_factory=dict)
    everything: bool = False

    @property
    def is_anonymous(self) -> bool:
        return not self.claims

    @property
    def issuer(self) -> str:
        return _text(self.claims.get("iss"))

    @property
    def is_local(self) -> bool:
        return self.issuer == LOCAL_ISSUER

    @property
    def subject(self) -> str:
        """The name that policies know: without the suffix that tells login and API key apart."""
        federated = self.claims.get("federated_claims")
        if isinstance(federated, Mapping) and _text(federated.get("user_id")):
            return _text(federated.get("user_id"))
        subject = _text(self.claims.get("sub"))
        if self.is_local:
            for suffix in (":login", ":apiKey"):
                subject = subject.removesuffix(suffix)
        return subject

    @property
    def issued(self) -> int | None:
        """Seconds since 1970."""
        found = self.claims.get("iat")
        return int(found) if isinstance(found, int | float) else None

    @property
    def username(self) -> str:
        """What people are shown: the mail address of who came by SSO; empty for nobody."""
        if self.claims and not self.is_local:
            return _text(self.claims.get("email")) or self.subject
        return self.subject


ANONYMOUS = Caller()
EVERYTHING = Caller(everything=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
