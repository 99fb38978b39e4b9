"""The types of Kubernetes kinds as the cluster's OpenAPI v3 announces them.

One OpenAPI document speaks of one group and version. It is compiled into core.diff.types, which
keep what merging, normalising and filling in need and are a fraction of the document; the
document itself is not kept. Facts that OpenAPI leaves out come from core.diff.facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiphys.core.diff.facts import (
    default_of,
    home_of,
    is_chosen,
    is_pointer_string,
    is_value_scalar,
    unfilled_in,
)
from tiphys.core.diff.types import OPAQUE, FieldType, ListKind, Omission, Scalar, Shape, TypeNode
from tiphys.model.live import PatchKind
from tiphys.model.resource import GroupVersionKind

_KUBERNETES = (
    "io.k8s.api.",
    "io.k8s.apimachinery.",
    "io.k8s.apiextensions-apiserver.",
    "io.k8s.kube-aggregator.",
)
"""Components of Kubernetes' own Go types. Custom resources are stored as they were written."""

_REFERENCE = "#/components/schemas/"
_KINDS_OF = "x-kubernetes-group-version-kind"

_SCALAR_COMPONENTS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": Scalar.QUANTITY,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": Scalar.INT_OR_STRING,
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": Scalar.TIME,
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": Scalar.MICRO_TIME,
    "io.k8s.apimachinery.pkg.apis.meta.v1.Duration": Scalar.DURATION,
}

_LIST_KINDS = frozenset(kind.value for kind in ListKind)

_UNIONS = {"JSONSchemaPropsOrArray": "JSONSchemaProps", "JSONSchemaPropsOrBool": "JSONSchemaProps"}
"""Components that OpenAPI leaves blank, and the type of their form as an object."""


@dataclass(frozen=True, slots=True, eq=False)
class TypeSchema:
    """One kind's type. `strategic` says that the server takes strategic merge patches of it."""

    gvk: GroupVersionKind
    root: TypeNode
    strategic: bool

    @staticmethod
    def from_openapi(document: Mapping[str, Any], gvk: GroupVersionKind) -> TypeSchema | None:
        """The type of one kind; None when the document says nothing of it."""
        return SchemaSet.from_openapi(document).find(gvk)


class SchemaSet:
    """The types of all kinds of one document, by their kind."""

    def __init__(self, schemas: Mapping[GroupVersionKind, TypeSchema]) -> None:
        self._schemas = schemas

    @classmethod
    def from_openapi(cls, document: Mapping[str, Any]) -> SchemaSet:
        """Compiles a document of `/openapi/v3/...`, decoded."""
        components = (document.get("components") or {}).get("schemas") or {}
        strategic = _strategic_kinds(document)
        compilers: dict[frozenset[str], _Compiler] = {}
        schemas = {}
        for name, component in components.items():
            for kind in component.get(_KINDS_OF) or ():
                gvk = _gvk(kind)
                if gvk in strategic:
                    unfilled = unfilled_in(gvk.kind)
                    compiler = compilers.setdefault(unfilled, _Compiler(components, unfilled))
                    schemas[gvk] = TypeSchema(gvk, compiler.component(name), strategic[gvk])
        return cls(schemas)

    def find(self, gvk: GroupVersionKind) -> TypeSchema | None:
        return self._schemas.get(gvk)


def _gvk(kind: Mapping[str, str]) -> GroupVersionKind:
    return GroupVersionKind(kind.get("group", ""), kind.get("version", ""), kind.get("kind", ""))


def _strategic_kinds(document: Mapping[str, Any]) -> dict[GroupVersionKind, bool]:
    """The kinds that can be read or patched, and whether their PATCH takes strategic merges.

    A kind that is only a body of another request (DeleteOptions, lists) has no such path.
    """
    kinds: dict[GroupVersionKind, bool] = {}
    for path in (document.get("paths") or {}).values():
        operation = path.get("patch") or path.get("get") or {}
        if _KINDS_OF in operation:
            content = (operation.get("requestBody") or {}).get("content") or {}
            gvk = _gvk(operation[_KINDS_OF])
            kinds[gvk] = kinds.get(gvk, False) or PatchKind.STRATEGIC.value in content
    return kinds


