"""A change between two desired states, carried over to what came of the first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.diff.carried import carried_over

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after", "stored", "found"),
    [
        ({"a": 1}, {"a": 1}, {"a": 1, "default": 2}, {"a": 1, "default": 2}),
        ({"a": 1}, {"a": 3}, {"a": 1, "default": 2}, {"a": 3, "default": 2}),
        ({"a": 1}, {"b": 1}, {"a": 1, "default": 2}, {"b": 1, "default": 2}),
        ({}, {"a": {"b": 1}}, {"c": 1}, {"a": {"b": 1}, "c": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": {"b": 1, "c": 0}}, {"a": {"b": 2, "c": 0}}),
        # The stored object lost what was desired of it.
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {}, {"a": {"b": 2}}),
        # Lists whose items have no names are taken whole.
        ([1, 2], [1, 3], [1, 2], [1, 3]),
        ([{"x": 1}], [{"x": 2}], [{"x": 1, "y": 1}], [{"x": 2}]),
        ([{"name": "a"}, {"name": "a"}], [{"name": "b"}], [{"name": "a"}], [{"name": "b"}]),
        ([{"name": []}], [{"name": "b"}], [{"name": "a"}], [{"name": "b"}]),
        ("abc", "abd", "abc", "abd"),
    ],
)
def test_one_value(before: Any, after: Any, stored: Any, found: Any) -> None:
    assert carried_over(before, after, stored) == found


def test_named_items_keep_their_defaults() -> None:
    before = [{"name": "web", "image": "a:1"}, {"name": "gone", "image": "b"}]
    after = [{"name": "new", "image": "c"}, {"name": "web", "image": "a:2"}]
    stored = [
        {"name": "web", "image": "a:1", "imagePullPolicy": "Always"},
        {"name": "gone", "image": "b"},
        {"name": "sidecar", "image": "injected"},
    ]
    assert carried_over(before, after, stored) == [
        {"name": "new", "image": "c"},
        {"name": "web", "image": "a:2", "imagePullPolicy": "Always"},
        {"name": "sidecar", "image": "injected"},
    ]


def test_ports_are_told_apart_by_their_numbers() -> None:
    before, after = [{"port": 80}], [{"port": 80, "targetPort": 8080}]
    stored = [{"port": 80, "protocol": "TCP"}]
    assert carried_over(before, after, stored) == [
        {"port": 80, "protocol": "TCP", "targetPort": 8080}
    ]


@given(VALUES, VALUES)
def test_what_was_stored_as_desired_becomes_what_is_desired(before: Any, after: Any) -> None:
    assert carried_over(before, after, before) == after


@given(VALUES, VALUES)
def test_without_a_change_nothing_changes(desired: Any, stored: Any) -> None:
    assert carried_over(desired, desired, stored) == stored
