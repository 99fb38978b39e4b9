"""Bring values to the spelling that the API server stores, so that equal values are equal.

Unknown fields stay as they are, except that null is absence everywhere: no patch can set it.
Nothing here looks at a second object; what two sides mean to each other is core.diff.compare's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from tiphys.core.diff import scalars
from tiphys.core.diff.defaults import following
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.types import OPAQUE, FieldType, Omission, Scalar, Shape, TypeNode
from tiphys.model.resource import Manifest, gvk_of

SERVER_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Fields of metadata that only the server writes."""


def normalise(
    manifest: Manifest, schema: TypeSchema | None, *, status: bool = False
) -> dict[str, Any]:
    """A manifest in one spelling, without what the server owns of metadata.

    `status` says that the status stays.
    """
    root = OPAQUE if schema is None else schema.root
    stripped = strip_server_fields(fold_string_data(manifest), status=status)
    normal: dict[str, Any] = canonical(stripped, root)
    return _sort_subsets(normal) if root.name == "Endpoints" else normal


def strip_server_fields(manifest: Manifest, *, status: bool = False) -> Manifest:
    """A manifest without what the server owns of metadata, and without status unless it stays."""
    dropped = "" if status else "status"
    meta = manifest.get("metadata")
    if isinstance(meta, Mapping) and not SERVER_METADATA.isdisjoint(meta):
        meta = {name: value for name, value in meta.items() if name not in SERVER_METADATA}
    elif dropped not in manifest:
        return manifest
    stripped = {name: value for name, value in manifest.items() if name != dropped}
    if meta is not None:
        stripped["metadata"] = meta
    return stripped


def fold_string_data(manifest: Manifest) -> Manifest:
    """A Secret with its `stringData` moved to `data`, as the server stores it."""
    if manifest.get("kind") != "Secret" or "stringData" not in manifest:
        return manifest
    if gvk_of(manifest).group:
        return manifest
    texts, data = manifest["stringData"], manifest.get("data") or {}
    if not isinstance(texts, Mapping) or not isinstance(data, Mapping):
        return manifest
    encoded = {
        name: base64.b64encode(str("" if text is None else text).encode()).decode("ascii")
        for name, text in texts.items()
    }
    folded = {name: value for name, value in manifest.items() if name != "stringData"}
    folded["data"] = {**data, **encoded}
    return folded


def canonical(value: Any, node: TypeNode, *, fill: bool = False) -> Any:
    """A value of a type in one spelling. Values that do not fit their type stay as they are.

    `fill` adds the server's defaults, for values that are compared as a whole.
    """
    match node.shape, value:
        case Shape.SCALAR, _:
            return scalars.canonical(value, node.scalar)
        case Shape.OBJECT, Mapping():
            return _canonical_object(value, node, fill=fill)
        case Shape.MAP, Mapping():
            return _canonical_map(value, node, fill=fill)
        case Shape.LIST, list():
            items = node.items or OPAQUE
            return [canonical(item, items, fill=fill) for item in value]
        case _:
            return without_nulls(value)


def vanishes(value: Any, field: FieldType) -> bool:
    """Whether a value in one spelling is stored as no value at all."""
    if value is None:
        return True
    if field.omission is Omission.NULL:
        return False
    return not value


def same(left: Any, right: Any, field: FieldType) -> bool:
    """Whether two values of a field are equal, however they are spelled."""
    if left is right:
        return True
    node = field.type
    if node.shape is Shape.SCALAR:
        return _same_scalar(left, right, node.scalar)
    return strictly_equal(canonical(left, node, fill=True), canonical(right, node, fill=True))


def with_following(value: Mapping[str, Any], node: TypeNode) -> Mapping[str, Any]:
    """An object with the defaults that follow from its other fields."""
    filled = following(node.name, value, node.fields)
    return {**value, **filled} if filled else value


def or_default(value: Any, field: FieldType) -> Any:
    """A field's value, or what the server fills in where there is none."""
    if value is not None:
        return value
    if field.default is not None:
        return field.default
    return _empty(field.type) if field.omission is Omission.EMPTY else None


def strictly_equal(left: Any, right: Any) -> bool:
    """Equality of JSON: unlike Python's, `true` is not `1`."""
    if left != right:
        return False
    if isinstance(left, str):
        return True
    return encode(left) == encode(right)


def encode(value: Any) -> bytes:
    """JSON with sorted keys, for integers of any size."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def without_nulls(value: Any) -> Any:
    """A value without the fields that are null, at any depth."""
    match value:
        case Mapping():
            return {name: without_nulls(item) for name, item in value.items() if item is not None}
        case list():
            return [without_nulls(item) for item in value]
        case _:
            return value


def _same_scalar(left: Any, right: Any, scalar: Scalar) -> bool:
    if left == right and type(left) is type(right):
        return True
    first, second = scalars.canonical(left, scalar), scalars.canonical(right, scalar)
    if first == second and type(first) is type(second):
        return True
    return scalar is Scalar.QUANTITY and scalars.same_quantity(first, second)


@lru_cache(maxsize=4096)
def _empty(node: TypeNode) -> Mapping[str, Any] | None:
    """What the server makes of a struct that nobody has set: its defaults; None for nothing."""
    return (_filled({}, node) or None) if node.shape is Shape.OBJECT else None


def _canonical_object(value: Mapping[str, Any], node: TypeNode, *, fill: bool) -> dict[str, Any]:
    normal: dict[str, Any] = {}
    fields = node.fields
    for name, item in value.items():
        field = fields.get(name)
        if field is None:
            if item is not None:
                normal[name] = without_nulls(item)
            continue
        spelled = canonical(item, field.type, fill=fill)
        if not vanishes(spelled, field):
            normal[name] = spelled
    return _filled(normal, node) if fill else normal


def _filled(normal: dict[str, Any], node: TypeNode) -> dict[str, Any]:
    """An object with the server's defaults. `status` is no part of an object in an object."""
    for name, field in node.fields.items():
        if name not in normal and (value := or_default(None, field)) is not None:
            normal[name] = canonical(value, field.type, fill=True)
    normal.update(following(node.name, normal, node.fields))
    if node.name == "PersistentVolumeClaim":
        normal.pop("status", None)
    return normal


def _canonical_map(value: Mapping[str, Any], node: TypeNode, *, fill: bool) -> dict[str, Any]:
    values = node.values or OPAQUE
    texts = {name: "" for name, item in value.items() if item is None} if node.text else {}
    items = {name: item for name, item in value.items() if item is not None}
    return texts | {name: canonical(item, values, fill=fill) for name, item in items.items()}


def _sort_subsets(endpoints: dict[str, Any]) -> dict[str, Any]:
    """Endpoints with subsets, addresses and ports in one order: they are sets."""
    subsets = endpoints.get("subsets")
    if not isinstance(subsets, list):
        return endpoints
    ordered = [
        {
            name: sorted(items, key=encode) if isinstance(items, list) else items
            for name, items in subset.items()
        }
        if isinstance(subset, Mapping)
        else subset
        for subset in subsets
    ]
    return {**endpoints, "subsets": sorted(ordered, key=encode)}
