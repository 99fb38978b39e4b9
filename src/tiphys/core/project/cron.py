"""Schedules of five fields: minute, hour, day of month, month, day of week.

Only what the contract reads: no seconds, no `@daily`, no time zone in the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from tiphys.core.project.errors import WindowError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTH_NAMES = {name: number for number, name in enumerate(_MONTHS, 1)}
_DAY_NAMES = {name: number for number, name in enumerate(_DAYS)}
_YEARS = 5
"""How far ahead a time is looked for; 29 February comes within it, 30 February never."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`either_day`: both days are restricted, and one of them is enough."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def next(self, after: datetime) -> datetime | None:
        """The first time strictly after, in the same zone; None where there is none in years."""
        earliest = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = earliest.replace(hour=0, minute=0)
        end = day + timedelta(days=_YEARS * 366)
        while day <= end:
            if day.month not in self.months:
                # The first of the next month.
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                continue
            found = self._at(day, earliest) if self._on(day) else None
            if found is not None:
                return found
            day += timedelta(days=1)
        return None

    def _at(self, day: datetime, earliest: datetime) -> datetime | None:
        """The first time on a day that is not before the earliest."""
        if day.date() > earliest.date():
            return day.replace(hour=self.hours[0], minute=self.minutes[0])
        for hour in self.hours:
            if hour > earliest.hour:
                return day.replace(hour=hour, minute=self.minutes[0])
            if hour == earliest.hour and self.minutes[-1] >= earliest.minute:
                minute = next(one for one in self.minutes if one >= earliest.minute)
                return day.replace(hour=hour, minute=minute)
        return None

    def _on(self, day: datetime) -> bool:
        of_month = day.day in self.days
        of_week = day.isoweekday() % 7 in self.weekdays
        return (of_month or of_week) if self.either_day else (of_month and of_week)


@lru_cache(maxsize=512)
def parse_schedule(text: str) -> Schedule:
    """Raises WindowError."""
    fields = text.split()
    if len(fields) != 5:
        raise WindowError(f"cannot parse schedule '{text}': expected 5 fields, found {len(fields)}")
    try:
        minutes, _ = _field(fields[0], 0, 59, {})
        hours, _ = _field(fields[1], 0, 23, {})
        days, any_day = _field(fields[2], 1, 31, {})
        months, _ = _field(fields[3], 1, 12, _MONTH_NAMES)
        weekdays, any_weekday = _field(fields[4], 0, 6, _DAY_NAMES)
    except ValueError as error:
        raise WindowError(f"cannot parse schedule '{text}': {error}") from None
    return Schedule(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        weekdays,
        either_day=not any_day and not any_weekday,
    )


def _field(text: str, low: int, high: int, names: dict[str, int]) -> tuple[frozenset[int], bool]:
    """The numbers that a field means, and whether it is a plain star."""
    numbers: set[int] = set()
    star = False
    for part in text.split(","):
        found, plain = _range(part, low, high, names)
        numbers.update(found)
        star = star or plain
    return frozenset(numbers), star


def _range(text: str, low: int, high: int, names: dict[str, int]) -> tuple[range, bool]:
    span, slash, step_text = text.partition("/")
    step = _number(step_text, {}) if slash else 1
    if step == 0:
        raise ValueError(f"step of '{text}' is zero")
    if span in ("*", "?"):
        return range(low, high + 1, step), step == 1
    first, dash, last = span.partition("-")
    start = _number(first, names)
    # A number with a step runs to the end of its field.
    end = _number(last, names) if dash else (high if slash else start)
    if start < low or end > high or start > end:
        raise ValueError(f"'{text}' is not within {low}-{high}")
    return range(start, end + 1, step), False


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError(f"'{text}' is not a number")
    return int(text)
