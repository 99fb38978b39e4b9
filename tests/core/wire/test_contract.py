"""The descriptors and routes against the contract's facts, name by name and number by number.

tests/corpus/wire/contract.txt is copied from the contract, and made by nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from tiphys.core.wire import contract, swagger
from tiphys.model.contract import descriptor_set

FACTS = Path(__file__).resolve().parents[2] / "corpus" / "wire" / "contract.txt"
LINES = [line for line in FACTS.read_text().splitlines() if line and not line.startswith("#")]


def _by_file() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in LINES:
        kind, rest = line.split(" ", 1)
        if kind == "file":
            current = found.setdefault(rest, [])
        elif kind != "route":
            current.append(line)
    return found


FILES = _by_file()
DESCRIPTORS = {one.name: one for one in FileDescriptorSet.FromString(descriptor_set()).file}
_TYPES = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_INT32: "int32",
    FieldDescriptorProto.TYPE_INT64: "int64",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
}


def _described(name: str) -> Iterator[str]:
    """A file in the words of the facts."""
    file = DESCRIPTORS[name]
    local = f".{file.package}." if file.package else "."
    for service in file.service:
        for method in service.method:
            full = f"{file.package}.{service.name}" if file.package else service.name
            known = contract().methods[f"{full}/{method.name}"]
            body = next((f" body={one.body}" for one in known.http if one.body), "")
            kinds = f"{_short(method.input_type, local)} {_short(method.output_type, local)}"
            streaming = known.streaming.value
            yield f"method {service.name}/{method.name} {kinds} {streaming}{body}"
    for message in file.message_type:
        fields = " ".join(_field(message, field, local) for field in message.field)
        yield f"message {message.name} {fields}".rstrip()


def _field(message: Any, field: Any, local: str) -> str:
    entry = next(
        (one for one in message.nested_type if field.type_name.endswith(f".{one.name}")), None
    )
    mark = {FieldDescriptorProto.LABEL_REPEATED: "+", FieldDescriptorProto.LABEL_REQUIRED: "!"}
    if entry is not None:
        key, value = (_type(one, local) for one in entry.field)
        return f"{field.name}={field.number}:map<{key},{value}>"
    return f"{field.name}={field.number}:{_type(field, local)}{mark.get(field.label, '')}"


def _type(field: Any, local: str) -> str:
    return _TYPES.get(field.type) or _short(field.type_name, local)


def _short(name: str, local: str) -> str:
    return name.removeprefix(local).removeprefix(".")


def _own(line: str, package: str) -> str:
    """The facts name a message of their own package either way."""
    return (
        line.replace(f":{package}.", ":").replace(f" {package}.", " ") if package != "-" else line
    )


@pytest.mark.parametrize("file", FILES)
def test_a_file_has_what_the_contract_has_of_it(file: str) -> None:
    name, syntax, package = file.split()
    assert (DESCRIPTORS[name].syntax or "proto2", DESCRIPTORS[name].package or "-") == (
        syntax,
        package,
    )
    assert sorted(_own(line, package) for line in FILES[file]) == sorted(_described(name))


def test_the_facts_are_all_there() -> None:
    methods = sum(line.startswith("method ") for line in LINES)
    messages = sum(line.startswith("message ") for line in LINES)
    assert (len(FILES), methods, messages) == (20, 131, 353)


ROUTES = [line.removeprefix("route ") for line in LINES if line.startswith("route ")]
PATHS = json.loads(swagger())["paths"]
MORE = {
    "ClusterService_InvalidateCache": {"server:query", "name:query", "id.type:query"},
    "ClusterService_RotateAuth": {"server:query", "name:query", "id.type:query"},
}
"""What routes take, though the contract's description does not say so."""


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_described(route: str) -> None:
    verb, path, operation, answer, *parameters = route.split(" ")
    described = PATHS[path][verb.lower()]
    assert described["operationId"] == operation
    taken = {f"{one['name']}:{one['in']}" for one in described["parameters"]}
    wanted = {":".join(one.split(":")[:2]) for one in parameters}
    assert taken == wanted | MORE.get(operation, set())
    schema = described["responses"]["200"]["schema"]
    schema = schema["properties"]["result"] if answer.startswith("stream:") else schema
    assert schema == {"$ref": f"#/definitions/{answer.removeprefix('stream:')}"}


def test_no_route_is_there_beside() -> None:
    ours = {f"{verb.upper()} {path}" for path, verbs in PATHS.items() for verb in verbs}
    assert ours == {" ".join(route.split(" ")[:2]) for route in ROUTES}
    assert len(ROUTES) == 106


def test_every_definition_that_is_meant_is_there() -> None:
    document = json.loads(swagger())
    text = json.dumps(document)
    meant = {part.split('"')[0] for part in text.split('"#/definitions/')[1:]}
    assert meant <= document["definitions"].keys()


def test_the_description_of_json_is_that_of_its_text() -> None:
    definitions = json.loads(swagger())["definitions"]
    node = definitions["v1alpha1ResourceNode"]["properties"]
    assert node["kind"] == {"type": "string"}
    assert "resourceRef" not in node
    assert definitions["v1Time"] == {"type": "string", "format": "date-time"}
    parameter = definitions["v1alpha1ApplicationSourcePluginParameter"]["properties"]
    assert parameter["array"] == {"type": "array", "items": {"type": "string"}}
    assert parameter["map"]["additionalProperties"] == {"type": "string"}
    override = definitions["v1alpha1ResourceOverride"]["properties"]
    assert override["ignoreDifferences"] == {"type": "string"}
    assert override["health.lua"] == {"type": "string"}
