"""Scalars in the spelling that the API server stores."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.diff import quantity, scalars
from tiphys.core.diff.types import Scalar


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("0", "0"), ("0Mi", "0"), ("-0", "0"), ("0.0000000000", "0"),
        ("1000m", "1"), ("0.1", "100m"), ("1.5", "1500m"), ("+2", "2"), ("2.0", "2"),
        ("1500m", "1500m"), ("-1500m", "-1500m"), (".5", "500m"), ("5.", "5"),
        ("1000", "1k"), ("1500", "1500"), ("1000000", "1M"), ("1k", "1k"), ("1000k", "1M"),
        ("100000m", "100"), ("1024", "1024"), ("2147483648", "2147483648"),
        ("1024Mi", "1Gi"), ("1000Mi", "1000Mi"), ("1048576Ki", "1Gi"), ("0.5Gi", "512Mi"),
        ("1Ki", "1Ki"), ("0.5Ki", "512"), ("0.1Ki", "102400m"), ("1.1Ki", "1126400m"),
        ("1024Ei", "1024Ei"), ("-2048Ki", "-2Mi"),
        ("1e3", "1e3"), ("1E3", "1e3"), ("1000e0", "1e3"), ("1e-3", "1e-3"), ("15e2", "1500"),
        ("1e5", "100e3"), ("5E", "5E"), ("1000E", "1000E"),
        ("1n", "1n"), ("0.1n", "1n"), ("-0.1n", "-1n"), ("1.1n", "2n"), ("1000u", "1m"),
        ("10000000000000000000000", "10000E"),
    ],
)  # fmt: skip
def test_quantities(written: str, stored: str) -> None:
    assert quantity.canonical(written) == stored
    assert scalars.canonical(written, Scalar.QUANTITY) == stored


@pytest.mark.parametrize(
    "text", ["", "x", "1 Gi", "1gi", "1K", "1.1.1", "1e", "1ee3", "--1", "1mi"]
)
def test_no_quantities(text: str) -> None:
    assert quantity.canonical(text) is None
    assert quantity.parse(text) is None
    assert scalars.canonical(text, Scalar.QUANTITY) == text


numbers = st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=4)
suffixes = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E-3", "e0"])


@given(numbers, suffixes)
def test_a_stored_quantity_is_stable_and_keeps_its_value(number: Decimal, suffix: str) -> None:
    written = f"{number:f}{suffix}"
    stored = quantity.canonical(written)
    assert stored is not None
    assert quantity.canonical(stored) == stored
    assert quantity.parse(stored) == quantity.parse(written)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [("1Gi", "1073741824", True), ("1k", 1000, True), ("1e3", "1k", True), ("0.5", "500m", True),
     ("1Gi", "1G", False), ("x", "x", False), (None, None, False)],
)  # fmt: skip
def test_quantities_of_other_families_are_equal(left: Any, right: Any, equal: bool) -> None:
    assert scalars.same_quantity(left, right) is equal


@pytest.mark.parametrize(
    ("scalar", "written", "stored"),
    [
        (Scalar.PLAIN, "1000m", "1000m"),
        (Scalar.QUANTITY, 1, "1"),
        (Scalar.QUANTITY, 0.1, "100m"),
        (Scalar.QUANTITY, " 1000m ", "1"),
        (Scalar.QUANTITY, True, True),
        (Scalar.QUANTITY, None, None),
        (Scalar.QUANTITY, [], []),
        (Scalar.INTEGER, 3.0, 3),
        (Scalar.INTEGER, 3.5, 3.5),
        (Scalar.INTEGER, "3", "3"),
        (Scalar.INT_OR_STRING, 80.0, 80),
        (Scalar.INT_OR_STRING, "80", "80"),
        (Scalar.INT_OR_STRING, "25%", "25%"),
        (Scalar.TIME, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        (Scalar.TIME, "2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
        (Scalar.TIME, "2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05Z"),
        (Scalar.TIME, "2026-01-02", "2026-01-02"),
        (Scalar.TIME, "2026-13-02T03:04:05Z", "2026-13-02T03:04:05Z"),
        (Scalar.TIME, "0001-01-01T00:00:00+23:00", "0001-01-01T00:00:00+23:00"),
        (Scalar.TIME, 5, 5),
        (Scalar.MICRO_TIME, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"),
        (Scalar.MICRO_TIME, "2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05.123456Z"),
        (Scalar.MICRO_TIME, "soon", "soon"),
        (Scalar.DURATION, "90s", "1m30s"),
        (Scalar.DURATION, "1" * 5000 + "h", "1" * 5000 + "h"),
        (Scalar.QUANTITY, "1" * 5000, "1" * 5000),
        (Scalar.DURATION, "1h", "1h0m0s"),
        (Scalar.DURATION, "60m1.5s", "1h0m1.5s"),
        (Scalar.DURATION, "1500us", "1.5ms"),
        (Scalar.DURATION, "1500ns", "1.5µs"),
        (Scalar.DURATION, "15ns", "15ns"),
        (Scalar.DURATION, "0.5h", "30m0s"),
        (Scalar.DURATION, "1.s", "1s"),
        (Scalar.DURATION, "-90s", "-1m30s"),
        (Scalar.DURATION, "0", "0s"),
        (Scalar.DURATION, "-0ms", "0s"),
        (Scalar.DURATION, "90", "90"),
        (Scalar.DURATION, 90, 90),
        (Scalar.BYTES, "aGVs\nbG8=\n", "aGVsbG8="),
        (Scalar.BYTES, "aGVsbG9=", "aGVsbG8="),
        (Scalar.BYTES, None, ""),
        (Scalar.BYTES, "no base64!", "no base64!"),
        (Scalar.BYTES, 5, 5),
    ],
)
def test_scalars(scalar: Scalar, written: Any, stored: Any) -> None:
    found = scalars.canonical(written, scalar)
    assert (found, type(found)) == (stored, type(stored))


@given(st.sampled_from(list(Scalar)), st.text() | st.integers() | st.none() | st.booleans())
def test_one_spelling_is_stable(scalar: Scalar, written: Any) -> None:
    stored = scalars.canonical(written, scalar)
    assert scalars.canonical(stored, scalar) == stored


@given(st.integers(-(10**15), 10**15))
def test_durations_are_stable(nanoseconds: int) -> None:
    stored = scalars.canonical(f"{nanoseconds}ns", Scalar.DURATION)
    assert scalars.canonical(stored, Scalar.DURATION) == stored
