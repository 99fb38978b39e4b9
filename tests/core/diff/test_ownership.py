"""Trees of managedFields: who owns what, copied or taken out."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.diff.ownership import (
    copied,
    entries_of,
    has_keys,
    owned,
    owned_by,
    united,
    without_owned,
)

Json = dict[str, Any]
NAME_B = 'k:{"name":"b"}'


def live(*entries: Any) -> Json:
    return {"metadata": {"managedFields": list(entries)}}


def test_entries_are_read_where_there_are_any() -> None:
    assert entries_of({}) == []
    assert entries_of({"metadata": {"managedFields": None}}) == []
    assert entries_of(live({"manager": "m"}, "odd")) == [{"manager": "m"}]


def test_what_managers_own_is_united() -> None:
    one = {"manager": "a", "fieldsV1": {"f:x": {"f:y": {}}}}
    two = {"manager": "b", "fieldsV1": {"f:x": {"f:z": {}}, "f:w": {}}}
    other = {"manager": "c", "fieldsV1": {"f:v": {}}}
    none = {"manager": "a", "fieldsV1": {}}
    assert owned_by(live(one, two, other, none), ("a", "b")) == {
        "f:x": {"f:y": {}, "f:z": {}}, "f:w": {}
    }  # fmt: skip
    assert owned(live(one), lambda _: False) == {}


def test_to_own_all_below_beats_parts() -> None:
    assert united({"f:x": {}}, {"f:x": {"f:y": {}}}) == {"f:x": {}}
    assert united({"f:x": {"f:y": {}}}, {"f:x": {}}) == {"f:x": {}}


@pytest.mark.parametrize(
    ("desired", "actual", "fields", "result"),
    [
        ({"a": 1}, {"a": 2}, {"f:a": {}}, {"a": 2}),
        ({"a": 1}, {"b": 2}, {"f:a": {}, ".": {}}, {"a": 1}),
        ({"a": {"x": 1}}, {"a": {"x": 2, "y": 3}}, {"f:a": {"f:y": {}}}, {"a": {"x": 1, "y": 3}}),
        ({}, {"a": {"x": 2, "y": 3}}, {"f:a": {".": {}, "f:y": {}}}, {"a": {"y": 3}}),
        ({"a": 1}, {"a": {"x": 2}}, {"f:a": {"f:x": {}}}, {"a": {"x": 2}}),
        (
            {"l": [{"name": "a"}, {"name": "b", "v": 1}]},
            {"l": [{"name": "b", "v": 2, "w": 3}]},
            {"f:l": {NAME_B: {"f:v": {}}, ".": {}}},
            {"l": [{"name": "a"}, {"name": "b", "v": 2}]},
        ),
        (
            {},
            {"l": [{"name": "b", "v": 2, "w": 3}]},
            {"f:l": {NAME_B: {".": {}, "f:name": {}, "f:v": {}}}},
            {"l": [{"name": "b", "v": 2}]},
        ),
        ({"l": []}, {"l": [{"name": "c"}]}, {"f:l": {NAME_B: {}}}, {"l": []}),
        (
            {"l": ["a", "b"]},
            {"l": ["b", "c"]},
            {"f:l": {'v:"b"': {}, 'v:"c"': {}, 'v:"d"': {}}},
            {"l": ["a", "b", "c"]},
        ),
    ],
)
def test_what_is_owned_is_copied(desired: Json, actual: Json, fields: Json, result: Json) -> None:
    before = repr((desired, actual))
    assert copied(desired, actual, fields) == result
    assert repr((desired, actual)) == before


@pytest.mark.parametrize(
    ("value", "fields", "left"),
    [
        ({"a": 1, "b": 2}, {"f:a": {}, "f:c": {}, ".": {}}, {"b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"f:a": {"f:x": {}}}, {"a": {"y": 2}}),
        ({"a": 1}, {"f:a": {"f:x": {}}}, {"a": 1}),
        ({"l": ["a", "b"]}, {"f:l": {'v:"b"': {}, "i:0": {}}}, {"l": ["a"]}),
        (
            {"l": [{"name": "a"}, {"name": "b", "v": 1}]},
            {"f:l": {NAME_B: {"f:v": {}}}},
            {"l": [{"name": "a"}, {"name": "b"}]},
        ),
        ({"l": [{"name": "a"}, {"name": "b"}]}, {"f:l": {NAME_B: {}}}, {"l": [{"name": "a"}]}),
    ],
)
def test_what_is_owned_is_taken_out(value: Json, fields: Json, left: Json) -> None:
    assert without_owned(value, fields) == left


def test_items_are_told_by_their_keys() -> None:
    assert has_keys({"port": 80}, {"port": 80, "protocol": "TCP"})
    assert not has_keys({"port": 80, "protocol": "UDP"}, {"port": 80, "protocol": "TCP"})
    assert not has_keys("text", {"port": 80})
