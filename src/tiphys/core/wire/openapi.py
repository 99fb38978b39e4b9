"""The description of the REST routes as a document of OpenAPI 2, from the descriptors.

What it says of JSON is what goes over the wire: keys of inlined messages stand where they are,
times are texts and 64-bit integers numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, assert_never

from tiphys.core.wire.gojson import json_bytes
from tiphys.core.wire.schema import (
    Card,
    Field,
    HttpRule,
    Kind,
    Method,
    Streaming,
    contract,
)

Json = dict[str, Any]

_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_TIME = f"{_META}.Time"
_FOREIGN: dict[str, Json] = {
    _TIME: {"type": "string", "format": "date-time"},
    f"{_META}.MicroTime": {"type": "string", "format": "date-time"},
    f"{_META}.FieldsV1": {"type": "object"},
    "k8s.io.apimachinery.pkg.runtime.RawExtension": {"type": "object"},
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON": {},
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": {
        "type": "string",
        "format": "int-or-string",
    },
}
_ERRORS: dict[str, Json] = {
    "runtimeError": {
        "error": {"type": "string"},
        "code": {"type": "integer", "format": "int32"},
        "message": {"type": "string"},
        "details": {"type": "array", "items": {"$ref": "#/definitions/protobufAny"}},
    },
    "runtimeStreamError": {
        "grpc_code": {"type": "integer", "format": "int32"},
        "http_code": {"type": "integer", "format": "int32"},
        "message": {"type": "string"},
        "http_status": {"type": "string"},
        "details": {"type": "array", "items": {"$ref": "#/definitions/protobufAny"}},
    },
    "protobufAny": {
        "type_url": {"type": "string"},
        "value": {"type": "string", "format": "byte"},
    },
}
_SCALARS: dict[Kind, Json] = {
    Kind.STRING: {"type": "string"},
    Kind.BOOL: {"type": "boolean"},
    Kind.INT32: {"type": "integer", "format": "int32"},
    Kind.INT64: {"type": "integer", "format": "int64"},
    Kind.BYTES: {"type": "string", "format": "byte"},
}
_RENAMED = {
    "v1alpha1EnvEntry": "applicationv1alpha1EnvEntry",
    "v1alpha1ResourceStatus": "applicationv1alpha1ResourceStatus",
}
"""Names that the contract's own document makes longer."""


@cache
def swagger() -> bytes:
    """`swagger.json`."""
    paths: dict[str, Json] = {}
    reached: set[str] = set()
    for method in contract().methods.values():
        for position, rule in enumerate(method.http):
            operation = _operation(method, rule, position, reached)
            paths.setdefault(rule.template, {})[rule.verb.lower()] = operation
    document = {
        "swagger": "2.0",
        "info": {"title": "The API of Tiphys", "version": "v1alpha1"},
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": dict(sorted(paths.items())),
        "definitions": dict(sorted(_definitions(reached).items())),
    }
    return json_bytes(document)


def _operation(method: Method, rule: HttpRule, position: int, reached: set[str]) -> Json:
    service, _, name = method.name.rpartition(".")[2].partition("/")
    answer = _message(method.response, reached)
    if method.streaming is Streaming.SERVER:
        error = {"$ref": "#/definitions/runtimeStreamError"}
        answer = {"type": "object", "properties": {"result": answer, "error": error}}
    return {
        "tags": [service],
        "operationId": f"{service}_{name}{position + 1 if position else ''}",
        "parameters": list(_parameters(method, rule, reached)),
        "responses": {
            "200": {"description": "What was asked for.", "schema": answer},
            "default": {
                "description": "It was refused, or it failed.",
                "schema": {"$ref": "#/definitions/runtimeError"},
            },
        },
    }


_NAMED = re.compile(r"\{([^}]+)\}")


def _parameters(method: Method, rule: HttpRule, reached: set[str]) -> Iterator[Json]:
    named = _NAMED.findall(rule.template)
    scalars = dict(_in_url(method.request, ""))
    for name in named:
        yield {"name": name, "in": "path", "required": True, **scalars[name]}
    if rule.body == "*":
        schema = _message(method.request, reached)
        yield {"name": "body", "in": "body", "required": True, "schema": schema}
        return
    fields = contract().messages[method.request].fields
    for field in fields:
        if field.name == rule.body:
            schema = _schema(field, reached)
            yield {"name": "body", "in": "body", "required": True, "schema": schema}
    for name, schema in scalars.items():
        if name not in named and name.partition(".")[0] != rule.body:
            reached.update(one.message for one in fields if name.startswith(f"{one.name}."))
            yield {"name": name, "in": "query", "required": False, **schema}


def _in_url(message: str, prefix: str) -> Iterator[tuple[str, Json]]:
    """What of a message can be said in a URL: scalars, lists of them, and those of its messages."""
    for field in contract().messages[message].fields:
        name = f"{prefix}{field.name}"
        if field.kind is Kind.MESSAGE and field.card is Card.ONE:
            yield from _in_url(field.message, f"{name}.")
        elif field.kind is not Kind.MESSAGE and field.card is Card.ONE:
            yield name, _SCALARS[field.kind]
        elif field.kind is not Kind.MESSAGE and field.card is Card.MANY:
            items = _SCALARS[field.kind]
            yield name, {"type": "array", "items": items, "collectionFormat": "multi"}


def _definitions(reached: set[str]) -> dict[str, Json]:
    """Every message that something leads to; `reached` grows as they are looked at."""
    found = {
        name: {"type": "object", "properties": properties} for name, properties in _ERRORS.items()
    }
    done: set[str] = set()
    while waiting := reached - done:
        message = min(waiting)
        done.add(message)
        properties = dict(_properties(message, reached))
        found[_name(message)] = _FOREIGN.get(message) or {
            "type": "object",
            "properties": properties,
        }
    return found


def _properties(message: str, reached: set[str]) -> Iterator[tuple[str, Json]]:
    for field in contract().messages[message].fields:
        if field.inlined:
            reached.add(field.message)
            yield from _properties(field.message, reached)
        else:
            yield field.key, _schema(field, reached)


def _schema(field: Field, reached: set[str]) -> Json:
    one = _one(field, reached)
    match field.card:
        case Card.ONE:
            return one
        case Card.MANY:
            return {"type": "array", "items": one}
        case Card.MAP:
            return {"type": "object", "additionalProperties": one}
        case _:
            assert_never(field.card)


def _one(field: Field, reached: set[str]) -> Json:
    if field.yaml:
        reached.add(field.message)
        return {"type": "string"}
    if field.unwrapped:
        (only,) = contract().messages[field.message].fields
        return _schema(only, reached)
    if field.kind is Kind.MESSAGE:
        return _message(field.message, reached)
    return _SCALARS[field.kind]


def _message(message: str, reached: set[str]) -> Json:
    reached.add(message)
    return {"$ref": f"#/definitions/{_name(message)}"}


def _name(message: str) -> str:
    """The last part of its package and its own name."""
    package, _, name = message.rpartition(".")
    short = package.rpartition(".")[2] + name
    return _RENAMED.get(short, short)
