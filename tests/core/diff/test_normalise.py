"""One spelling for what the API server does not tell apart."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.diff.documents import schema_of
from tiphys.core.diff.canonical import manifest_hash
from tiphys.core.diff.normalise import (
    canonical,
    encode,
    fold_string_data,
    normalise,
    same,
    strictly_equal,
    strip_server_fields,
    vanishes,
)
from tiphys.core.diff.types import FieldType, Omission, Scalar, Shape, TypeNode


def spec(kind: str, content: Any, **top: Any) -> Any:
    manifest = {"apiVersion": "x/v1", "kind": kind, "spec": content, **top}
    return normalise(manifest, schema_of(kind)).get("spec")


def filled(kind: str, content: Any) -> Any:
    """With defaults, as what is compared whole is."""
    schema = schema_of(kind)
    return canonical({"kind": kind, "spec": content}, schema.root, fill=True)["spec"]


def pod(content: Any) -> Any:
    return spec("Deployment", {"template": {"spec": content}})["template"]["spec"]


def test_empty_values_are_omitted_where_the_server_does_not_store_them() -> None:
    written = {
        "paused": False, "minReadySeconds": 0, "strategy": {}, "selector": {"matchLabels": {}},
        "template": {"metadata": {"creationTimestamp": None, "labels": {}},
                     "spec": {"hostNetwork": False, "nodeSelector": None, "containers": []}},
    }  # fmt: skip
    assert spec("Deployment", written) == {"selector": {}}


def test_zeros_that_mean_something_stay() -> None:
    written = {
        "replicas": 0,
        "template": {"spec": {
            "runtimeClassName": "", "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsUser": 0},
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }},
    }  # fmt: skip
    assert spec("Deployment", written) == written


def test_items_of_lists_and_maps_stay_though_empty() -> None:
    assert spec("NetworkPolicy", {"ingress": [{}]}) == {"ingress": [{}]}
    schema = {"properties": {"a": {}, "b": {"nullable": False, "required": []}}}
    assert spec("CustomResourceDefinition", {"schema": schema}) == {
        "schema": {"properties": {"a": {}, "b": {}}}
    }


def test_quantities_and_their_maps() -> None:
    resources = {"limits": {"cpu": "1000m", "memory": None}, "requests": {}}
    assert pod({"containers": [{"name": "a", "resources": resources}]}) == {
        "containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]
    }


def test_texts_that_are_null_are_empty() -> None:
    manifest = {"kind": "ConfigMap", "data": {"a": None, "b": "1000m"}}
    assert normalise(manifest, schema_of("ConfigMap"))["data"] == {"a": "", "b": "1000m"}


def test_unions_of_schemas_are_read_as_schemas() -> None:
    written = {"schema": {"items": {"nullable": False, "type": "string"}}}
    assert spec("CustomResourceDefinition", written) == {"schema": {"items": {"type": "string"}}}
    several = {"schema": {"items": [{"nullable": False}]}}
    assert spec("CustomResourceDefinition", several) == several


def test_defaults_of_atomic_lists() -> None:
    written = {"ingress": [{"ports": [{"port": 80}]}]}
    assert spec("NetworkPolicy", written) == written
    assert filled("NetworkPolicy", written) == {
        "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]
    }


def test_subjects_get_the_group_of_their_kind() -> None:
    kinds = ("User", "Group", "ServiceAccount")
    manifest = {
        "kind": "RoleBinding",
        "subjects": [{"kind": kind, "name": "a", "apiGroup": ""} for kind in kinds],
        "roleRef": {"kind": "Role", "name": "a"},
    }
    group = "rbac.authorization.k8s.io"
    assert canonical(manifest, schema_of("RoleBinding").root, fill=True) == {
        "kind": "RoleBinding",
        "subjects": [
            {"kind": "User", "name": "a", "apiGroup": group},
            {"kind": "Group", "name": "a", "apiGroup": group},
            {"kind": "ServiceAccount", "name": "a"},
        ],
        "roleRef": {"kind": "Role", "name": "a", "apiGroup": group},
    }


def test_limits_of_containers_follow_from_one_another() -> None:
    limits = [
        {"type": "Container", "max": {"cpu": "2000m"}, "min": {"memory": "1Ki"}},
        {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"}},
        {"type": "Pod", "max": {"cpu": "2"}},
    ]
    assert filled("LimitRange", {"limits": limits}) == {
        "limits": [
            {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Ki"},
             "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2", "memory": "1Ki"}},
            {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"}},
            {"type": "Pod", "max": {"cpu": "2"}},
        ]
    }  # fmt: skip


def test_claims_in_templates_are_whole_objects() -> None:
    live = {"volumeClaimTemplates": [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
         "spec": {"volumeMode": "Filesystem", "storageClassName": ""},
         "status": {"phase": "Pending"}}
    ]}  # fmt: skip
    written = {"volumeClaimTemplates": [
        {"metadata": {"name": "data", "labels": {}},
         "spec": {"volumeName": "", "storageClassName": ""}}
    ]}  # fmt: skip
    assert (
        filled("StatefulSet", written)["volumeClaimTemplates"]
        == filled("StatefulSet", live)["volumeClaimTemplates"]
    )


def test_custom_resources_stay_as_written_with_the_defaults_of_their_schema() -> None:
    written = {
        "cpu": "1000m", "on": False, "since": "2026-01-02T05:04:05+02:00", "port": 80.0,
        "parts": [{"name": "a"}, {"name": "", "on": True}],
        "free": {"a": None, "list": [], "deep": [{"b": None, "c": {}}]},
        "texts": {"a": "", "b": None},
    }  # fmt: skip
    assert "size" not in spec("Widget", written)
    assert filled("Widget", written) == {
        "cpu": "1000m", "on": False, "since": "2026-01-02T05:04:05+02:00", "port": 80,
        "parts": [{"name": "a", "on": False}, {"name": "", "on": True}],
        "free": {"list": [], "deep": [{"c": {}}]}, "texts": {"a": ""},
        "size": "small", "options": {"mode": "auto"},
    }  # fmt: skip


def test_unknown_fields_and_kinds_stay() -> None:
    assert spec("Deployment", {"future": {"a": "", "b": None}}) == {"future": {"a": ""}}
    assert spec("Deployment", {"future": None}) is None
    assert normalise({"kind": "X", "spec": {"a": [], "b": None}}, None) == {
        "kind": "X",
        "spec": {"a": []},
    }


def test_values_of_another_shape_stay() -> None:
    assert pod({"containers": {"a": 1}, "nodeSelector": ["b"], "securityContext": "c"}) == {
        "containers": {"a": 1}, "nodeSelector": ["b"], "securityContext": "c"
    }  # fmt: skip


def test_what_the_server_owns_goes() -> None:
    meta = {"name": "a", "uid": "1", "resourceVersion": "2", "generation": 3, "managedFields": [],
            "creationTimestamp": "x", "selfLink": "y", "deletionTimestamp": "z",
            "deletionGracePeriodSeconds": 1}  # fmt: skip
    manifest = {"kind": "X", "metadata": meta, "status": {"a": 1}}
    assert strip_server_fields(manifest) == {"kind": "X", "metadata": {"name": "a"}}
    assert strip_server_fields({"kind": "X", "status": {}}) == {"kind": "X"}
    plain = {"kind": "X", "metadata": {"name": "a"}}
    assert strip_server_fields(plain) is plain
    assert strip_server_fields({**plain, "status": 1}) == plain


def test_string_data_becomes_data() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "b2xk", "b": "Yg=="},
              "stringData": {"a": "new", "c": None, "n": 5}}  # fmt: skip
    expected = {"a": base64.b64encode(b"new").decode(), "b": "Yg==", "c": "", "n": "NQ=="}
    assert fold_string_data(secret) == {"apiVersion": "v1", "kind": "Secret", "data": expected}
    assert fold_string_data({"kind": "Secret", "stringData": {}}) == {"kind": "Secret", "data": {}}
    assert "stringData" in secret


@pytest.mark.parametrize(
    "manifest",
    [
        {"kind": "Secret", "data": {}},
        {"kind": "ConfigMap", "stringData": {"a": "b"}},
        {"kind": "Secret", "apiVersion": "example.com/v1", "stringData": {"a": "b"}},
        {"kind": "Secret", "stringData": "text"},
        {"kind": "Secret", "stringData": {"a": "b"}, "data": "text"},
    ],
)
def test_string_data_of_others_stays(manifest: dict[str, Any]) -> None:
    assert fold_string_data(manifest) is manifest


def test_endpoints_are_sets() -> None:
    one = {"addresses": [{"ip": "1"}, {"ip": "2"}], "ports": [{"port": 1}]}
    two = {"addresses": [{"ip": "3"}], "note": "x"}
    swapped = {"addresses": [{"ip": "2"}, {"ip": "1"}], "ports": [{"port": 1}]}
    schema = schema_of("Endpoints")
    first = normalise({"kind": "Endpoints", "subsets": [one, two]}, schema)
    second = normalise({"kind": "Endpoints", "subsets": [two, swapped]}, schema)
    assert first == second
    assert normalise({"kind": "Endpoints"}, schema) == {"kind": "Endpoints"}


def test_rules_that_are_null_are_no_rules() -> None:
    assert normalise({"kind": "Role", "rules": None}, schema_of("Role")) == {"kind": "Role"}
    assert normalise({"kind": "Role", "rules": []}, schema_of("Role")) == {"kind": "Role"}


def test_vanishing() -> None:
    field = FieldType(TypeNode(Shape.SCALAR), omission=Omission.EMPTY)
    empty: list[Any] = ["", 0, False, [], {}]
    assert all(vanishes(value, field) for value in [None, *empty])
    assert not any(vanishes(value, field) for value in ("a", 1, True, [None], {"a": None}))
    pointer = FieldType(TypeNode(Shape.SCALAR))
    assert vanishes(None, pointer)
    assert not any(vanishes(value, pointer) for value in empty)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [(1, True, False), (0, False, False), (1, 1.0, False), ("a", "a", True), ("a", "b", False),
     ([1], [True], False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), (2**70, 2**70, True)],
)  # fmt: skip
def test_equality_is_that_of_json(left: Any, right: Any, equal: bool) -> None:
    assert strictly_equal(left, right) is equal
    assert same(left, right, FieldType(TypeNode(Shape.OPAQUE))) is equal


def test_scalars_are_compared_by_their_type() -> None:
    quantity = FieldType(TypeNode(Shape.SCALAR, scalar=Scalar.QUANTITY))
    assert same("1Gi", "1073741824", quantity)
    assert same(1, "1000m", quantity)
    assert not same("1", "2", quantity)
    plain = FieldType(TypeNode(Shape.SCALAR))
    assert not same(1, True, plain)
    assert same("a", "a", plain)
    value = {"a": 1}
    assert same(value, value, plain)


def test_hashes_ignore_the_order_of_fields() -> None:
    assert manifest_hash({"a": 1, "b": [1, 2]}) == manifest_hash({"b": [1, 2], "a": 1})
    assert manifest_hash({"a": [1, 2]}) != manifest_hash({"a": [2, 1]})
    assert manifest_hash({"a": 1}) != manifest_hash({"a": True})
    assert len(manifest_hash({})) == 32


def test_integers_of_any_size_are_written() -> None:
    assert encode({"b": 2**70, "a": "ä"}) == b'{"a":"\xc3\xa4","b":1180591620717411303424}'


json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(
        ["spec", "template", "metadata", "containers", "name", "resources", "limits", "labels",
         "ports", "protocol", "size", "parts", "options", "free", "stringData", "data"]),
        inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["Deployment", "Service", "Secret", "Widget", "Endpoints"])
@given(content=st.dictionaries(st.sampled_from(["spec", "metadata", "data", "subsets"]), json))
def test_normalising_twice_changes_nothing(kind: str, content: dict[str, Any]) -> None:
    manifest = {**content, "kind": kind}
    once = normalise(manifest, schema_of(kind))
    assert normalise(once, schema_of(kind)) == once


@given(st.dictionaries(st.text("abc", min_size=1), json))
def test_normalising_does_not_depend_on_order(content: dict[str, Any]) -> None:
    turned = dict(reversed(content.items()))
    for kind in ("Deployment", "Widget"):
        one = normalise({"kind": kind, "spec": content}, schema_of(kind))
        other = normalise({"spec": turned, "kind": kind}, schema_of(kind))
        assert one == other
