"""Schedules and the times that they name."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.project.cron import Schedule, parse_schedule
from tiphys.core.project.errors import WindowError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-01-01T10:00:00", "2026-01-01T10:01:00"),
        ("* * * * *", "2026-01-01T10:00:59", "2026-01-01T10:01:00"),
        ("0 22 * * *", "2026-01-01T22:00:00", "2026-01-02T22:00:00"),
        ("0 22 * * *", "2026-01-01T21:59:59", "2026-01-01T22:00:00"),
        ("*/15 * * * *", "2026-01-01T10:16:00", "2026-01-01T10:30:00"),
        ("5/20 8-10 * * *", "2026-01-01T10:45:00", "2026-01-02T08:05:00"),
        ("0 0 * * MON", "2026-01-01T00:00:00", "2026-01-05T00:00:00"),
        ("0 0 * * 0", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("0 0 1 jan,JUL *", "2026-01-01T00:00:00", "2026-07-01T00:00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        # Both days restricted: either is enough. With a star, both have to fit.
        ("0 0 13 * FRI", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("0 0 ? * FRI", "2026-01-03T00:00:00", "2026-01-09T00:00:00"),
        ("0 0 */2 * FRI", "2026-01-03T00:00:00", "2026-01-05T00:00:00"),
        ("0 0 1-7/2,31 * *", "2026-01-07T00:00:00", "2026-01-31T00:00:00"),
    ],
)
def test_next(schedule: str, after: str, expected: str) -> None:
    assert parse_schedule(schedule).next(at(after)) == at(expected)


def test_a_day_that_never_comes() -> None:
    assert parse_schedule("0 0 30 2 *").next(at("2026-01-01T00:00:00")) is None


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "* * * *",
        "* * * * * *",
        "@daily",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "* * * * MONDAY",
        "1, * * * *",
        "1-2-3 * * * *",
        "*/x * * * *",
        "99999 * * * *",
        "٣ * * * *",
    ],
)
def test_no_schedule(schedule: str) -> None:
    with pytest.raises(WindowError, match="cannot parse schedule"):
        parse_schedule(schedule)


@given(
    st.datetimes(at("2020-01-01T00:00:00"), at("2030-01-01T00:00:00")),
    st.integers(0, 59),
    st.integers(0, 23),
)
def test_daily_times_come_within_a_day(after: datetime, minute: int, hour: int) -> None:
    found = parse_schedule(f"{minute} {hour} * * *").next(after)
    assert found is not None
    assert timedelta() < found - after <= timedelta(days=1)
    assert (found.minute, found.hour, found.second) == (minute, hour, 0)


FIELD = st.sampled_from(["*", "*/7", "3", "2-20/5", "0,11,23"])
DAYS = st.sampled_from(["*", "?", "1", "*/2", "28-31"])
WEEKDAYS = st.sampled_from(["*", "1-5", "SUN", "*/3"])


@given(
    st.datetimes(at("2027-12-20T00:00:00"), at("2028-03-05T00:00:00")), FIELD, FIELD, DAYS, WEEKDAYS
)
def test_no_time_before_the_next_one_fits(
    after: datetime, minute: str, hour: str, day: str, weekday: str
) -> None:
    schedule = parse_schedule(f"{minute} {hour} {day} * {weekday}")
    found = schedule.next(after)
    assert found is not None
    tried = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    last = tried + timedelta(days=2)
    while tried < min(found, last):
        assert not fits(schedule, tried)
        tried += timedelta(minutes=1)
    assert fits(schedule, found)


def fits(schedule: Schedule, moment: datetime) -> bool:
    of_month = moment.day in schedule.days
    of_week = moment.isoweekday() % 7 in schedule.weekdays
    return (
        moment.minute in schedule.minutes
        and moment.hour in schedule.hours
        and moment.month in schedule.months
        and ((of_month or of_week) if schedule.either_day else (of_month and of_week))
    )
