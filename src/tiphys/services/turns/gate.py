"""A gate that a slow one does not block.

A plain semaphore is full as soon as enough of those inside hang, whoever they are. Here a stay
that takes long gives its place back to the others; and of one group, such as a repository, only
so many may be inside at all, so that giving places back has an end.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class FairGate:
    """`limit` places, read anew each time; `share` how many of one group may be inside, slow
    ones included. Seconds until a stay is slow: `slow_after`.
    """

    def __init__(
        self, limit: Callable[[], int], *, share: Callable[[], int], slow_after: float = 1.0
    ) -> None:
        self._limit = limit
        self._share = share
        self._slow_after = slow_after
        self._taken = 0
        self._inside: defaultdict[str, int] = defaultdict(int)
        self._waiting: OrderedDict[str, OrderedDict[asyncio.Future[None], None]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, group: str) -> AsyncIterator[None]:
        """Inside is a place, at first; a stay may be as long as it has to be."""
        await self._enter(group)
        holds = True

        def give_back() -> None:
            nonlocal holds
            if holds:
                holds = False
                self._taken -= 1
                self._admit()

        alarm = asyncio.get_running_loop().call_later(self._slow_after, give_back)
        try:
            yield
        finally:
            alarm.cancel()
            self._leave(group)
            give_back()
            self._admit()

    async def _enter(self, group: str) -> None:
        if not self._waiting and self._has_room(group):
            self._take(group)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, OrderedDict())[future] = None
        self._admit()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # It was let in and never came.
                self._leave(group)
                self._taken -= 1
            else:
                self._drop(group, future)
            self._admit()
            raise

    def _admit(self) -> None:
        """Lets in whoever may; the groups take turns."""
        admitted = True
        while admitted:
            admitted = False
            for group in [one for one in self._waiting if self._has_room(one)]:
                if not self._has_room(group):
                    continue
                future = next(iter(self._waiting[group]))
                self._drop(group, future)
                if group in self._waiting:
                    self._waiting.move_to_end(group)
                self._take(group)
                future.set_result(None)
                admitted = True

    def _has_room(self, group: str) -> bool:
        return self._taken < max(self._limit(), 1) and self._inside[group] < max(self._share(), 1)

    def _take(self, group: str) -> None:
        self._taken += 1
        self._inside[group] += 1

    def _leave(self, group: str) -> None:
        self._inside[group] -= 1
        if not self._inside[group]:
            del self._inside[group]

    def _drop(self, group: str, future: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(group)
        if waiting is not None:
            waiting.pop(future, None)
            if not waiting:
                del self._waiting[group]
