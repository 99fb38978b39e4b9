"""How long a server asks to be left alone: RFC 9110's Retry-After, and what GitHub and GitLab say
beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 3600.0
"""Seconds. A server that asks for more is asked again after these."""

_LIMITING: Final = frozenset({403, 429, 503})
_RESETS: Final = ("x-ratelimit-reset", "ratelimit-reset")
_LEFT: Final = ("x-ratelimit-remaining", "ratelimit-remaining")
_EPOCH: Final = 1e9
"""A number past this is a point in time; below, it is seconds from now."""


def rest(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Seconds, None where the answer asks for no pause. Names of headers are lower-case; `now` is
    in seconds of Unix time.
    """
    if status not in _LIMITING:
        return None
    seconds = _retry_after(headers.get("retry-after", ""), now)
    if seconds is None and _first(headers, _LEFT) == "0":
        seconds = _until(_first(headers, _RESETS), now)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST)


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((headers[name].strip() for name in names if name in headers), "")


def _retry_after(text: str, now: float) -> float | None:
    text = text.strip()
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return None


def _until(text: str, now: float) -> float | None:
    number = _number(text)
    return number - now if number is not None and number > _EPOCH else number


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
