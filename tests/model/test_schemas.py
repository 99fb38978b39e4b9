"""The custom resource definitions and the types say the same, field by field."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
import yaml

from tiphys.model.application import ApplicationSpec, ApplicationStatus, Operation
from tiphys.model.appproject import AppProjectSpec, AppProjectStatus

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
PARTS: dict[str, dict[str, type[msgspec.Struct]]] = {
    "application.yaml": {
        "spec": ApplicationSpec,
        "status": ApplicationStatus,
        "operation": Operation,
    },
    "appproject.yaml": {"spec": AppProjectSpec, "status": AppProjectStatus},
}


def schema(file: str) -> dict[str, Any]:
    crd = yaml.safe_load((CRDS / file).read_text())
    found: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def schema_fields(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Every path with its JSON type."""
    if node.get("x-kubernetes-int-or-string"):
        yield path, "int-or-string"
        return
    yield path, node["type"]
    if "items" in node:
        yield from schema_fields(node["items"], path + "[]")
    if "additionalProperties" in node:
        yield from schema_fields(node["additionalProperties"], path + "{}")
    for name, child in node.get("properties", {}).items():
        yield from schema_fields(child, f"{path}.{name}")


def type_fields(hint: Any, path: str) -> Iterator[tuple[str, str]]:
    """The same of a type hint."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        alternatives = [a for a in get_args(hint) if a is not types.NoneType]
        if set(alternatives) == {int, str}:
            yield path, "int-or-string"
            return
        (hint,) = alternatives
        origin = get_origin(hint)
    if origin is tuple:
        yield path, "array"
        yield from type_fields(get_args(hint)[0], path + "[]")
    elif origin is not None and issubclass(origin, Mapping):
        yield path, "object"
        if get_args(hint)[1] is not Any:
            yield from type_fields(get_args(hint)[1], path + "{}")
    elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield path, "object"
        for field in msgspec.structs.fields(hint):
            yield from type_fields(field.type, f"{path}.{field.encode_name}")
    else:
        yield path, {str: "string", bool: "boolean", int: "integer"}[hint]


@pytest.mark.parametrize(
    ("file", "part"), [(file, part) for file, parts in PARTS.items() for part in parts]
)
def test_schema_and_types_have_the_same_fields(file: str, part: str) -> None:
    ours = dict(type_fields(PARTS[file][part], part))
    theirs = dict(schema_fields(schema(file)["properties"][part], part))
    assert ours == theirs


@pytest.mark.parametrize("file", PARTS)
def test_there_are_no_other_parts(file: str) -> None:
    assert set(schema(file)["properties"]) == {*PARTS[file], "apiVersion", "kind", "metadata"}


@pytest.mark.parametrize("file", PARTS)
def test_the_types_ask_for_no_more_than_the_schema(file: str) -> None:
    """A field without a default would make an object unreadable that the API server accepts."""
    required = dict(required_in_schema(schema(file), ""))
    for part, kind in PARTS[file].items():
        for path, names in required_in_type(kind, f".{part}"):
            assert names <= required[path], path


def required_in_schema(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, set[str]]]:
    yield path, set(node.get("required", []))
    for step, child in [("[]", node.get("items")), ("{}", node.get("additionalProperties"))]:
        if child:
            yield from required_in_schema(child, path + step)
    for name, child in node.get("properties", {}).items():
        yield from required_in_schema(child, f"{path}.{name}")


def required_in_type(hint: Any, path: str) -> Iterator[tuple[str, set[str]]]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        for alternative in get_args(hint):
            yield from required_in_type(alternative, path)
    elif origin is tuple:
        yield from required_in_type(get_args(hint)[0], path + "[]")
    elif origin is not None and issubclass(origin, Mapping):
        yield from required_in_type(get_args(hint)[1], path + "{}")
    elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        fields = msgspec.structs.fields(hint)
        yield path, {field.encode_name for field in fields if field.required}
        for field in fields:
            yield from required_in_type(field.type, f"{path}.{field.encode_name}")
