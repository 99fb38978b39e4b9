"""How long a login lasts, and what a password looks like."""

from __future__ import annotations

import pytest

from tiphys.core.session.settings import DEFAULT_PATTERN, fits, session_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86400),
        ("30s", 30),
        ("5m", 300),
        ("2d", 172800),
        ("1h30m", None),
        ("24", None),
        ("1.5h", None),
        ("-1h", None),
        ("", None),
        ("1w", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert session_seconds(text) == seconds


@pytest.mark.parametrize(
    ("pattern", "password", "fitting"),
    [
        (DEFAULT_PATTERN, "1234567", False),
        (DEFAULT_PATTERN, "12345678", True),
        (DEFAULT_PATTERN, "x" * 33, False),
        ("[0-9]", "abc1def", True),
        ("[0-9]", "abc", False),
        ("(", "abc", None),
        ("(?=x)", "abc", None),
    ],
)
def test_patterns_are_searched(pattern: str, password: str, fitting: bool | None) -> None:
    assert fits(pattern, password) is fitting
