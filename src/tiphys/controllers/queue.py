"""A queue of keys that never hands out one key twice at once.

Keys added while they are worked on come back when they are done. A key added with a delay is
held until then, and a shorter delay wins. Low priority keys go only when nothing else waits.
A key that belongs to a group which is held back is put aside when its turn comes, and is first in
its line when the group is released.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable


class KeyedQueue:
    """Belongs to one event loop; not for threads. `held` names the group that holds a key back,
    empty where none does.
    """

    def __init__(self, held: Callable[[str], str] = lambda _key: "") -> None:
        self._held = held
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._low: OrderedDict[str, None] = OrderedDict()
        self._aside: dict[str, OrderedDict[str, bool]] = {}
        self._group: dict[str, str] = {}
        self._busy: set[str] = set()
        self._again: dict[str, bool] = {}
        self._timers: dict[str, tuple[float, asyncio.TimerHandle]] = {}
        self._available = asyncio.Event()

    def add(self, key: str, *, after: float = 0.0, low: bool = False) -> None:
        """Adds a key, or brings it forward; `after` in seconds."""
        if after > 0:
            self._add_later(key, after, low=low)
            return
        self._cancel_timer(key)
        if key in self._busy:
            self._again[key] = low and self._again.get(key, True)
            return
        if key in self._group:
            aside = self._aside[self._group[key]]
            aside[key] = low and aside[key]
            return
        if key in self._waiting or (low and key in self._low):
            return
        self._low.pop(key, None)
        (self._low if low else self._waiting)[key] = None
        self._available.set()

    def _add_later(self, key: str, after: float, *, low: bool) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + after
        known = self._timers.get(key)
        if known is not None:
            if known[0] <= due:
                return
            known[1].cancel()
        self._timers[key] = (due, loop.call_at(due, self._due, key, low))

    def _due(self, key: str, low: bool) -> None:
        del self._timers[key]
        self.add(key, low=low)

    def _cancel_timer(self, key: str) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer[1].cancel()

    async def get(self) -> str:
        """The next key; `done` has to be called for it."""
        while (key := self._next()) is None:
            self._available.clear()
            await self._available.wait()
        self._busy.add(key)
        return key

    def _next(self) -> str | None:
        for lane in (self._waiting, self._low):
            while lane:
                key, _ = lane.popitem(last=False)
                group = self._held(key)
                if not group:
                    return key
                self._aside.setdefault(group, OrderedDict())[key] = lane is self._low
                self._group[key] = group
        return None

    def release(self, group: str) -> None:
        """The keys that the group held back are asked about anew."""
        aside = self._aside.pop(group, OrderedDict())
        for key, low in reversed(aside.items()):
            del self._group[key]
            lane = self._low if low else self._waiting
            lane[key] = None
            lane.move_to_end(key, last=False)
        if aside:
            self._available.set()

    def _set_free(self, key: str) -> None:
        group = self._group.pop(key, "")
        if group:
            del self._aside[group][key]
            if not self._aside[group]:
                del self._aside[group]

    def done(self, key: str) -> None:
        self._busy.discard(key)
        if key in self._again:
            self.add(key, low=self._again.pop(key))

    def forget(self, key: str) -> None:
        """Drops a key that is gone, with its timer; work that runs goes on."""
        self._cancel_timer(key)
        self._set_free(key)
        self._waiting.pop(key, None)
        self._low.pop(key, None)
        self._again.pop(key, None)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._low) + len(self._group)

    def close(self) -> None:
        for key in list(self._timers):
            self._cancel_timer(key)
