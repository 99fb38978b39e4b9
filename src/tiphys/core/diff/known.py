"""Give fields of custom kinds the types of built-in ones, as administrators say they have.

A field of the type `core/v1/PodSpec` is then compared as the same field of a Pod would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.types import OPAQUE, FieldType, Scalar, Shape, TypeNode
from tiphys.model.resource import GroupVersionKind

_SCALARS = {
    "Duration": Scalar.DURATION,
    "IntOrString": Scalar.INT_OR_STRING,
    "MicroTime": Scalar.MICRO_TIME,
    "Quantity": Scalar.QUANTITY,
    "Time": Scalar.TIME,
}


def scalar_type(name: str) -> TypeNode | None:
    """The type of a name such as `core/Quantity` or `meta/v1/Duration`; None for a struct's."""
    scalar = _SCALARS.get(short_name(name))
    return None if scalar is None else TypeNode(Shape.SCALAR, scalar=scalar)


def short_name(name: str) -> str:
    """`core/v1/PodSpec` -> `PodSpec`."""
    return name.rpartition("/")[2]


def type_named(roots: Iterable[TypeNode], name: str) -> TypeNode | None:
    """The first type of this short name that the roots lead to."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        if node.name == name:
            return node
        seen.add(id(node))
        waiting.extend(_below(node))
    return None


def with_known_types(
    schema: TypeSchema | None, kind: GroupVersionKind, types: Mapping[str, TypeNode]
) -> TypeSchema:
    """The kind's type with other types at some fields, by their dotted paths."""
    base = schema or TypeSchema(kind, OPAQUE, strategic=False)
    root = base.root
    for field, node in types.items():
        root = _with_type(root, field.split("."), node)
    return replace(base, root=root)


def _below(node: TypeNode) -> Iterator[TypeNode]:
    yield from (field.type for field in node.fields.values())
    yield from (one for one in (node.items, node.values) if one is not None)


def _with_type(node: TypeNode, path: Sequence[str], known: TypeNode) -> TypeNode:
    """A copy of the type along the path, which leads through lists without naming them."""
    if not path:
        return known
    match node.shape:
        case Shape.LIST:
            return replace(node, items=_with_type(node.items or OPAQUE, path, known))
        case Shape.MAP:
            return replace(node, values=_with_type(node.values or OPAQUE, path[1:], known))
        case _:
            old = node.fields.get(path[0], FieldType(OPAQUE))
            new = replace(old, type=_with_type(old.type, path[1:], known))
            return replace(node, shape=Shape.OBJECT, fields={**node.fields, path[0]: new})
