"""What a server-side apply by us would store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.diff.documents import schema_of
from tiphys.core.diff.compare import compare
from tiphys.core.diff.rules import DiffMode
from tiphys.core.diff.structured import predict_apply, without_mutations
from tiphys.core.diff.types import OPAQUE, FieldType, ListKind, Shape, TypeNode

Json = dict[str, Any]
US = "argocd-controller"
MAP_LIST = FieldType(
    TypeNode(Shape.LIST, items=TypeNode(Shape.OBJECT)), list_kind=ListKind.MAP, list_keys=("name",)
)
SET_LIST = FieldType(TypeNode(Shape.LIST), list_kind=ListKind.SET)
ATOMIC = FieldType(TypeNode(Shape.MAP), atomic=True)
CHOSEN = FieldType(TypeNode(Shape.SCALAR), chosen=True)
ROOT = TypeNode(
    Shape.OBJECT,
    fields={"m": MAP_LIST, "s": SET_LIST, "atom": ATOMIC, "ip": CHOSEN,
            "whole": FieldType(TypeNode(Shape.OBJECT, atomic=True))},
)  # fmt: skip


def entry(manager: str, fields: Json, operation: str = "Apply", **more: str) -> Json:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def predicted(desired: Json, live: Json, *entries: Json, root: TypeNode = ROOT) -> Json:
    managed = {"metadata": {"managedFields": list(entries)}}
    return predict_apply(desired, live, managed, root, manager=US)


def test_what_is_desired_is_set_and_what_others_wrote_stays() -> None:
    live = {"a": 1, "b": {"x": 1}}
    assert predicted({"a": 2, "b": {"y": 2}, "c": {"d": None}}, live) == {
        "a": 2, "b": {"x": 1, "y": 2}, "c": {}
    }  # fmt: skip


def test_what_we_owned_and_desire_no_more_goes() -> None:
    live = {"a": 1, "b": {"x": 1, "y": 2}, "c": {"z": 1}, "d": 4}
    ours = entry(US, {"f:a": {}, "f:b": {"f:x": {}}, "f:c": {"f:z": {}}, "f:gone": {}})
    # What nobody owns, such as defaults, goes with the last that was owned of a field.
    assert predicted({}, live, ours) == {"d": 4}
    theirs = entry("m", {"f:b": {"f:y": {}}}, "Update")
    assert predicted({}, live, ours, theirs) == {"b": {"y": 2}, "d": 4}
    assert predicted({"b": {"w": 1}}, live, ours) == {"b": {"y": 2, "w": 1}, "d": 4}


def test_what_is_emptied_goes() -> None:
    ours = entry(US, {"f:b": {"f:x": {}}})
    assert predicted({"b": {}}, {"b": {"x": 1}}, ours) == {}
    assert predicted({"b": {}}, {"b": {}}, ours) == {"b": {}}
    item = entry(US, {"f:m": {'k:{"name":"a"}': {".": {}, "f:name": {}}}})
    assert predicted({"m": [{"name": "a"}]}, {"m": [{"name": "a"}]}, item) == {"m": [{"name": "a"}]}


def test_what_others_own_too_stays() -> None:
    live = {"a": 1, "b": {"x": 1, "y": 2}}
    ours = entry(US, {"f:a": {}, "f:b": {".": {}, "f:x": {}, "f:y": {}}})
    theirs = entry("kubectl", {"f:a": {}, "f:b": {"f:x": {}}}, "Update")
    assert predicted({}, live, ours, theirs) == {"a": 1, "b": {"x": 1}}


def test_a_whole_that_we_owned_goes_with_what_is_in_it() -> None:
    ours = entry(US, {"f:b": {".": {}, "f:x": {}}})
    assert predicted({}, {"b": {"x": 1, "y": 2}}, ours) == {}
    leaf = entry(US, {"f:b": {}})
    theirs = entry("m", {"f:b": {"f:y": {}}})
    assert predicted({}, {"b": {"x": 1, "y": 2}}, leaf, theirs) == {"b": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    "entry_",
    [
        entry(US, {"f:a": {}}, "Update"),
        entry("other", {"f:a": {}}),
        entry(US, {"f:a": {}}, subresource="status"),
    ],
)
def test_only_our_own_applies_are_taken_back(entry_: Json) -> None:
    assert predicted({}, {"a": 1}, entry_) == {"a": 1}


def test_atomic_values_are_taken_whole() -> None:
    live = {"atom": {"x": 1}, "whole": {"x": 1}, "free": [1, 2], "m": [{"name": 1}]}
    desired = {"atom": {"y": 2}, "whole": {"y": 2}, "free": [3]}
    assert predicted(desired, live) == {
        "atom": {"y": 2}, "whole": {"y": 2}, "free": [3], "m": [{"name": 1}]
    }  # fmt: skip
    ours = entry(US, {"f:atom": {"f:x": {}}, "f:whole": {"f:x": {}}, "f:free": {"i:0": {}}})
    assert predicted({}, live, ours) == {"m": [{"name": 1}]}
    theirs = entry("m", {"f:atom": {"f:z": {}}, "f:free": {"i:1": {}}})
    shared = {"atom": {"x": 1}, "free": [1, 2]}
    assert predicted({}, shared, ours, theirs) == shared


def test_items_are_merged_by_their_keys() -> None:
    live = {"m": [{"name": "a", "v": 1, "w": 1}, {"name": "b"}, {"name": "c"}, {"name": "d"}]}
    ours = entry(US, {"f:m": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:w": {}},
                              'k:{"name":"b"}': {".": {}, "f:name": {}},
                              'k:{"name":"c"}': {".": {}, "f:name": {}}, ".": {}}})  # fmt: skip
    theirs = entry("m", {"f:m": {'k:{"name":"c"}': {".": {}, "f:name": {}}}})
    desired = {"m": [{"name": "n", "v": None}, {"name": "a", "v": 2}]}
    assert predicted(desired, live, ours, theirs) == {
        "m": [{"name": "n"}, {"name": "a", "v": 2}, {"name": "c"}, {"name": "d"}]
    }


def test_a_list_that_we_owned_goes_item_by_item() -> None:
    item: Json = {".": {}, "f:name": {}}
    live = {"m": [{"name": "a"}, {"name": "b"}], "s": ["x", "y"]}
    ours = entry(US, {"f:m": {'k:{"name":"a"}': item}, "f:s": {'v:"x"': {}}})
    assert predicted({}, live, ours) == {}
    others = entry("m", {"f:m": {'k:{"name":"b"}': item}, "f:s": {'v:"y"': {}}})
    assert predicted({}, live, ours, others) == {"m": [{"name": "b"}], "s": ["y"]}
    assert predicted({}, {"m": [{"name": "a"}], "s": ["x"]}, ours, others) == {}
    theirs = entry("m", {"f:s": {'v:"x"': {}}})
    assert predicted({}, {"s": ["x"]}, ours, theirs) == {"s": ["x"]}


def test_items_that_cannot_be_told_apart_are_taken_whole() -> None:
    live = {"m": [{"name": "a", "v": 1}]}
    odds: list[list[Any]] = [[{"name": "a"}, {"name": "a"}], ["text"], [{"name": {}}]]
    for odd in odds:
        assert predicted({"m": odd}, live) == {"m": odd}


@pytest.mark.parametrize(
    ("desired", "live", "result"),
    [
        (["c", "a"], ["a", "b"], ["c", "a", "b"]),
        (["b", "a"], ["a", "b", "x"], ["b", "x", "a"]),
        (["b", "a"], ["a", "x", "b"], ["x", "b", "a"]),
        (["a", "n", "b"], ["a", "x", "b"], ["a", "x", "n", "b"]),
        (["n"], ["x"], ["x", "n"]),
    ],
)
def test_the_desired_order_is_kept_among_what_stays(
    desired: list[str], live: list[str], result: list[str]
) -> None:
    assert predicted({"s": desired}, {"s": live}) == {"s": result}


def test_what_the_server_chooses_stays() -> None:
    assert predicted({"ip": ""}, {"ip": "10.0.0.1"}) == {"ip": "10.0.0.1"}


def test_absent_keys_have_their_defaults() -> None:
    service = schema_of("Service")
    assert service is not None
    live = {"kind": "Service", "spec": {"ports": [
        {"port": 80, "protocol": "TCP", "nodePort": 30000}]}}  # fmt: skip
    desired = {"kind": "Service", "spec": {"ports": [{"port": 80, "name": "web"}]}}
    assert predicted(desired, live, root=service.root)["spec"]["ports"] == [
        {"port": 80, "protocol": "TCP", "nodePort": 30000, "name": "web"}
    ]


def test_a_comparison_by_owners_removes_and_keeps() -> None:
    desired = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
               "spec": {"replicas": 1}}  # fmt: skip
    mine = entry(US, {"f:spec": {"f:replicas": {}, "f:minReadySeconds": {}}})
    live = {**desired, "metadata": {"name": "a", "labels": {"x": "y"}, "managedFields": [mine]},
            "spec": {"replicas": 1, "minReadySeconds": 5, "paused": True}}  # fmt: skip
    schema = schema_of("Deployment")
    answer = compare(desired, live, schema=schema, mode=DiffMode.STRUCTURED)
    assert [(d.field, d.desired, d.live, d.manager) for d in answer.differences] == [
        ("spec.minReadySeconds", None, 5, US)
    ]
    assert answer.predicted is not None
    assert answer.predicted["spec"] == {"replicas": 1, "paused": True}
    same = {**desired, "spec": {"replicas": 1, "minReadySeconds": 5}}
    assert not compare(same, live, schema=schema, mode=DiffMode.STRUCTURED).modified
    assert not compare(same, live, schema=None, mode=DiffMode.STRUCTURED).modified


def test_what_webhooks_change_is_taken_back() -> None:
    ours = entry(US, {"f:a": {}, "f:l": {".": {}, "f:x": {}}})
    answer = {"a": 2, "l": {"x": 1, "injected": 1}, "sidecar": 1,
              "metadata": {"managedFields": [ours]}}  # fmt: skip
    old = entry(US, {"f:a": {}, "f:gone": {}})
    live = {"a": 1, "gone": 1, "l": {"other": 1}, "metadata": {"managedFields": [old]}}
    left = without_mutations(answer, live, OPAQUE, manager=US)
    assert {name: left[name] for name in left if name != "metadata"} == {
        "a": 2, "l": {"other": 1, "x": 1}
    }  # fmt: skip
    bare = without_mutations({"a": 5}, live, OPAQUE, manager=US)
    assert bare == {"l": {"other": 1}, "metadata": live["metadata"]}
