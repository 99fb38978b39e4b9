"""Time zones by name, for sync windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NONE = timedelta()


def utc_offset(name: str, at: datetime) -> timedelta:
    """How far a zone's clock is ahead of UTC at a moment; nothing for a name that is none."""
    zone = _zone(name)
    if zone is None:
        return _NONE
    return at.astimezone(UTC).astimezone(zone).utcoffset() or _NONE


def is_zone(name: str) -> bool:
    return _zone(name) is not None


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A name that is none, one that leads out of the data, or a folder of it.
        return None
