"""What evaluations gave, by what they were asked: bounded by number and by bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The least recently used goes first."""

    def __init__(self, *, entries: int, size: int) -> None:
        self._most = entries
        self._room = size
        self._held: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str) -> T | None:
        found = self._held.get(key)
        if found is None:
            return None
        self._held.move_to_end(key)
        return found[0]

    def put(self, key: str, value: T, *, size: int) -> None:
        self._room += self._held.pop(key, (None, 0))[1] - size
        self._held[key] = (value, size)
        while self._room < 0 or len(self._held) > self._most:
            _, (_, freed) = self._held.popitem(last=False)
            self._room += freed
