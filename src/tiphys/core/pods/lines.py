"""Lines of logs as Kubernetes sends them, and which of them are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
NO_TIME = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time to the nanosecond. `text` has no zeros at the end of its fraction."""

    text: str
    seconds: int
    nanos: int

    @property
    def order(self) -> tuple[int, int]:
        return self.seconds, self.nanos


ZERO = Stamp(NO_TIME, -62_135_596_800, 0)


@dataclass(frozen=True, slots=True)
class LogLine:
    """`pod` is empty for what we have to say ourselves."""

    stamp: Stamp
    content: str
    pod: str


def stamp(text: str) -> Stamp | None:
    """RFC 3339, with up to nine digits of a second; None where it is none."""
    found = _STAMP.fullmatch(text)
    if found is None:
        return None
    whole, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{whole}{'+00:00' if zone == 'Z' else zone}")
    except ValueError:
        return None
    digits = (fraction or "").rstrip("0")
    shown = f"{whole}.{digits}{zone}" if digits else f"{whole}{zone}"
    return Stamp(shown, int(at.timestamp()), int((fraction or "").ljust(9, "0")))


def stamp_of(at: datetime) -> Stamp:
    utc = at.astimezone(UTC)
    digits = f"{utc.microsecond:06d}".rstrip("0")
    whole = utc.strftime("%Y-%m-%dT%H:%M:%S")
    text = f"{whole}.{digits}Z" if digits else f"{whole}Z"
    return Stamp(text, int(utc.timestamp()), utc.microsecond * 1000)


def parse(line: str, pod: str) -> Iterator[LogLine]:
    """The entries of one line; a return in it begins another one.

    What has no time is told with the zero time: a container runtime may say something itself.
    """
    head, space, content = line.partition(" ")
    found = stamp(head)
    if found is None:
        found, content = ZERO, line
    elif not space:
        content = ""
    for part in content.split("\r"):
        yield LogLine(found, part, pod)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines are wanted; an empty text wants all."""

    text: str = ""
    match_case: bool = False

    def wants(self, content: str) -> bool:
        wanted, inverted = self.text.removeprefix("!"), self.text.startswith("!")
        if not wanted:
            return True
        if not self.match_case:
            wanted, content = wanted.lower(), content.lower()
        return (wanted in content) is not inverted
