"""What is applied when ignored fields are to stay as they are live."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.diff.documents import schema_of
from tiphys.core.diff.pointer import without_pointers
from tiphys.core.diff.respect import respect
from tiphys.core.diff.types import OPAQUE, TypeNode

Json = dict[str, Any]


def respected(target: Json, live: Json, *pointers: str, root: TypeNode = OPAQUE) -> Any:
    left = without_pointers(target, pointers), without_pointers(live, pointers)
    return respect(target, live, *left, root)


@pytest.mark.parametrize(
    ("target", "live", "result"),
    [
        ({"spec": {"a": 1, "b": 1}}, {"spec": {"a": 2, "b": 2}}, {"spec": {"a": 2, "b": 1}}),
        ({"spec": {"b": 1}}, {"spec": {"a": 2}}, {"spec": {"b": 1, "a": 2}}),
        ({"spec": {"a": 1, "b": 1}}, {"spec": {"b": 2}}, {"spec": {"b": 1}}),
        ({"spec": {"b": 1}}, {"spec": {"b": 2}}, {"spec": {"b": 1}}),
        ({"spec": {"a": 1}}, {}, {"spec": {"a": 1}}),
        ({}, {"spec": {"a": 1}}, {}),
    ],
)
def test_only_the_ignored_field_is_live(target: Json, live: Json, result: Json) -> None:
    assert respected(target, live, "/spec/a") == result


def test_status_is_never_touched() -> None:
    target, live = {"status": {"a": 1}, "x": 1}, {"status": {"a": 2}, "x": 2}
    assert respected(target, live, "/status", "/x") == {"status": {"a": 1}, "x": 2}
    assert respected({}, live, "/status") == {}


def test_fields_of_another_shape_are_live() -> None:
    assert respected({"a": {"b": 1}}, {"a": [1]}, "/a/b") == {"a": [1]}


CONTAINERS = "/spec/template/spec/containers"


def pod(*containers: Json) -> Json:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


def test_items_are_paired_by_their_key() -> None:
    schema = schema_of("Deployment")
    assert schema is not None
    target = pod({"name": "b", "image": "b1"}, {"name": "a", "image": "a1", "x": 1})
    live = pod({"name": "a", "image": "a2", "x": 2}, {"name": "b", "image": "b2"})
    left = pod({"name": "b", "image": "b1"}, {"name": "a", "x": 1})
    live_left = pod({"name": "a", "x": 2}, {"name": "b", "image": "b2"})
    assert respect(target, live, left, live_left, schema.root) == pod(
        {"name": "b", "image": "b1"}, {"name": "a", "image": "a2", "x": 1}
    )


def test_whole_items_that_are_ignored_are_live() -> None:
    schema = schema_of("Deployment")
    assert schema is not None
    target = pod({"name": "a", "image": "a1"})
    live = pod({"name": "side", "image": "s"}, {"name": "a", "image": "a2"}, {"name": "old"})
    live_left = pod({"name": "a", "image": "a2"}, {"name": "old"})
    assert respect(target, live, target, live_left, schema.root) == pod(
        {"name": "a", "image": "a1"}, {"name": "side", "image": "s"}
    )


def test_items_without_keys_are_paired_by_their_place() -> None:
    assert respected({"l": [{"a": 1, "b": 1}, {"a": 1}]}, {"l": [{"a": 2, "b": 2}]}, "/l/0/a") == {
        "l": [{"a": 2, "b": 1}, {"a": 1}]
    }


def test_items_without_keys_that_are_gone_are_live() -> None:
    live = {"l": [{"a": 9}, {"a": 2}]}
    assert respected({"l": [{"a": 1}, {"a": 2}]}, live, "/l/0") == {"l": [{"a": 9}, {"a": 2}]}
    more = {"l": [{"a": 1}, {"a": 2}, {"a": 3}]}
    assert respected(more, live, "/l/0") == {"l": [{"a": 9}, {"a": 2}, {"a": 3}]}


def test_items_with_odd_keys_are_kept_apart() -> None:
    schema = schema_of("Deployment")
    assert schema is not None
    twice = pod({"name": "a", "image": "1"}, {"name": "a", "image": "2"}, "text")  # type: ignore[arg-type]
    live = pod({"name": "a", "image": "3", "x": 1}, {"name": "a", "image": "4"})
    left = pod({"name": "a", "image": "3"}, {"name": "a", "image": "4"})
    assert respect(twice, live, twice, left, schema.root) == pod(
        {"name": "a", "image": "1", "x": 1},
        {"name": "a", "image": "2"},
        "text",  # type: ignore[arg-type]
    )