class _Compiler:
    """Turns components into types; each once, since they refer to one another.

    `unfilled` are fields that have no default. `home` is the package of Kubernetes' own types,
    empty for custom ones.
    """

    def __init__(self, components: Mapping[str, Any], unfilled: frozenset[str]) -> None:
        self._components = components
        self._unfilled = unfilled
        self._nodes: dict[str, TypeNode] = {}

    def component(self, name: str) -> TypeNode:
        if name in self._nodes:
            return self._nodes[name]
        package, _, short = name.rpartition(".")
        if short in _UNIONS and name.startswith(_KUBERNETES):
            return self.component(f"{package}.{_UNIONS[short]}")
        node = TypeNode(Shape.OPAQUE, name=short)
        self._nodes[name] = node
        if scalar := _SCALAR_COMPONENTS.get(name):
            node.shape, node.scalar = Shape.SCALAR, scalar
        else:
            home = home_of(name) if name.startswith(_KUBERNETES) else ""
            self._fill(node, self._components.get(name) or {}, home=home)
        return node

    def _type(self, schema: Mapping[str, Any], *, home: str) -> TypeNode:
        if reference := _reference(schema):
            return self.component(reference)
        node = TypeNode(Shape.OPAQUE)
        self._fill(node, schema, home=home)
        return node if node.shape is not Shape.OPAQUE else OPAQUE

    def _fill(self, node: TypeNode, schema: Mapping[str, Any], *, home: str) -> None:
        kind = schema.get("type")
        node.atomic = _atomic(schema)
        if schema.get("x-kubernetes-int-or-string"):
            node.shape, node.scalar = Shape.SCALAR, Scalar.INT_OR_STRING
        elif "properties" in schema:
            node.shape = Shape.OBJECT
            node.fields = {
                name: self._field(f"{node.name}.{name}", field, home=home)
                for name, field in schema["properties"].items()
            }
        elif kind == "array":
            node.shape, node.items = Shape.LIST, self._type(schema.get("items") or {}, home=home)
        elif kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            node.shape = Shape.MAP
            node.values = self._type(schema["additionalProperties"], home=home)
            node.text = bool(home) and (schema["additionalProperties"].get("type") == "string")
        elif kind in ("string", "boolean", "number", "integer"):
            node.shape, node.scalar = Shape.SCALAR, _plain_scalar(schema, home=home)

    def _field(self, path: str, schema: Mapping[str, Any], *, home: str) -> FieldType:
        strategy = str(schema.get("x-kubernetes-patch-strategy") or "").split(",")
        node = self._type(schema, home=home)
        return FieldType(
            node,
            merge="merge" in strategy,
            merge_key=schema.get("x-kubernetes-patch-merge-key") or "",
            replace="replace" in strategy,
            retain_keys="retainKeys" in strategy,
            list_keys=tuple(schema.get("x-kubernetes-list-map-keys") or ()),
            list_kind=_list_kind(schema, merge="merge" in strategy),
            atomic=_atomic(schema),
            omission=_omission(path, schema, node, home) if home else Omission.NULL,
            chosen=bool(home) and is_chosen(path),
            default=None if path in self._unfilled else _default(path, schema, home=home),
        )


def _reference(schema: Mapping[str, Any]) -> str:
    """The component that a schema refers to, plainly or wrapped in an `allOf` of one."""
    target: Mapping[str, Any] = schema
    match schema.get("allOf"):
        case [Mapping() as wrapped] if "$ref" not in schema:
            target = wrapped
    return str(target.get("$ref") or "").removeprefix(_REFERENCE)


def _atomic(schema: Mapping[str, Any]) -> bool:
    return schema.get("x-kubernetes-map-type") == "atomic"


def _list_kind(schema: Mapping[str, Any], *, merge: bool) -> ListKind:
    """The strategy of patches stands in where the schema names no list type."""
    named = schema.get("x-kubernetes-list-type")
    if named is not None:
        return ListKind(named) if named in _LIST_KINDS else ListKind.ATOMIC
    if not merge:
        return ListKind.ATOMIC
    return ListKind.MAP if schema.get("x-kubernetes-patch-merge-key") else ListKind.SET


def _plain_scalar(schema: Mapping[str, Any], *, home: str) -> Scalar:
    if schema["type"] == "integer":
        return Scalar.INTEGER
    if home and schema.get("format") == "byte":
        return Scalar.BYTES
    return Scalar.PLAIN


def _omission(path: str, schema: Mapping[str, Any], node: TypeNode, home: str) -> Omission:
    """Whether the empty value of a field of Kubernetes' own types is stored."""
    kind = schema.get("type")
    if node.shape in (Shape.LIST, Shape.MAP) or "default" in schema:
        return Omission.EMPTY
    if kind == "string":
        return Omission.NULL if is_pointer_string(home, path) else Omission.EMPTY
    return Omission.EMPTY if is_value_scalar(home, path) else Omission.NULL


def _default(path: str, schema: Mapping[str, Any], *, home: str) -> Any:
    """What the server fills in; None for nothing. The zeros of own types are omissions."""
    if not home:
        return schema.get("default")
    known = default_of(home, path)
    return (schema.get("default") or None) if known is None else known
