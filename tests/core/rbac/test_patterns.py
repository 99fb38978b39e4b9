"""Globs and regular expressions of policies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.rbac.naive import naive_glob
from tiphys.core.rbac.patterns import MatchMode, pattern


def _matches(written: str, text: str, mode: MatchMode = MatchMode.GLOB) -> bool | None:
    found = pattern(written, mode).matches
    return None if found is None else found(text)


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("*", "", True),
        ("*", "a/b", True),
        ("team/*", "team/ns/app", True),
        ("team/*", "team/", True),
        ("team/*", "teams/app", False),
        ("*/*", "a", False),
        ("*/*", "a/b/c", True),
        ("team", "team", True),
        ("team", "teams", False),
        ("t?am", "team", True),
        ("t?am", "tam", False),
        ("[a-c]x", "bx", True),
        ("[a-c]x", "dx", False),
        ("[!a-c]x", "dx", True),
        ("[!a-c]x", "ax", False),
        ("[ab-d-]", "-", True),
        ("[]a]", "]", True),
        ("{dev,prod-*}/x", "dev/x", True),
        ("{dev,prod-*}/x", "prod-eu/x", True),
        ("{dev,prod-*}/x", "test/x", False),
        ("a{b{c,d},e}", "abd", True),
        ("a,b}", "a,b}", True),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("a.c*d", "abcd", False),
        ("a*\n", "ab\n", True),
        ("*é", "caf" + "é", True),
        ("[^a]", "^", True),
    ],
)
def test_globs(written: str, text: str, expected: bool) -> None:
    assert _matches(written, text) is expected


@pytest.mark.parametrize("written", ["[a", "[", "a{b", "a{b,c*", "a" * 16_385])
def test_globs_that_cannot_be_read(written: str) -> None:
    assert _matches(written, "a") is None


def test_many_alternatives_are_no_limit() -> None:
    written = "{" + ",".join(f"team-{number}" for number in range(500)) + "}/*"
    assert _matches(written, "team-499/app")
    assert _matches(written, "team-500/app") is False


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("get", "forget", True),
        ("^get$", "forget", False),
        ("^team/.*", "team/app", True),
        (".*", "", True),
        ("^team-[0-9]+/", "team-12/app", True),
        ("^a/?b", "ab", True),
        ("^a/x|b", "zb", True),
    ],
)
def test_regular_expressions_are_searched(written: str, text: str, expected: bool) -> None:
    assert _matches(written, text, MatchMode.REGEX) is expected


def test_a_regular_expression_that_is_none() -> None:
    assert _matches("(", "(", MatchMode.REGEX) is None


@pytest.mark.parametrize(
    ("written", "mode", "head"),
    [
        ("team/*", MatchMode.GLOB, "team"),
        ("team/app", MatchMode.GLOB, "team"),
        ("te*m/x", MatchMode.GLOB, None),
        ("team*", MatchMode.GLOB, None),
        ("^team/.*", MatchMode.REGEX, "team"),
        ("^team/app", MatchMode.REGEX, "team"),
        ("^team/?x", MatchMode.REGEX, None),
        ("^?", MatchMode.REGEX, None),
        ("team/.*", MatchMode.REGEX, None),
        ("^team/.*|x", MatchMode.REGEX, None),
        ("^te.m/x", MatchMode.REGEX, None),
    ],
)
def test_what_all_matching_texts_begin_with(
    written: str, mode: MatchMode, head: str | None
) -> None:
    assert pattern(written, mode).head == head


_SIGNS = st.text("ab/*?-", max_size=8)


@given(_SIGNS, st.text("ab/-", max_size=8))
def test_globs_are_as_a_naive_reader_has_them(written: str, text: str) -> None:
    assert _matches(written, text) is naive_glob(written, text)


@given(_SIGNS, st.text("ab/-", max_size=8))
def test_the_head_is_never_wrong(written: str, text: str) -> None:
    found = pattern(written, MatchMode.GLOB)
    assert found.matches is not None
    if found.head is not None and found.matches(text):
        assert text.partition("/")[0] == found.head
