"""Which fields differ, and who wrote the live value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.diff.documents import schema_of
from tiphys.core.diff.explain import (
    FieldDifference,
    ItemKey,
    Path,
    differences,
    explained,
    path_text,
)

Json = dict[str, Any]


def found(kind: str, desired: Any, live: Any) -> list[tuple[str, Any, Any]]:
    root = schema_of(kind).root
    return [
        (difference.field, difference.desired, difference.live)
        for difference in differences({"spec": desired}, {"spec": live}, root)
    ]


def containers(*items: Any) -> Json:
    return {"template": {"spec": {"containers": list(items)}}}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("spec", "replicas"), "spec.replicas"),
        (("spec", "ports", ItemKey("name", "web"), "list", 0), "spec.ports[name=web].list[0]"),
        (("metadata", "labels", "example.com/name"), "metadata.labels[example.com/name]"),
        ((), ""),
    ],
)  # fmt: skip
def test_paths(path: Path, text: str) -> None:
    assert path_text(path) == text


def test_fields_of_mappings() -> None:
    assert found("Deployment", {"replicas": 1, "a": 1}, {"replicas": 2, "b": 1}) == [
        ("spec.replicas", 1, 2),
        ("spec.a", 1, None),
        ("spec.b", None, 1),
    ]
    assert found("Deployment", {"replicas": 1}, {"replicas": 1}) == []


def test_what_is_absent_has_its_default() -> None:
    assert found("Deployment", {}, {"replicas": 1, "strategy": {"type": "RollingUpdate"}}) == []
    assert found("Deployment", {"replicas": 1}, {}) == []
    assert found("Widget", {}, {"options": {"mode": "auto"}, "size": "small"}) == []
    assert found("Widget", {"options": {"mode": "own"}}, {}) == [
        ("spec.options.mode", "own", "auto")
    ]


def test_a_struct_that_is_omitted_is_an_empty_one() -> None:
    assert found("Deployment", {}, {"strategy": {"type": "Recreate"}}) == [
        ("spec.strategy.rollingUpdate", {"maxSurge": "25%", "maxUnavailable": "25%"}, None),
        ("spec.strategy.type", "RollingUpdate", "Recreate"),
    ]
    assert found("Deployment", {"selector": {"a": 1}}, {}) == [("spec.selector", {"a": 1}, None)]


def test_items_by_their_key() -> None:
    desired = containers({"name": "web", "image": "a"}, {"name": "new"})
    live = containers({"name": "old"}, {"name": "web", "image": "b"})
    assert found("Deployment", desired, live) == [
        ("spec.template.spec.containers[name=web].image", "a", "b"),
        ("spec.template.spec.containers[name=new]", {"name": "new"}, None),
        ("spec.template.spec.containers[name=old]", None, {"name": "old"}),
    ]


def test_order_of_items() -> None:
    web, side = {"name": "web"}, {"name": "side"}
    assert found("Deployment", containers(web, side), containers(side, web)) == [
        ("spec.template.spec.containers", ["web", "side"], ["side", "web"])
    ]


def test_items_without_a_unique_key_are_taken_by_position() -> None:
    one = {"ports": [{"port": 53, "nodePort": 1}, {"port": 53, "nodePort": 2}]}
    other = {"ports": [{"port": 53, "nodePort": 1}, {"port": 53, "nodePort": 3}]}
    assert found("Service", one, other) == [("spec.ports[1].nodePort", 2, 3)]
    assert found("Service", {"ports": [{"port": 53}]}, {"ports": [{"name": "a"}, 1]}) == [
        ("spec.ports", [{"port": 53}], [{"name": "a"}, 1])
    ]


def test_atomic_lists() -> None:
    assert found("Deployment", containers({"name": "web", "args": ["a", "b"]}),
                 containers({"name": "web", "args": ["a", "c"]})) == [
        ("spec.template.spec.containers[name=web].args[1]", "b", "c")
    ]  # fmt: skip
    assert found("Widget", {"free": [1]}, {"free": [1, 2]}) == [("spec.free", [1], [1, 2])]
    assert found("Widget", {"free": [1]}, {"free": "a"}) == [("spec.free", [1], "a")]


def test_equal_quantities_are_no_difference() -> None:
    def limit(cpu: str) -> Json:
        return containers({"name": "web", "resources": {"limits": {"memory": cpu}}})

    assert found("Deployment", limit("1Gi"), limit("1073741824")) == []
    assert found("Deployment", limit("1Gi"), limit("1G")) == [
        ("spec.template.spec.containers[name=web].resources.limits.memory", "1Gi", "1G")
    ]


PORTS = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "nodePort": 3}]
LIVE: Json = {
    "metadata": {
        "labels": {"a.b/c": "d"},
        "finalizers": ["x"],
        "managedFields": [
            {"manager": "tiphys", "time": "2026-01-01T00:00:00Z", "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:a.b/c": {}}},
                "f:spec": {
                    "f:replicas": {}, "f:args": {}, "f:list": {"i:1": {}},
                    "f:ports": {'k:{"port":53,"protocol":"TCP"}': {".": {}, "f:name": {}}},
                },
            }},
            {"manager": "kubectl-edit", "time": "2026-01-02T00:00:00Z", "fieldsV1": {
                "f:spec": {
                    "f:replicas": {},
                    "f:ports": {'k:{"port":53,"protocol":"UDP"}': {".": {}, "f:nodePort": {}}},
                },
            }},
            {"manager": "whole", "fieldsV1": {"f:data": {}}},
            {"manager": "nothing"},
        ],
    },
    "spec": {"replicas": 2, "args": ["a"], "list": [1, 2], "ports": PORTS, "other": 1},
    "data": {"a": "b"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "manager", "time"),
    [
        (("spec", "replicas"), "kubectl-edit", "2026-01-02T00:00:00Z"),
        (("metadata", "labels", "a.b/c"), "tiphys", "2026-01-01T00:00:00Z"),
        (("spec", "args", 0), "tiphys", "2026-01-01T00:00:00Z"),
        (("spec", "list", 1), "tiphys", "2026-01-01T00:00:00Z"),
        (("spec", "list", 0), "", ""),
        (("spec", "ports", ItemKey("protocol", "UDP"), "nodePort"), "kubectl-edit",
         "2026-01-02T00:00:00Z"),
        (("spec", "ports", ItemKey("protocol", "UDP"), "name"), "", ""),
        (("spec", "ports", ItemKey("protocol", "SCTP"), "name"), "", ""),
        (("spec", "replicas", ItemKey("a", "b")), "kubectl-edit", "2026-01-02T00:00:00Z"),
        (("spec", "list", 1, "deep"), "tiphys", "2026-01-01T00:00:00Z"),
        (("spec", "other"), "", ""),
        (("data", "a"), "whole", ""),
    ],
)  # fmt: skip
def test_managers(path: Path, manager: str, time: str) -> None:
    difference = FieldDifference(path, 1, 2)
    assert explained(difference, LIVE) == FieldDifference(path, 1, 2, manager, time)


def test_an_absent_value_has_no_writer() -> None:
    difference = FieldDifference(("spec", "replicas"), 1, None)
    assert explained(difference, LIVE) == difference


@pytest.mark.parametrize("live", [{}, {"metadata": {}}, {"metadata": {"managedFields": None}}])
def test_without_managed_fields(live: Json) -> None:
    difference = FieldDifference(("spec", "replicas"), 1, 2)
    assert explained(difference, live) == difference


def test_an_item_that_is_not_where_the_path_says() -> None:
    difference = FieldDifference(("spec", "list", 0), 1, 2)
    live = {**LIVE, "spec": {"list": "text"}}
    assert explained(difference, live).manager == ""
