"""Durations in Go's spelling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiphys.core.settings.duration import (
    format_duration,
    parse_duration,
    parse_duration_or_seconds,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("120s", 120.0),
        ("3m", 180.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("250ms", 0.25),
        ("2us", 2e-6),
        ("2µs", 2e-6),
        ("5ns", 5e-9),
        ("1d", 86400.0),
        ("1w", 604800.0),
        ("1y", 31536000.0),
    ],
)
def test_parse(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "-5s", "5s5", "five", "1" * 70 + "s", "٣s", "5S"]
)
def test_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5.0), ("5s", 5.0), ("x", None), ("٣", None), ("9" * 70, None)]
)
def test_numbers_are_seconds(text: str, seconds: float | None) -> None:
    assert parse_duration_or_seconds(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (1.5, "1.5s"),
        (120, "2m0s"),
        (3600, "1h0m0s"),
        (90061, "25h1m1s"),
    ],
)
def test_format(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@settings(deadline=None)
@given(st.integers(0, 10**7))
def test_what_is_written_can_be_read(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
