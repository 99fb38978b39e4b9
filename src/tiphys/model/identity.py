"""What an OpenID provider says, and how it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tiphys.model.repository import Confidential

_NO_SECRET: Final = Confidential("")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAccess:
    """`root_ca` is PEM, besides the system's authorities. `insecure`: any certificate will do.

    `reached_at` is scheme, host and port that stand in for the issuer's own, where the provider is
    reached behind them; then `root_ca`, if given, is the only authority. `federated`: the client
    proves itself with the workload's own token instead of a secret.
    """

    issuer: str
    client_id: str = ""
    client_secret: Confidential = _NO_SECRET
    root_ca: str = ""
    insecure: bool = False
    reached_at: str = ""
    federated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMetadata:
    """Of discovery. `scopes` is None where the provider does not say which it knows."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    response_types: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Of one exchange; texts are empty where the provider gave none. `lasts` in seconds."""

    id_token: Confidential = _NO_SECRET
    access_token: Confidential = _NO_SECRET
    refresh_token: Confidential = _NO_SECRET
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """Of a token whose signature was proven, and nothing else yet."""

    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a provider behind us answered to a browser."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
