"""Whose an Application's fields are, and what its status should be after others wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.model.live import PatchKind
from tiphys.model.resource import Manifest
from tiphys.model.status import OperationPhase

Status = Mapping[str, Any]

_WHOLE = ("health", "sync", "summary")
"""Parts of the status that say one thing by several fields, of which some may be absent."""
_COMPLETED = frozenset(phase.value for phase in OperationPhase if phase.completed)


def of_others(manifest: Manifest) -> tuple[Any, ...]:
    """What users and the API own, and a request to terminate, which stands in the status."""
    meta = manifest.get("metadata") or {}
    state = (manifest.get("status") or {}).get("operationState") or {}
    return (
        meta.get("labels"),
        meta.get("annotations"),
        meta.get("finalizers"),
        meta.get("deletionTimestamp"),
        manifest.get("spec"),
        manifest.get("operation"),
        state.get("phase") == OperationPhase.TERMINATING,
    )


def rightful_status(old: Manifest, new: Manifest) -> Status:
    """What the status should say after another's write; `old` has what it said rightfully.

    Others may change two things of it: a new operation drops the state of the last one, and a
    running operation may be told to terminate.
    """
    status = dict(old.get("status") or {})
    known = status.get("operationState")
    state = (new.get("status") or {}).get("operationState")
    if state is None:
        # What runs is not forgotten: an operation that is asked for meanwhile is not heeded.
        if new.get("operation") is not None and known and known.get("phase") in _COMPLETED:
            del status["operationState"]
    elif known is not None and _is_told_to_end(known, state):
        status["operationState"] = {**known, "phase": OperationPhase.TERMINATING.value}
        if state.get("message"):
            status["operationState"]["message"] = state["message"]
    return status


def _is_told_to_end(known: Status, state: Status) -> bool:
    return (
        state.get("phase") == OperationPhase.TERMINATING
        and known.get("phase") in (OperationPhase.RUNNING, OperationPhase.TERMINATING)
        and known.get("startedAt") == state.get("startedAt")
    )


def after_write(kind: PatchKind, body: Any, status: Status, basis: Status) -> Status:
    """The status that a patch of ours leaves, if nobody else writes.

    `basis` is the status that the patch was made from, which another write of ours may have
    changed meanwhile: what a comparison says as a whole is not mixed with what that one said.
    """
    if kind is not PatchKind.MERGE:
        return _after_operations(body, status)
    patch = body.get("status", {})
    if patch is None:
        return {}
    left = {part: basis.get(part) for part in _WHOLE if part in patch}
    new: Status = merged({**status, **left}, patch)
    return new


def parts_written(kind: PatchKind, body: Any) -> frozenset[str]:
    """The parts of the status that a patch of ours writes."""
    if kind is PatchKind.MERGE:
        return frozenset(body.get("status") or {})
    return frozenset(_after_operations(body, {}))


def merged(old: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return patch
    new = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        else:
            new[key] = merged(new.get(key), value)
    return new


def _after_operations(operations: Sequence[Mapping[str, Any]], status: Status) -> Status:
    """JSON patches of ours put whole parts into the status, and never reach deeper."""
    new = dict(status)
    for operation in operations:
        _, root, *rest = str(operation["path"]).split("/")
        if root == "status" and len(rest) == 1 and operation["op"] == "add":
            new[rest[0]] = operation["value"]
    return new
