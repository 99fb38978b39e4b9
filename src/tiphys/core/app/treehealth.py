"""The health of an application's objects, out of its tree: stored statuses leave it out, for it
changes with every pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode

_ELSEWHERE = "appTree"
_Key = tuple[str, str, str, str]


def wants_health(application: Manifest) -> bool:
    """Whether the health of its objects stands elsewhere, and there are any."""
    status = application.get("status") or {}
    return status.get("resourceHealthSource") == _ELSEWHERE and bool(status.get("resources"))


def with_tree_health(application: Manifest, tree: Mapping[str, Any]) -> Manifest:
    """The application with what its tree says of each of its objects; of one that the tree does
    not know it says nothing.
    """
    nodes = {_key(node): node for node in tree.get("nodes") or ()}
    status: Mapping[str, Any] = application.get("status") or {}
    resources = [_judged(one, nodes.get(_key(one))) for one in status.get("resources") or ()]
    return {**application, "status": {**status, "resources": resources}}


def _judged(resource: Mapping[str, Any], node: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if node is None:
        return resource
    if not (node.get("resourceVersion") or node.get("uid") or node.get("createdAt")):
        missing = {
            "status": HealthCode.MISSING.value,
            "message": "Resource has not been created",
        }
        return {**resource, "health": missing}
    health = node.get("health")
    return {**resource, "health": health} if health else resource


def _key(part: Mapping[str, Any]) -> _Key:
    return (
        part.get("group") or "",
        part.get("kind") or "",
        part.get("namespace") or "",
        part.get("name") or "",
    )
