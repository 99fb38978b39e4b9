"""When a server is asked again: after a growing wait where the fault may pass, and not before the
time that it asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from tiphys.adapters.git.errors import FailedError, Failure
from tiphys.adapters.git.process import GitSettings
from tiphys.model.errors import RepositoryError

_Answer = TypeVar("_Answer")
_KEPT = 10_000


class Pace:
    """Keyed by whom a server counts: its host, and who logs in there."""

    def __init__(
        self,
        settings: GitSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._resting: dict[Hashable, tuple[float, Failure]] = {}

    async def run(
        self,
        key: Hashable,
        attempt: Callable[[], Awaitable[_Answer]],
        error: Callable[[Failure], RepositoryError],
    ) -> _Answer:
        """Raises the error of the last attempt's failure, or of the one that the server answered
        by asking for rest.
        """
        tried = 0
        while True:
            if resting := self._rests(key):
                raise error(resting)
            try:
                return await attempt()
            except FailedError as failed:
                tried += 1
                wait = self._wait(tried, failed.failure.rest)
                if failed.failure.rest:
                    self._rest(key, failed.failure.rest, failed.failure)
                again = failed.failure.passing and tried < self._settings.attempts
                if not again or wait > self._settings.retry_longest:
                    raise error(failed.failure) from None
                await self._sleep(wait)
                self._resting.pop(key, None)

    def _wait(self, tried: int, rest: float | None) -> float:
        usual = self._settings.retry_wait * self._settings.retry_factor ** (tried - 1)
        return max(min(usual, self._settings.retry_longest), rest or 0.0)

    def _rest(self, key: Hashable, seconds: float, failure: Failure) -> None:
        if len(self._resting) >= _KEPT:
            self._resting.clear()
        self._resting[key] = (self._clock() + seconds, failure)

    def _rests(self, key: Hashable) -> Failure | None:
        until, failure = self._resting.get(key, (0.0, None))
        if failure is not None and self._clock() >= until:
            del self._resting[key]
            return None
        return failure
