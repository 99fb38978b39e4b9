"""`fields` of a list of applications: only what the contract names can be asked for.

What is unset comes as null, and a part of an operation that there is not, not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_ITEMS = "items."
_ABSENT = object()
_Read = Callable[[Mapping[str, Any]], Any]


def _at(*path: str, default: Any = None) -> _Read:
    def read(application: Mapping[str, Any]) -> Any:
        found: Any = application
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return default if found is None else found

    return read


_STATE = ("status", "operationState")
_READS: Mapping[str, _Read] = {
    "metadata.name": _at("metadata", "name", default=""),
    "metadata.namespace": _at("metadata", "namespace", default=""),
    "metadata.annotations": _at("metadata", "annotations"),
    "metadata.labels": _at("metadata", "labels"),
    "metadata.creationTimestamp": _at("metadata", "creationTimestamp"),
    "metadata.deletionTimestamp": _at("metadata", "deletionTimestamp"),
    "spec": _at("spec", default={}),
    "spec.destination": _at("spec", "destination", default={}),
    "spec.project": _at("spec", "project", default=""),
    "spec.source": _at("spec", "source"),
    "spec.sources": _at("spec", "sources"),
    "spec.sourceHydrator": _at("spec", "sourceHydrator"),
    "spec.syncPolicy": _at("spec", "syncPolicy"),
    "status.sourceHydrator": _at("status", "sourceHydrator", default={}),
    "status.summary": _at("status", "summary", default={}),
    "status.sync.status": _at("status", "sync", "status", default=""),
    "status.sync.revision": _at("status", "sync", "revision", default=""),
    "status.health": _at("status", "health", default={}),
    "status.resources": _at("status", "resources", default=_ABSENT),
    "status.operationState.startedAt": _at(*_STATE, "startedAt", default=_ABSENT),
    "status.operationState.finishedAt": _at(*_STATE, "finishedAt", default=_ABSENT),
    "status.operationState.phase": _at(*_STATE, "phase", default=_ABSENT),
    # The contract answers what came of it.
    "status.operationState.operation.sync": _at(*_STATE, "syncResult", default=_ABSENT),
    "operation.sync": _at("operation", "sync", default=_ABSENT),
}


class ListFields:
    """`text` is the parameter; a leading `-` keeps the rest of what can be asked for. Two that
    choose the same are equal.
    """

    def __init__(self, text: str) -> None:
        named = {word.strip() for word in text.removeprefix("-").split(",")} - {""}
        wanted = [path for path in _READS if _covered(path, named)]
        if text.startswith("-"):
            wanted = [
                path
                for path in _READS
                if path not in wanted and not any(one.startswith(f"{path}.") for one in wanted)
            ]
        # What is asked for as a whole has its parts already.
        self.paths = tuple(
            path for path in wanted if not any(path.startswith(f"{one}.") for one in wanted)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListFields) and self.paths == other.paths

    def __hash__(self) -> int:
        return hash(self.paths)

    def apply(self, application: Mapping[str, Any]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for path in self.paths:
            value = _READS[path](application)
            if value is _ABSENT:
                continue
            *around, last = path.split(".")
            place = chosen
            for key in around:
                place = place.setdefault(key, {})
            place[last] = value
        return chosen


def _covered(path: str, named: set[str]) -> bool:
    """Whether a path or anything that it is a part of is named."""
    whole = _ITEMS + path
    return any(whole == one or whole.startswith(f"{one}.") for one in named)
