"""What the API server fills in where that depends on other fields of the object.

Plain defaults are in core.diff.builtin. Fields of merged objects would need none, for what is
live stays; but an atomic list is replaced whole, so its items have to be filled in on both sides
before they are compared, and a field that is removed gets its default back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _subject(subject: Mapping[str, Any]) -> Mapping[str, Any]:
    """The group of an RBAC subject follows from its kind."""
    if subject.get("kind") in ("User", "Group"):
        return {"apiGroup": "rbac.authorization.k8s.io"}
    return {}


def _limit(limit: Mapping[str, Any]) -> Mapping[str, Any]:
    """A container's limit without default takes its max; a request, the default, then the min."""
    if limit.get("type") != "Container":
        return {}
    default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
    request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
    return {"default": default, "defaultRequest": request}


def _claim(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims in a StatefulSet's templates are stored as whole objects."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}


RULES: Mapping[str, Rule] = {
    "Subject": _subject,
    "LimitRangeItem": _limit,
    "PersistentVolumeClaim": _claim,
}
"""Defaults that follow from other fields; a rule's values replace the fields they name."""
