"""Failures of late: what cannot be rendered is not tried again by everyone who asks.

After some failures in a row of one revision it is not tried at all for a while, as the contract
has it, and the answer says so.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from tiphys.model.errors import RenderError

_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Pause:
    """ARGOCD_PAUSE_GEN_*: after so many `attempts` in a row (0: never), for so many `minutes`
    since the first of them, or `requests` that were answered meanwhile (0: however many).
    """

    attempts: int = 3
    minutes: float = 60.0
    requests: int = 0


@dataclass(slots=True)
class _Failed:
    error: RenderError
    first: float
    last: float
    count: int = 1
    answered: int = 0


class Failures:
    """`kept_for` is for how many seconds a single failure answers all who ask."""

    def __init__(
        self, kept_for: float, pause: Pause, clock: Callable[[], float], *, most: int = _KEPT
    ) -> None:
        self._kept_for = kept_for
        self._pause = pause
        self._clock = clock
        self._most = most
        self._kept: OrderedDict[Hashable, _Failed] = OrderedDict()

    def find(self, attempt: Hashable) -> RenderError | None:
        """What answers instead of another attempt."""
        failed = self._kept.get(attempt)
        if failed is None:
            return None
        if not self._paused(failed):
            return failed.error if self._clock() - failed.last < self._kept_for else None
        if self._over(failed):
            del self._kept[attempt]
            return None
        failed.answered += 1
        return RenderError(f"Manifest generation error (cached): {failed.error}")

    def keep(self, attempt: Hashable, error: RenderError) -> None:
        now = self._clock()
        failed = self._kept.get(attempt)
        if failed is None or (self._paused(failed) and self._over(failed)):
            self._kept[attempt] = _Failed(error, now, now)
        else:
            failed.error, failed.last = error, now
            failed.count += 1
        self._kept.move_to_end(attempt)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def clear(self, attempt: Hashable) -> None:
        """It was rendered after all."""
        self._kept.pop(attempt, None)

    def _paused(self, failed: _Failed) -> bool:
        return 0 < self._pause.attempts <= failed.count

    def _over(self, failed: _Failed) -> bool:
        minutes, requests = self._pause.minutes, self._pause.requests
        late = minutes > 0 and self._clock() - failed.first >= minutes * 60
        return late or 0 < requests <= failed.answered
