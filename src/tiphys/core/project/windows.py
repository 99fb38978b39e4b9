"""Sync windows: when the applications of a project may be synced, and when not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tiphys.core.project.cron import parse_schedule
from tiphys.core.project.errors import WindowError
from tiphys.core.project.patterns import glob
from tiphys.core.settings.duration import parse_duration
from tiphys.model.appproject import SyncWindow
from tiphys.model.appspec import ApplicationDestination

UtcOffset = Callable[[str, datetime], timedelta]
"""How far a time zone's clock is ahead of UTC at a moment; zero for names that are none."""

ALLOW = "allow"
DENY = "deny"
_DURATION = re.compile(r"(?:(?:\d+(?:\.\d+)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0", re.ASCII)
_LONGEST = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a sync may run; `error` says which window cannot be read, and then it may not.

    `look_again` is the moment before which the answer cannot change by itself.
    """

    allowed: bool
    error: str = ""
    look_again: datetime | None = None


def matching_windows(
    windows: Iterable[SyncWindow], name: str, destination: ApplicationDestination
) -> tuple[SyncWindow, ...]:
    """The windows that concern an application, by its name and destination as written."""
    return tuple(window for window in windows if _concerns(window, name, destination))


def can_sync(
    windows: Sequence[SyncWindow],
    *,
    manual: bool,
    started_at: datetime | None,
    now: datetime,
    offset: UtcOffset,
) -> Verdict:
    """The first rule that holds decides. `windows` are those that concern the application;
    `started_at` is when the operation began, None where none has.
    """
    try:
        allowed = _can_sync(windows, manual=manual, started_at=started_at, now=now, offset=offset)
        return Verdict(allowed, look_again=_look_again(windows, now, offset))
    except WindowError as error:
        return Verdict(allowed=False, error=str(error))


def is_active(window: SyncWindow, now: datetime, offset: UtcOffset) -> bool:
    """Raises WindowError where schedule or duration cannot be read."""
    local, began = _local(window, now, offset)
    return began is not None and began < local


def check_window(window: SyncWindow) -> None:
    """Raises WindowError for what no window may be."""
    if window.kind not in (ALLOW, DENY):
        raise WindowError(f"kind '{window.kind}' mismatch: can only be allow or deny")
    parse_schedule(window.schedule)
    window_duration(window.duration)


def window_duration(text: str) -> timedelta:
    """Hours and smaller units only, as Go reads them."""
    seconds = parse_duration(text) if _DURATION.fullmatch(text) else None
    if seconds is None:
        raise WindowError(f"cannot parse duration '{text}'")
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds()))


def _can_sync(
    windows: Sequence[SyncWindow],
    *,
    manual: bool,
    started_at: datetime | None,
    now: datetime,
    offset: UtcOffset,
) -> bool:
    active = [is_active(window, now, offset) for window in windows]
    pairs = list(zip(windows, active, strict=True))
    denies = [window for window, on in pairs if window.kind == DENY and on]
    allows = [window for window, on in pairs if window.kind == ALLOW]
    # Denied now, or outside every time that is allowed: who may pass all the same?
    if denies:
        stopping = denies
    elif allows and not any(on for window, on in pairs if window.kind == ALLOW):
        stopping = allows
    else:
        return True
    if manual and all(window.manual_sync for window in stopping):
        return True
    if started_at is None or not all(window.sync_overrun for window in stopping):
        return False
    return _can_sync(windows, manual=manual, started_at=None, now=started_at, offset=offset)


def _concerns(window: SyncWindow, name: str, destination: ApplicationDestination) -> bool:
    cluster = destination.server or destination.name
    answers = [
        any(glob(pattern, text) for pattern in patterns)
        for patterns, text in (
            (window.applications, name),
            (window.clusters, cluster),
            (window.namespaces, destination.namespace),
        )
        if patterns
    ]
    if window.and_operator:
        return bool(answers) and all(answers)
    return any(answers)


def _local(
    window: SyncWindow, now: datetime, offset: UtcOffset
) -> tuple[datetime, datetime | None]:
    """Now by the window's clock, and its first beginning that could still last."""
    zone = window.time_zone
    ahead = offset(zone, now) if zone else timedelta()
    local = now.astimezone(UTC).replace(tzinfo=None) + ahead
    schedule = parse_schedule(window.schedule)
    return local, schedule.next(local - window_duration(window.duration))


def _look_again(windows: Sequence[SyncWindow], now: datetime, offset: UtcOffset) -> datetime | None:
    """The first end of what is on, or the first beginning of what is not."""
    moments = []
    for window in windows:
        local, began = _local(window, now, offset)
        if began is not None:
            turns = began + window_duration(window.duration) if began < local else began
            moments.append(now + (turns - local))
    return min(moments, default=None)
