"""Compiling OpenAPI into types."""

from __future__ import annotations

from typing import Any

from tests.core.diff.documents import DELETE_OPTIONS, SCHEMAS, WIDGET, document, schema_of
from tiphys.core.diff.schema import SchemaSet, TypeSchema
from tiphys.core.diff.types import (
    FieldType,
    ListKind,
    Omission,
    Scalar,
    Shape,
    TypeNode,
    field_of,
)
from tiphys.model.resource import GroupVersionKind


def descend(schema: TypeSchema, *path: str) -> TypeNode:
    node = schema.root
    for name in path:
        while node.shape is Shape.LIST and node.items:
            node = node.items
        node = field_of(node, name).type
    return node


def test_built_in_kinds_are_strategic_and_custom_ones_are_not() -> None:
    assert schema_of("Deployment").strategic
    assert not schema_of("Widget").strategic


def test_what_cannot_be_addressed_has_no_type() -> None:
    assert SCHEMAS.find(DELETE_OPTIONS) is None
    assert SCHEMAS.find(GroupVersionKind("apps", "v2", "Deployment")) is None


def test_one_kind_by_itself() -> None:
    schema = TypeSchema.from_openapi(document(), WIDGET)
    assert schema is not None
    assert schema.gvk == WIDGET
    assert TypeSchema.from_openapi({}, WIDGET) is None


def test_kinds_share_the_types_that_they_refer_to() -> None:
    assert descend(schema_of("Secret"), "metadata") is descend(schema_of("Service"), "metadata")


def test_merging() -> None:
    spec = descend(schema_of("Deployment"), "spec", "template", "spec")
    containers, volumes = spec.fields["containers"], spec.fields["volumes"]
    assert (containers.merge, containers.merge_key, containers.retain_keys) == (True, "name", False)
    assert (volumes.merge, volumes.retain_keys) == (True, True)
    assert not spec.fields["tolerations"].merge
    ports = descend(schema_of("Deployment"), "spec", "template", "spec", "containers").items
    assert ports is not None
    assert ports.fields["ports"].list_keys == ("containerPort", "protocol")
    finalizers = descend(schema_of("Deployment"), "metadata").fields["finalizers"]
    assert (finalizers.merge, finalizers.merge_key) == (True, "")
    budget = descend(schema_of("PodDisruptionBudget"), "spec")
    assert budget.fields["selector"].replace
    assert descend(schema_of("Deployment"), "spec").fields["strategy"].retain_keys


def test_scalars() -> None:
    lease = descend(schema_of("Lease"), "spec")
    assert lease.fields["acquireTime"].type.scalar is Scalar.MICRO_TIME
    assert lease.fields["at"].type.scalar is Scalar.TIME
    assert lease.fields["every"].type.scalar is Scalar.DURATION
    assert descend(schema_of("Secret"), "data").values.scalar is Scalar.BYTES  # type: ignore[union-attr]
    assert descend(schema_of("Deployment"), "spec", "replicas").scalar is Scalar.INTEGER
    limits = descend(
        schema_of("Deployment"), "spec", "template", "spec", "containers", "resources", "limits"
    )
    assert limits.values is not None
    assert limits.values.scalar is Scalar.QUANTITY
    assert descend(schema_of("Widget"), "spec", "port").scalar is Scalar.INT_OR_STRING
    assert descend(schema_of("Widget"), "spec", "raw").scalar is Scalar.PLAIN
    assert descend(schema_of("Widget"), "spec", "since").scalar is Scalar.PLAIN


def test_omissions() -> None:
    spec = descend(schema_of("Deployment"), "spec")
    pod = descend(schema_of("Deployment"), "spec", "template", "spec")
    empty = {name for name, field in {**spec.fields, **pod.fields}.items()
             if field.omission is Omission.EMPTY}  # fmt: skip
    assert empty == {
        "paused", "minReadySeconds", "strategy", "template", "hostNetwork", "restartPolicy",
        "serviceAccount", "serviceAccountName",
        "nodeName", "nodeSelector", "containers", "volumes", "tolerations",
        "topologySpreadConstraints",
    }  # fmt: skip
    widget = descend(schema_of("Widget"), "spec")
    assert {field.omission for field in widget.fields.values()} == {Omission.NULL}


def test_defaults() -> None:
    port = descend(schema_of("Service"), "spec", "ports").items
    assert port is not None
    assert port.fields["protocol"].default == "TCP"
    assert port.fields["port"].default is None
    rule = descend(schema_of("NetworkPolicy"), "spec", "ingress", "ports").items
    assert rule is not None
    assert rule.fields["protocol"].default == "TCP"
    widget = descend(schema_of("Widget"), "spec")
    assert widget.fields["size"].default == "small"
    assert widget.fields["options"].default == {}


def test_types_that_point_back_at_themselves() -> None:
    schema = descend(schema_of("CustomResourceDefinition"), "spec", "schema")
    assert schema.fields["items"].type is schema
    assert schema.fields["properties"].type.values is schema


def test_what_nothing_is_said_of() -> None:
    assert descend(schema_of("Widget"), "spec", "free").shape is Shape.OPAQUE
    assert descend(schema_of("Deployment"), "status").shape is Shape.OPAQUE
    assert descend(schema_of("Deployment"), "spec", "unknown").shape is Shape.OPAQUE


def test_maps_of_texts() -> None:
    assert descend(schema_of("ConfigMap"), "data").text
    assert not descend(schema_of("Widget"), "spec", "texts").text


def test_missing_components_are_opaque() -> None:
    content = document()
    del content["components"]["schemas"]["io.k8s.api.apps.v1.DeploymentSpec"]
    schema = SchemaSet.from_openapi(content).find(GroupVersionKind("apps", "v1", "Deployment"))
    assert schema is not None
    assert descend(schema, "spec").shape is Shape.OPAQUE


def test_how_lists_and_maps_are_applied() -> None:
    def field(**schema: Any) -> FieldType:
        kinds = [{"group": "g", "version": "v1", "kind": "K"}]
        root = {"type": "object", "properties": {"x": schema},
                "x-kubernetes-group-version-kind": kinds}  # fmt: skip
        path = {"get": {"x-kubernetes-group-version-kind": kinds[0]}}
        document = {"components": {"schemas": {"k": root}}, "paths": {"/k": path}}
        found = TypeSchema.from_openapi(document, GroupVersionKind("g", "v1", "K"))
        assert found is not None
        return found.root.fields["x"]

    merged = {"type": "array", "x-kubernetes-patch-strategy": "merge"}
    keyed = {**merged, "x-kubernetes-patch-merge-key": "name"}
    assert field(type="array").list_kind is ListKind.ATOMIC
    assert field(type="array", **{"x-kubernetes-list-type": "set"}).list_kind is ListKind.SET
    assert field(type="array", **{"x-kubernetes-list-type": "odd"}).list_kind is ListKind.ATOMIC
    assert field(**merged).list_kind is ListKind.SET
    assert field(**keyed).list_kind is ListKind.MAP
    assert field(**keyed, **{"x-kubernetes-list-type": "atomic"}).list_kind is ListKind.ATOMIC
    assert field(type="object", **{"x-kubernetes-map-type": "atomic"}).atomic
    assert not field(type="object", **{"x-kubernetes-map-type": "granular"}).atomic
