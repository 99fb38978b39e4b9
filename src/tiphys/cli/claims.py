"""What a token says of itself. It is read, not believed: only its server can verify it."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from typing import Any

from tiphys.cli.errors import FatalError

LOCAL_ISSUER = "argocd"


def claims_of(token: str) -> Mapping[str, Any]:
    """Raises FatalError for what is no token."""
    parts = token.split(".")
    if len(parts) != 3:
        raise FatalError("token is malformed: token contains an invalid number of segments")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, Mapping):
        raise FatalError("token is malformed: could not decode its claims")
    return found


def ended(token: str) -> bool:
    """Whether its time is over; nobody knows of a token that says nothing of itself."""
    try:
        end = claims_of(token).get("exp")
    except FatalError:
        return False
    return isinstance(end, int | float) and end < time.time()


def display_name(claims: Mapping[str, Any]) -> str:
    """How the user is greeted."""
    return next((str(claims[key]) for key in ("email", "name", "sub") if claims.get(key)), "")


def account_name(claims: Mapping[str, Any]) -> str:
    """The local account of a token."""
    subject = str(claims.get("sub") or "")
    return subject.removesuffix(":login").removesuffix(":apiKey")
