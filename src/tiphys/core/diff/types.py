"""The types that values of Kubernetes kinds have, as far as comparing and patching need them.

A tree of types may point back at itself (JSONSchemaProps does), so a TypeNode is filled once by
the compiler in core.diff.schema after it was made, and never changed after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Shape(Enum):
    """What a value is made of. OPAQUE says that nothing is known of its inside."""

    SCALAR = "scalar"
    OBJECT = "object"
    MAP = "map"
    LIST = "list"
    OPAQUE = "opaque"


class Scalar(Enum):
    """Spellings of a scalar that the API server brings to one."""

    PLAIN = "plain"
    INTEGER = "integer"
    QUANTITY = "quantity"
    INT_OR_STRING = "int-or-string"
    TIME = "time"
    MICRO_TIME = "micro-time"
    DURATION = "duration"
    BYTES = "bytes"


class Omission(Enum):
    """Which values of a field the API server does not tell from an absent one."""

    NULL = "null"
    """Only null: custom resources, and fields that are pointers in Kubernetes' own types."""
    EMPTY = "empty"
    """Null and the empty value: lists, maps, structs, and scalars whose zero is not stored."""


class ListKind(Enum):
    """How a server-side apply merges a list; values are x-kubernetes-list-type's."""

    ATOMIC = "atomic"
    SET = "set"
    MAP = "map"


@dataclass(slots=True, eq=False)
class TypeNode:
    """A type. `name` is the last part of its component's name, empty for types without one.

    `fields` are an OBJECT's, `items` a LIST's element, `values` a MAP's. `text` says of a MAP
    that its values are strings or bytes, where null means the empty string. An `atomic` object
    or map has one owner as a whole.
    """

    shape: Shape
    name: str = ""
    scalar: Scalar = Scalar.PLAIN
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    items: TypeNode | None = None
    values: TypeNode | None = None
    text: bool = False
    atomic: bool = False


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of an object: its type, and how it is merged, omitted and filled in.

    `merge_key` pairs the items of a merged list, empty for one of scalars; `list_keys` are all
    keys that tell items apart, with the server's defaults for those left out. `chosen` says
    that the server picks the value where the field is zero. `list_kind` and `atomic` are for
    server-side applies, the patch strategies for strategic merges.
    """

    type: TypeNode
    merge: bool = False
    merge_key: str = ""
    replace: bool = False
    retain_keys: bool = False
    list_keys: tuple[str, ...] = ()
    list_kind: ListKind = ListKind.ATOMIC
    atomic: bool = False
    omission: Omission = Omission.NULL
    chosen: bool = False
    default: Any = None


OPAQUE = TypeNode(Shape.OPAQUE)
OPAQUE_FIELD = FieldType(OPAQUE)


def field_of(node: TypeNode, name: str) -> FieldType:
    """The type of one field; of an unknown one nothing is known."""
    if node.shape is Shape.MAP:
        return FieldType(node.values or OPAQUE)
    return node.fields.get(name, OPAQUE_FIELD)
