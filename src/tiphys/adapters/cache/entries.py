"""Small entries in this process, each until its time is over. Implements ByteCache."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_MOST: Final = 20_000
"""Entries; beyond that those that end first go."""


class MemoryEntries:
    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._entries: dict[str, tuple[float, bytes]] = {}

    async def get(self, key: str) -> bytes | None:
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0] <= self._clock():
            del self._entries[key]
            return None
        return found[1]

    async def put(self, key: str, data: bytes, *, seconds: float) -> None:
        if len(self._entries) >= self._most and key not in self._entries:
            self._tidy()
        self._entries[key] = (self._clock() + seconds, data)

    async def drop(self, key: str) -> None:
        self._entries.pop(key, None)

    def _tidy(self) -> None:
        """A tenth of the room at once, so that it is seldom done."""
        ends = sorted(self._entries, key=lambda key: self._entries[key][0])
        for key in ends[: max(self._most // 10, 1)]:
            del self._entries[key]
