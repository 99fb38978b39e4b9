"""What Kubernetes' OpenAPI does not say of its own types, by the type's name.

OpenAPI does not tell a pointer from a value. The zero of a value is not stored, so `false` and
nothing are one; the zero of a pointer means something (`replicas: 0`). The tables are made from
Kubernetes' Go types (core.diff.builtin); what its registries choose, which no type says, is here.

Of a type that is newer than the tables, texts are values, integers and booleans are pointers: so
most of them are.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from tiphys.core.diff import builtin

_HOMES = (
    "io.k8s.api.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
)


_STRUCTS: Mapping[str, Any] = {"PodSpec.securityContext": {}}
"""Pointers to structs that are never empty."""


def home_of(component: str) -> str:
    """`core.v1` of `io.k8s.api.core.v1.Pod`: the package that holds the type."""
    package = component.rpartition(".")[0]
    for prefix in _HOMES:
        package = package.removeprefix(prefix)
    return package


def is_pointer_string(home: str, path: str) -> bool:
    return _has(builtin.POINTER_STRINGS, home, path)


def is_value_scalar(home: str, path: str) -> bool:
    return _has(builtin.VALUE_SCALARS, home, path)


def is_chosen(path: str) -> bool:
    return path in _SERVER_CHOSEN


def default_of(home: str, path: str) -> Any:
    """What the server fills in; None for nothing."""
    defaults: Mapping[str, Any] = builtin.DEFAULTS
    return defaults.get(f"{home}.{path}", defaults.get(path, _STRUCTS.get(path)))


def unfilled_in(kind: str) -> frozenset[str]:
    """The fields that have no default where they are part of this kind."""
    return frozenset(path for path, kinds in builtin.UNFILLED.items() if kind in kinds)


def _has(table: Container[str], home: str, path: str) -> bool:
    return path in table or f"{home}.{path}" in table


_SERVER_CHOSEN = frozenset(
    f"{name}.{field}"
    for name, fields in {
        "CustomResourceDefinitionNames": "listKind singular",
        "NamespaceSpec": "finalizers",
        "PersistentVolumeClaimSpec": "volumeName",
        "PodSpec": "nodeName serviceAccount serviceAccountName",
        "ServicePort": "nodePort targetPort",
        "ServiceSpec": "clusterIP externalTrafficPolicy healthCheckNodePort",
        "Subject": "apiGroup",
    }.items()
    for field in fields.split()
)
"""Where the zero asks the server to choose: it says nothing about the value that is live."""
