"""What was asked for once and holds for a while; those who ask meanwhile share the question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

_Value = TypeVar("_Value")
_SOONER: Final = 120.0
"""Seconds before its end from which on a value is asked for again."""
_MOST: Final = 10_000


class Kept(Generic[_Value]):
    def __init__(self, now: Callable[[], float], *, sooner: float = _SOONER) -> None:
        self._now = now
        self._sooner = sooner
        self._values: dict[Hashable, tuple[_Value, float]] = {}
        # Keys hold credentials: those that do no more are not held on to.
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        """How many keys something is held of."""
        return len(self._values.keys() | set(self._turns))

    async def get(
        self, key: Hashable, ask: Callable[[], Awaitable[tuple[_Value, float]]]
    ) -> _Value:
        """`ask` answers a value and until when it holds."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            value, until = self._values.get(key, (None, 0.0))
            if value is not None and self._now() < until - self._sooner:
                return value
            if len(self._values) >= _MOST:
                self._values.clear()
            fresh, until = await ask()
            self._values[key] = (fresh, until)
            return fresh

    def forget(self, key: Hashable) -> None:
        self._values.pop(key, None)
