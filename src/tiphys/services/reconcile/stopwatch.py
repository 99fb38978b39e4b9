"""How long the parts of a pass took: for its last log line, and for the metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopwatch:
    """Milliseconds by part, and in all."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.parts: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def fields(self) -> dict[str, int]:
        """As they are logged: `time_ms` is everything."""
        parts = {f"{part}_ms": round(took) for part, took in self.parts.items()}
        return {**parts, "time_ms": round(self.seconds * 1000)}


_PRESENT: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """What is timed inside, in this task, is noted by it."""
    watch = Stopwatch()
    token = _PRESENT.set(watch)
    try:
        yield watch
    finally:
        _PRESENT.reset(token)


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Adds to a part of the pass; does nothing where nobody measures."""
    watch = _PRESENT.get()
    if watch is None:
        yield
        return
    began = time.monotonic()
    try:
        yield
    finally:
        took = (time.monotonic() - began) * 1000.0
        watch.parts[part] = watch.parts.get(part, 0.0) + took
