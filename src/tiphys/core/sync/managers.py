"""Field managers of a live object: whose fields an apply by the server has to take over.

What was applied client-side is owned with the operation Update. Unless those entries are moved to
the applying manager, fields that are wanted no more would stay for ever. Entries are metadata's
managedFields, whose form is FieldsV1 of Kubernetes' API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from tiphys.model.names import ANNOTATION_LAST_APPLIED, MANAGER_CONTROLLER
from tiphys.model.resource import Manifest

Entry = Mapping[str, Any]

_LAST_APPLIED = ("f:metadata", "f:annotations", f"f:{ANNOTATION_LAST_APPLIED}")


def updates(live: Manifest, manager: str) -> bool:
    """Whether the manager owns fields that it wrote with updates."""
    return any(_is_update(entry, {manager}) for entry in _entries(live))


def client_side_managers(live: Manifest) -> frozenset[str]:
    """The managers that wrote the annotation of what was applied last."""
    return frozenset(
        str(entry.get("manager") or "")
        for entry in _entries(live)
        if _is_update(entry) and _owns(entry.get("fieldsV1"), _LAST_APPLIED)
    )


def takeover(live: Manifest, managers: Set[str], *, to: str = MANAGER_CONTROLLER) -> list[Any]:
    """A JSON patch that moves the managers' updates to the applies of `to`; empty for nothing.

    It fails with a conflict where the object changed meanwhile.
    """
    entries = _entries(live)
    moved = [entry for entry in entries if _is_update(entry, managers)]
    if not moved:
        return []
    applied = next((e for e in entries if _is_apply(e, to)), None)
    # The first is the most recent one: its version and time stay.
    base = applied or {**moved[0], "manager": to, "operation": "Apply"}
    fields = dict(base.get("fieldsV1") or {})
    for entry in moved:
        fields = _union(fields, entry.get("fieldsV1") or {})
    joined = {**base, "fieldsV1": fields}
    kept = [e for e in entries if e is not applied and not any(e is one for one in moved)]
    version = live["metadata"]["resourceVersion"]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [joined, *kept]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]


def _entries(live: Manifest) -> Sequence[Entry]:
    return (live.get("metadata") or {}).get("managedFields") or ()


def _is_update(entry: Entry, managers: Set[str] | None = None) -> bool:
    """Whether it stands for updates of the object itself, not of its status."""
    plain = entry.get("operation") == "Update" and not entry.get("subresource")
    return plain and (managers is None or entry.get("manager") in managers)


def _is_apply(entry: Entry, manager: str) -> bool:
    whose = (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "")
    return whose == (manager, "Apply", "")


def _owns(fields: Any, path: Sequence[str]) -> bool:
    for name in path:
        fields = fields.get(name) if isinstance(fields, Mapping) else None
    return fields is not None


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both sets of fields. An empty mapping is a field as a whole, `.` one among its parts."""
    result = dict(one)
    for name, fields in other.items():
        known = result.get(name)
        if known is None:
            result[name] = fields
        elif known or fields:
            result[name] = _union(known or {".": {}}, fields or {".": {}})
    return result
