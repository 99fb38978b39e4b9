"""JSON pointers take out what they name."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.diff.pointer import tokens_of, without_pointers

OBJECT = {"a": {"b/c": 1, "d~e": 2, "0": 3}, "l": [{"x": 1, "y": 2}, {"x": 3}]}


@pytest.mark.parametrize(
    ("pointer", "left"),
    [
        ("/a", {"l": OBJECT["l"]}),
        ("/a/b~1c", {**OBJECT, "a": {"d~e": 2, "0": 3}}),
        ("/a/d~0e", {**OBJECT, "a": {"b/c": 1, "0": 3}}),
        ("/a/0", {**OBJECT, "a": {"b/c": 1, "d~e": 2}}),
        ("/l/0", {**OBJECT, "l": [{"x": 3}]}),
        ("/l/0/y", {**OBJECT, "l": [{"x": 1}, {"x": 3}]}),
    ],
)
def test_what_is_named_goes(pointer: str, left: Any) -> None:
    before = repr(OBJECT)
    assert without_pointers(OBJECT, [pointer]) == left
    assert repr(OBJECT) == before


@pytest.mark.parametrize(
    "pointer",
    ["", "a", "/z", "/a/z", "/a/b~1c/d", "/l/2", "/l/00", "/l/-", "/l/x", "/l/0/z", "/l/5/z",
     "/l/99999999999", "/l/١"],
)  # fmt: skip
def test_what_leads_nowhere_changes_nothing(pointer: str) -> None:
    assert without_pointers(OBJECT, [pointer]) is OBJECT


def test_pointers_follow_one_another() -> None:
    assert without_pointers(OBJECT, ["/l/0", "/l/0", "/a"]) == {"l": []}


def test_steps_of_a_pointer() -> None:
    assert tokens_of("/a~1b/~01") == ("a/b", "~1")
    assert tokens_of("a") is None
