"""How many writes of all syncs to a cluster are under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """`limit` are inside at once. Who has to wait for something does so outside."""

    def __init__(self, limit: int) -> None:
        self._places = asyncio.Semaphore(limit)
        self._owed = 0

    async def __aenter__(self) -> None:
        await self._places.acquire()

    async def __aexit__(self, *_: object) -> None:
        if self._owed:
            self._owed -= 1
        else:
            self._places.release()

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[None]:
        """For who is inside: others get the place meanwhile."""
        self._places.release()
        try:
            yield
        finally:
            try:
                await self._places.acquire()
            except asyncio.CancelledError:
                # It leaves without the place that it is about to give back.
                self._owed += 1
                raise
