"""The resource tree of the contract, from the facts of live objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from tiphys.core.tree.requests import COUNTED
from tiphys.model.live import LiveObject
from tiphys.model.resource import GroupVersionKind, OwnerReference, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus

Node = dict[str, Any]
FindOwner = Callable[[LiveObject, OwnerReference], LiveObject | None]
"""The live object that another one names as its owner."""


def node(found: LiveObject, owner: FindOwner) -> Node:
    """ResourceNode; what is empty is left out, as the contract does."""
    parents = [_parent(found, reference, owner) for reference in found.owners]
    shown: Node = {
        **_reference(found.gvk, found.key, found.uid),
        "parentRefs": parents,
        "info": [{"name": name, "value": value} for name, value in found.info],
        "networkingInfo": found.network,
        "resourceVersion": found.resource_version,
        "images": list(found.images),
        "health": _health(found.health),
        "createdAt": found.created_at,
    }
    return {name: value for name, value in shown.items() if value}


def missing(kind: GroupVersionKind, key: ResourceKey) -> Node:
    """What is wanted and not there."""
    return {**_reference(kind, key, ""), "health": _health(HealthStatus(HealthCode.MISSING))}


def host(
    name: str,
    found: LiveObject,
    own: Iterable[LiveObject],
    all_of: Mapping[str, int],
    labels: Collection[str],
) -> Node:
    """HostInfo of a Node: `own` are the application's Pods on it, `all_of` what all ask for."""
    if found.host is None:
        return {"name": name}
    asked = dict.fromkeys(COUNTED, 0)
    for pod in own:
        for resource, amount in pod.requests:
            asked[resource] += amount
    resources = [
        _full(
            {
                "resourceName": resource,
                "requestedByApp": asked[resource],
                "requestedByNeighbors": all_of.get(resource, 0) - asked[resource],
                "capacity": capacity,
            }
        )
        for resource, capacity in found.host.capacity
    ]
    shown = {label: text for label, text in found.host.labels.items() if label in labels}
    host: Node = {"name": name, "resourcesInfo": resources, "systemInfo": dict(found.host.system)}
    return {**host, "labels": shown} if shown else host


def _parent(found: LiveObject, reference: OwnerReference, owner: FindOwner) -> Node:
    above = owner(found, reference)
    key = ResourceKey(reference.group, reference.kind, found.key.namespace, reference.name)
    if above is None:
        return _reference(GroupVersionKind(key.group, "", key.kind), key, reference.uid)
    return _reference(above.gvk, above.key, above.uid)


def _reference(kind: GroupVersionKind, key: ResourceKey, uid: str) -> Node:
    return _full(
        {
            "group": key.group,
            "version": kind.version,
            "kind": key.kind,
            "namespace": key.namespace,
            "name": key.name,
            "uid": uid,
        }
    )


def _health(health: HealthStatus | None) -> Node | None:
    if health is None:
        return None
    return _full({"status": health.status.value, "message": health.message})


def _full(values: Node) -> Node:
    return {name: value for name, value in values.items() if value}
