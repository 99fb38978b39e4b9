"""Globs without separators."""

import fnmatch
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiphys.core.settings.glob import matches


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", ""),
        ("*", ""),
        ("*", "anything/at.all"),
        ("*.example.com", "a.b.example.com"),
        ("a*b*c", "a-b-b-c"),
        ("Con?igMap", "ConfigMap"),
        ("[A-Z]on*", "ConfigMap"),
        ("[!a-z]onfig", "Config"),
        ("[^a-z]onfig", "Config"),
        ("[]a]", "]"),
        ("[a-]", "-"),
        ("{Secret,ConfigMap}", "ConfigMap"),
        ("{a,b{c,d}}e", "bde"),
        ("{a,}b", "b"),
        (r"\*", "*"),
        (r"\{a", "{a"),
        (r"{a\,b,c}", "a,b"),
        ("https://*.example.com:6443", "https://one.example.com:6443"),
    ],
)
def test_matches(pattern: str, text: str) -> None:
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", "a"),
        ("a", ""),
        ("a", "ab"),
        ("?", ""),
        ("*a", "b"),
        ("a*b", "acd"),
        ("[a-c]", "d"),
        ("[!a-c]", "b"),
        ("config", "Config"),
        ("{a,b}", "c"),
        ("{a", "{a"),
        ("[a", "[a"),
        ("{a,b}" * 10, "a" * 10),
    ],
)
def test_does_not_match(pattern: str, text: str) -> None:
    assert not matches(pattern, text)


def test_many_stars_take_no_time() -> None:
    assert not matches("*a" * 40 + "b", "a" * 5000)


@settings(deadline=None)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_agrees_with_the_shell_s_globs(pattern: str, text: str) -> None:
    assert matches(pattern, text) is fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a/*", "a/b"),
        ("a/*/c", "a/b/c"),
        ("a/**", "a/b/c"),
        ("**/c", "a/b/c"),
        ("**a*b", "a/ab"),
        ("a/?", "a/b"),
        ("*", ""),
    ],
)
def test_matches_within_separators(pattern: str, text: str) -> None:
    assert matches(pattern, text, "/")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("a/*", "a/b/c"), ("*", "a/b"), ("a?b", "a/b"), ("a*", "b"), ("a", "ab"), ("a**", "b/a")],
)
def test_stops_at_separators(pattern: str, text: str) -> None:
    assert not matches(pattern, text, "/")


@given(st.text(alphabet="ab*?", max_size=6), st.text(alphabet="ab", max_size=8))
def test_a_separator_that_does_not_occur_changes_nothing(pattern: str, text: str) -> None:
    assert matches(pattern, text, "/") == matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "separator"),
    [
        ("{" * 2000 + "}" * 2000, ""),
        ("{" * 10**6, ""),
        ("*" * 4000, "/"),
        ("*" * 10**6, "/"),
        ("*a" * 2000, "/"),
        ("{" + "a" * 4000 + "}", ""),
    ],
)
def test_a_pattern_made_to_be_hard_is_answered_at_once(pattern: str, separator: str) -> None:
    began = process_time()
    for _ in range(20):
        matches(pattern, "x" * 60, separator)
    assert process_time() - began < 1.0


def test_many_braces_and_long_patterns_match_nothing() -> None:
    assert matches("{" * 256 + "a" + "}" * 256, "a")
    assert not matches("{" * 257 + "a" + "}" * 257, "a")
    assert matches("a" * 4096, "a" * 4096)
    assert not matches("a" * 4097, "a" * 4097)
