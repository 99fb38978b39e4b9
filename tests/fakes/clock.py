"""Time that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class FakeClock:
    """Call it for the time; its `sleep` ends when `advance` has passed it."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), over))
        await over.wait()

    async def advance(self, seconds: float) -> None:
        """Wake the sleepers in their order, each with time to do its work."""
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.now, _, over = heapq.heappop(self._sleepers)
            over.set()
            await settle()
        self.now = end


async def settle() -> None:
    """Let everything that can run without time run."""
    for _ in range(30):
        await asyncio.sleep(0)
