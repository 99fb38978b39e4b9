"""Works through a queue, several keys side by side; what hangs takes no one's place for long.

A piece of work that takes longer than a moment gives its place back and goes on beside. What it
was waiting for then, a repository or a cluster, is suspected: of all that needs it only a few are
begun until one of them comes through quickly again. So a thousand applications of a repository
that does not answer cost the others one moment.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tiphys.controllers.queue import KeyedQueue
from tiphys.services.turns.whereabouts import follow

_MOMENT = 0.5
"""Seconds until work is slow."""
_TRIES = 2
"""How many that need what is suspected are under way at once."""


class Workers:
    """`slots` is how many keys are worked on side by side, slow ones aside; read anew each time.
    `groups` names what the work on a key may wait for. `step` never raises.
    """

    def __init__(
        self,
        step: Callable[[str], Awaitable[None]],
        *,
        slots: Callable[[], int],
        groups: Callable[[str], Sequence[str]],
        moment: float = _MOMENT,
    ) -> None:
        self.queue = KeyedQueue(self._held)
        self._step = step
        self._slots = slots
        self._groups = groups
        self.moment = moment
        self._active = 0
        self._room = asyncio.Event()
        self._suspected: set[str] = set()
        self._begun: defaultdict[str, int] = defaultdict(int)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until it is cancelled; what is under way goes on until `close`."""
        while True:
            while self._active >= max(self._slots(), 1):
                self._room.clear()
                await self._room.wait()
            key = await self.queue.get()
            piece = _Piece(self, tuple(self._groups(key)))
            piece.begin()
            task = asyncio.create_task(self._work(key, piece))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self.queue.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _held(self, key: str) -> str:
        if not self._suspected:
            return ""
        for group in self._groups(key):
            if group in self._suspected and self._begun[group] >= _TRIES:
                return group
        return ""

    async def _work(self, key: str, piece: _Piece) -> None:
        follow(piece)
        try:
            await self._step(key)
        finally:
            piece.end()

    # -- what pieces of work tell ---------------------------------------------------------------

    def begins(self, groups: Sequence[str]) -> None:
        self._active += 1
        for group in groups:
            self._begun[group] += 1

    def gives_way(self) -> None:
        self._active -= 1
        self._room.set()

    def ends(self, groups: Sequence[str]) -> None:
        for group in groups:
            self._begun[group] -= 1
            if not self._begun[group]:
                del self._begun[group]
            if group in self._suspected:
                # All are asked again, and all but a few put aside: that is rare, and cheap.
                self.queue.release(group)

    def suspect(self, group: str) -> None:
        self._suspected.add(group)

    def trust(self, group: str) -> None:
        if group in self._suspected:
            self._suspected.discard(group)
            self.queue.release(group)


@dataclass(eq=False)
class _Piece:
    """The work on one key, and where it is."""

    workers: Workers
    groups: tuple[str, ...]
    waits: dict[str, list[float]] = field(default_factory=dict)
    slow: bool = False
    alarm: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self.workers.begins(self.groups)
        loop = asyncio.get_running_loop()
        self.alarm = loop.call_later(self.workers.moment, self._turns_slow)

    def end(self) -> None:
        if self.alarm is not None:
            self.alarm.cancel()
        if not self.slow:
            self.workers.gives_way()
        self.workers.ends(self.groups)

    def enters(self, group: str) -> None:
        self.waits.setdefault(group, []).append(asyncio.get_running_loop().time())
        if self.slow:
            self.alarm = asyncio.get_running_loop().call_later(self.workers.moment, self._suspects)

    def leaves(self, group: str) -> None:
        since = self.waits[group].pop()
        if not self.waits[group]:
            del self.waits[group]
        if asyncio.get_running_loop().time() - since < self.workers.moment:
            self.workers.trust(group)

    def _turns_slow(self) -> None:
        self.slow = True
        self.workers.gives_way()
        self._suspects()

    def _suspects(self) -> None:
        for group in self.waits:
            self.workers.suspect(group)
