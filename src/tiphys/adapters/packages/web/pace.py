"""When a request may be repeated, and until when a server wants to be left alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from yarl import URL

from tiphys.adapters.packages.errors import Step, failed

_REPEATABLE: Final = frozenset({429, 500, 502, 503, 504})
_LONGEST_REST: Final = 3600.0
"""Seconds that a server is left alone at most, whatever it asks for."""
_RESTING_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class WebTiming:
    """Seconds unless said. A wait longer than `longest_wait` ends the request with an error, and
    the server is not asked again before it is over.
    """

    connect: float = 10.0
    silence: float = 30.0
    whole: float = 90.0
    attempts: int = 3
    first_wait: float = 0.25
    longest_wait: float = 10.0


class Pace:
    """Remembers by host who asked for rest. `clock` is monotonic."""

    def __init__(self, timing: WebTiming, clock: Callable[[], float]) -> None:
        self._timing = timing
        self._clock = clock
        self._resting: dict[URL, float] = {}

    def require_awake(self, url: URL) -> None:
        """Raises RepositoryUnreachableError while the server wants to be left alone."""
        until = self._resting.get(url.origin())
        if until is None:
            return
        left = until - self._clock()
        if left > 0:
            raise _limited(url, left)
        del self._resting[url.origin()]

    def wait_before(self, attempt: int, status: int, retry_after: str | None, url: URL) -> float:
        """Seconds until the next attempt, -1 where there is none: the answer then stands. Raises
        RepositoryUnreachableError where the server wants more patience than there is.
        """
        if status not in _REPEATABLE:
            return -1.0
        asked = _seconds(retry_after)
        last = attempt + 1 >= self._timing.attempts
        if asked is not None and (last or asked > self._timing.longest_wait):
            if len(self._resting) > _RESTING_KEPT:
                self._resting.clear()
            asked = min(asked, _LONGEST_REST)
            self._resting[url.origin()] = self._clock() + asked
            raise _limited(url, asked)
        if last:
            return -1.0
        return asked if asked is not None else self.backoff(attempt)

    def backoff(self, attempt: int) -> float:
        wait = self._timing.first_wait * 2.0**attempt
        return float(min(wait, self._timing.longest_wait)) * random.uniform(0.8, 1.2)  # noqa: S311


def _limited(url: URL, seconds: float) -> Exception:
    return failed(
        Step.ANSWER,
        f"{url.host} limits the rate of requests, and wants none for {max(1, round(seconds))} s",
        str(url),
        remedy="wait, or give the repository a login, for which limits are higher",
    )


def _seconds(text: str | None) -> float | None:
    """Retry-After is a number of seconds, or a date (RFC 9110, 10.2.3)."""
    if not text:
        return None
    if text.isascii() and text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
