"""Fields of custom kinds with the types of built-in ones."""

from __future__ import annotations

from tests.core.diff.documents import WIDGET, schema_of
from tiphys.core.diff.compare import compare
from tiphys.core.diff.known import scalar_type, short_name, type_named, with_known_types
from tiphys.core.diff.types import Scalar


def test_names() -> None:
    assert short_name("core/v1/PodSpec") == "PodSpec"
    found = scalar_type("core/Quantity")
    assert found is not None
    assert found.scalar is Scalar.QUANTITY
    assert scalar_type("core/v1/PodSpec") is None


def test_a_type_is_found_wherever_it_is() -> None:
    roots = [schema.root for kind in ("CustomResourceDefinition", "Deployment")
             if (schema := schema_of(kind)) is not None]  # fmt: skip
    found = type_named(roots, "PodSpec")
    assert found is not None
    assert "containers" in found.fields
    assert type_named(roots, "NoSuch") is None


def test_a_field_is_compared_by_its_type() -> None:
    quantity = scalar_type("core/Quantity")
    pod = type_named([schema.root] if (schema := schema_of("Deployment")) else [], "PodSpec")
    assert quantity is not None
    assert pod is not None
    base = schema_of("Widget")
    schema = with_known_types(
        base, WIDGET,
        {"spec.cpu": quantity, "spec.parts.size": quantity, "spec.texts.any": quantity,
         "spec.free.deep.pod": pod},
    )  # fmt: skip
    target = {"kind": "Widget", "spec": {
        "cpu": "1000m", "parts": [{"name": "a", "size": "1Ki"}], "texts": {"any": "1"},
        "free": {"deep": {"pod": {"containers": [{"name": "a", "ports": [{"containerPort": 1}]}]}}},
    }}  # fmt: skip
    live = {"kind": "Widget", "spec": {
        "cpu": "1", "parts": [{"name": "a", "size": "1024"}], "texts": {"any": "1000m"},
        "free": {"deep": {"pod": {"containers": [
            {"name": "a", "ports": [{"containerPort": 1, "protocol": "TCP"}]}]}}},
    }}  # fmt: skip
    assert not compare(target, live, schema=schema).modified
    assert compare(target, live, schema=base).modified


def test_a_kind_of_unknown_type_gets_one() -> None:
    quantity = scalar_type("core/Quantity")
    assert quantity is not None
    schema = with_known_types(None, WIDGET, {"spec.cpu": quantity})
    assert not schema.strategic
    target, live = {"spec": {"cpu": "1000m", "x": 1}}, {"spec": {"cpu": "1", "x": 1}}
    assert not compare(target, live, schema=schema).modified
