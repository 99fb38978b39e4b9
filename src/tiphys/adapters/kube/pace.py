"""A limit of requests a second on this side, for those who ask for one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class RequestPace:
    """`qps` a second in the long run, up to `burst` at once; 0 is no limit."""

    def __init__(
        self, qps: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._qps = qps
        self._burst = float(max(burst, 1))
        self._clock = clock
        self._left = self._burst
        self._seen = clock()

    async def wait(self) -> None:
        if self._qps <= 0:
            return
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._seen) * self._qps)
        self._seen = now
        # Whoever comes takes the next place, so that they go in the order in which they came.
        self._left -= 1.0
        if self._left < 0:
            await asyncio.sleep(-self._left / self._qps)
