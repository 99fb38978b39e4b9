"""Versions and ranges, by the documented grammar of Masterminds/semver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.source.semver import Constraint, Version

ALLOWED = [
    ("1.2.3", "1.2.3"),
    ("=1.2.3", "v1.2.3"),
    ("1.2", "1.2.9"),
    ("1", "1.9.0"),
    ("1.x", "1.9.0"),
    ("1.2.X", "1.2.0"),
    ("*", "0.0.1"),
    ("x", "12.0.0"),
    ("!=1.2.3", "1.2.4"),
    ("!=1.x", "2.0.0"),
    (">1.2.3", "1.2.4"),
    (">11", "12.0.0"),
    (">11.1", "11.2.0"),
    (">*", "0.0.1"),
    (">=1.2", "1.2.0"),
    ("=>1.2", "1.3.0"),
    ("<2", "1.9.9"),
    ("<=2", "2.9.9"),
    ("=<2.1", "2.1.9"),
    ("<=2.1.3", "2.1.3"),
    ("~1.2.3", "1.2.9"),
    ("~>1.2.3", "1.2.3"),
    ("~1", "1.9.9"),
    ("~2.3", "2.3.9"),
    ("~1.x", "1.5.0"),
    ("~0.0.0", "3.0.0"),
    ("^1.2.3", "1.9.0"),
    ("^0.2.3", "0.2.9"),
    ("^0.2", "0.2.0"),
    ("^0.0.3", "0.0.3"),
    ("^0.0", "0.0.9"),
    ("^0", "0.9.0"),
    (">=1.0, <2.0", "1.5.0"),
    (">=1.0 <2.0", "1.5.0"),
    ("1.2 - 2.3", "2.3.9"),
    ("^1 || ^3", "3.1.0"),
    (" ^1 ", "v1.1.0"),
    (">=1.0.0-0", "1.2.0-rc1"),
    ("~1.2.0-beta", "1.2.0-beta.2"),
    ("1.2.3+build", "1.2.3+other"),
]
REFUSED = [
    ("1.2.3", "1.2.4"),
    ("1.2", "1.3.0"),
    ("!=1.2.3", "1.2.3"),
    ("!=1.x", "1.5.0"),
    (">1.2.3", "1.2.3"),
    (">11", "11.1.0"),
    (">11.1", "11.1.9"),
    (">=1.2", "1.1.9"),
    ("<2", "2.0.0"),
    ("<=2", "3.0.0"),
    ("<=2.1.3", "2.1.4"),
    ("~1.2.3", "1.3.0"),
    ("~1.2.3", "1.2.2"),
    ("~2.3", "2.4.0"),
    ("~1", "2.0.0"),
    ("^1.2.3", "2.0.0"),
    ("^1.2.3", "1.2.2"),
    ("^0.2.3", "0.3.0"),
    ("^0.0.3", "0.0.4"),
    ("^0.0", "0.1.0"),
    ("^0", "1.0.0"),
    (">=1.0, <2.0", "2.0.0"),
    ("^1 || ^3", "2.0.0"),
    (">=1.0.0", "1.2.0-rc1"),
    (">=1.0.0-0 <2 || ^3", "3.1.0-rc1"),
]


@pytest.mark.parametrize(("constraint", "version"), ALLOWED)
def test_a_range_allows(constraint: str, version: str) -> None:
    assert _allows(constraint, version)


@pytest.mark.parametrize(("constraint", "version"), REFUSED)
def test_a_range_refuses(constraint: str, version: str) -> None:
    assert not _allows(constraint, version)


def _allows(constraint: str, version: str) -> bool:
    parsed, other = Constraint.parse(constraint), Version.parse(version)
    assert parsed is not None
    assert other is not None
    return parsed.allows(other)


@pytest.mark.parametrize(
    "text",
    ["main", "release-1.x", "", "1.2.3.4", ">", "^1 ||", "1,,2", "feature/x", "~~1", "1" * 300],
)
def test_what_is_no_constraint(text: str) -> None:
    assert Constraint.parse(text) is None


@pytest.mark.parametrize("text", ["main", "1.x", "", "1.2.3.4", "1.2.3-01", "1.2.3-a..b", "v", "٣"])
def test_what_is_no_version(text: str) -> None:
    assert Version.parse(text) is None


def test_loose_versions() -> None:
    assert Version.parse("v1") == Version(1)
    assert Version.parse("1.2-rc.1+build.5") == Version(1, 2, 0, ("rc", "1"))


def test_the_order_of_versions() -> None:
    ordered = [
        "1.0.0-1",
        "1.0.0-2",
        "1.0.0-10",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.1.0",
        "2.0.0",
    ]
    versions = [Version.parse(text) for text in reversed(ordered)]
    assert sorted(version for version in versions if version) == [
        Version.parse(text) for text in ordered
    ]


_NUMBERS = st.integers(min_value=0, max_value=9)
_VERSIONS = st.builds(Version, _NUMBERS, _NUMBERS, _NUMBERS)


@given(_VERSIONS, _VERSIONS)
def test_a_comparison_and_its_opposite_share_nothing(base: Version, other: Version) -> None:
    text = f"{base.major}.{base.minor}.{base.patch}"
    for one, opposite in (("=", "!="), (">", "<="), ("<", ">=")):
        allows = [Constraint.parse(operator + text) for operator in (one, opposite)]
        assert [each is not None and each.allows(other) for each in allows].count(True) == 1


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    constraint = Constraint.parse(text)
    assert constraint is None or constraint.groups
