"""Takes secrets out of what a plugin's command said, before it becomes an error."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|AUTH", re.I)
_USER_INFO = re.compile(r"://[^/\s@]*@")
_SHORTEST = 4
"""A shorter value would take half of a text with it, and guards nothing."""


def secrets_of(environment: Mapping[str, str]) -> frozenset[str]:
    """The values of variables whose names say that they are secret."""
    return frozenset(value for name, value in environment.items() if _SECRET_NAME.search(name))


def without_secrets(text: str, secrets: Collection[str]) -> str:
    """The longest first, for one may hold another."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return _USER_INFO.sub("://***@", text)
