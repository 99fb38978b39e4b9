"""What argocd-cm says of sessions and passwords."""

from __future__ import annotations

import re

import re2

DEFAULT_SECONDS = 86_400
"""users.session.duration: how long a login lasts."""
DEFAULT_PATTERN = "^.{8,32}$"
"""passwordPattern."""

_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def session_seconds(text: str) -> int | None:
    """None where the text is no duration, such as `24h`."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None


def fits(pattern: str, password: str) -> bool | None:
    """Whether the pattern is found in the password; None where it is no pattern."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).search(password) is not None
    except re2.error:
        return None
