"""Hands changes on in batches: at once when it was quiet, else at most every tenth of a second.

An object that changed several times within a batch is told once, from its first old state to
its last new one; one that came and went as gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context

import structlog

from tiphys.model.live import LiveChange
from tiphys.model.resource import ResourceKey

_log = structlog.get_logger(__name__)

ChangeListener = Callable[[Sequence[LiveChange]], None]


Handled = Callable[[int, float], None]
"""Hears of a batch that was handed on: how many changes, and how many seconds it took."""


class ChangeBatches:
    """`interval` in seconds. Listeners are called on the event loop."""

    def __init__(
        self, interval: float = 0.1, *, handled: Handled = lambda _count, _seconds: None
    ) -> None:
        self._interval = interval
        self._handled = handled
        self._listeners: list[ChangeListener] = []
        self._pending: dict[ResourceKey, LiveChange] = {}
        self._due: asyncio.Handle | None = None
        self._last = float("-inf")

    def subscribe(self, listener: ChangeListener) -> None:
        self._listeners.append(listener)

    def add(self, change: LiveChange) -> None:
        before = self._pending.pop(change.key, None)
        old = change.old if before is None else before.old
        if old is None and change.new is None:
            # It came and went within the batch, but whoever asked in between has seen it.
            old = change.old
        self._pending[change.key] = LiveChange(change.key, old, change.new)
        if self._due is None:
            loop = asyncio.get_running_loop()
            wait = self._last + self._interval - loop.time()
            # A batch is nobody's: not of the operation whose write made the first change of it.
            nobody = Context()
            self._due = (
                loop.call_later(wait, self._flush, context=nobody)
                if wait > 0
                else loop.call_soon(self._flush, context=nobody)
            )

    def hand_on(self) -> None:
        """What is pending is told now, and not when the batch is due."""
        if self._due is not None:
            self._due.cancel()
            Context().run(self._flush)

    def close(self) -> None:
        """What is pending is dropped: whoever listens is going too."""
        if self._due is not None:
            self._due.cancel()
        self._listeners.clear()
        self._pending.clear()

    def _flush(self) -> None:
        self._due = None
        self._last = asyncio.get_running_loop().time()
        batch = tuple(self._pending.values())
        self._pending.clear()
        if not batch:
            return
        for listener in self._listeners:
            try:
                listener(batch)
            except Exception:
                # One listener's fault must not keep the others from hearing.
                _log.exception("a listener to live changes failed")
        self._handled(len(batch), asyncio.get_running_loop().time() - self._last)
