"""A status that fits into the object that carries it.

etcd takes about 1.5 MiB for one object, spec and managed fields included. A status that would not
fit is shortened, texts first, and says so: a write never fails for its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tiphys.core.app.times import rfc3339
from tiphys.model.status import ConditionType, ResultCode

Status = Mapping[str, Any]

MOST_BYTES = 1 << 20
TOO_LARGE = (
    "Application status exceeds the Kubernetes resource size limit and could not be persisted. "
    "The displayed status may be stale. Reduce the number of managed resources, set "
    "ApplyOutOfSyncOnly=true, lower spec.revisionHistoryLimit, or split the Application."
)

_TEXTS = (1000, 300, 100, 0)
"""How long texts may be, tried in turn."""
_SIGN = " ..."


def fitting(status: Status, stored: Status, now: datetime, *, most: int = MOST_BYTES) -> Status:
    """The status itself where it fits. `stored` is the one that it replaces: what was shortened in
    it and stays so goes on to be said.
    """
    if _size(status) <= most:
        return _said(status, stored, now) if _said_before(stored) and _is_short(status) else status
    short = status
    for longest in _TEXTS:
        short = _shortened(status, longest)
        if _size(short) <= most:
            return _said(short, stored, now)
    # A resumed sync finds out again what went well; hooks and failures have to be remembered.
    short = _without_successes(short)
    if _size(short) > most:
        short = {name: value for name, value in short.items() if name != "resources"}
    if _size(short) > most and short.get("history"):
        short = {**short, "history": short["history"][-1:]}
    return _said(short, stored, now)


def _size(status: Status) -> int:
    return len(msgspec.json.encode(status))


def _shortened(status: Status, longest: int) -> dict[str, Any]:
    short = dict(status)
    for name in ("conditions", "resources"):
        if name in short:
            short[name] = [_entry(entry, longest) for entry in short[name]]
    state = short.get("operationState")
    if state:
        short["operationState"] = _state(state, longest)
    return short


def _state(state: Status, longest: int) -> dict[str, Any]:
    short = _entry(state, longest)
    result = short.get("syncResult") or {}
    if result.get("resources"):
        entries = [_entry(entry, longest) for entry in result["resources"]]
        short["syncResult"] = {**result, "resources": entries}
    return short


def _entry(entry: Status, longest: int) -> dict[str, Any]:
    """An entry with a message of its own, or one in its health."""
    short = dict(entry)
    if short.get("message"):
        short["message"] = _text(short["message"], longest)
    health = short.get("health")
    if health and health.get("message"):
        short["health"] = {**health, "message": _text(health["message"], longest)}
    return short


def _text(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return text[: max(longest - len(_SIGN), 0)] + _SIGN


def _without_successes(status: Status) -> dict[str, Any]:
    state = status.get("operationState") or {}
    result = state.get("syncResult") or {}
    kept = [
        entry
        for entry in result.get("resources") or ()
        if entry.get("hookType") or entry.get("status") != ResultCode.SYNCED
    ]
    if "resources" not in result:
        return dict(status)
    result = {**result, "resources": kept}
    return {**status, "operationState": {**state, "syncResult": result}}


def _said_before(stored: Status) -> bool:
    return any(entry.get("message") == TOO_LARGE for entry in stored.get("conditions") or ())


def _is_short(status: Status) -> bool:
    """Whether a text of it was cut."""
    state = status.get("operationState") or {}
    results = (state.get("syncResult") or {}).get("resources") or ()
    entries = [*(status.get("resources") or ()), *results, state]
    texts = (one.get("message") for entry in entries for one in (entry, entry.get("health") or {}))
    return any(str(text or "").endswith(_SIGN) for text in texts)


def _said(status: Status, stored: Status, now: datetime) -> dict[str, Any]:
    """Since when it is so is kept from the stored status."""
    kind = ConditionType.UNKNOWN_ERROR.value
    said = {"type": kind, "message": TOO_LARGE, "lastTransitionTime": rfc3339(now)}
    for entry in stored.get("conditions") or ():
        if (entry.get("type"), entry.get("message")) == (kind, TOO_LARGE):
            said = dict(entry)
    others = [
        entry
        for entry in status.get("conditions") or ()
        if (entry.get("type"), str(entry.get("message"))[:20]) != (kind, TOO_LARGE[:20])
    ]
    order = ("type", "message", "lastTransitionTime")
    conditions = sorted(
        [*others, said], key=lambda entry: tuple(str(entry.get(name) or "") for name in order)
    )
    return {**status, "conditions": conditions}
