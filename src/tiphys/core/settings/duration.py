"""Durations as Go writes them (`1h30m`, `500ms`), with days, weeks and years added.

That is the spelling of the settings and of the retry fields of an Application.
"""

from __future__ import annotations

import re

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 7 * 86400.0,
    "y": 365 * 86400.0,
}
_PART = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w|y)", re.ASCII)
_LONGEST_TEXT = 64


def parse_duration(text: str) -> float | None:
    """Seconds, None where the text is no duration. Only zero may stand without a unit."""
    if text == "0":
        return 0.0
    if not text or len(text) > _LONGEST_TEXT:
        return None
    seconds = 0.0
    end = 0
    while match := _PART.match(text, end):
        seconds += float(match[1]) * _UNITS[match[2]]
        end = match.end()
    return seconds if end == len(text) else None


def parse_duration_or_seconds(text: str) -> float | None:
    """As `parse_duration`, where a number without a unit means seconds."""
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_TEXT:
        return float(text)
    return parse_duration(text)


def format_duration(seconds: float) -> str:
    """Go's spelling: `2m0s`, `1h0m0s`, `0s`, `1.5s`; below a second in milliseconds."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{round(rest, 9):.9g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
