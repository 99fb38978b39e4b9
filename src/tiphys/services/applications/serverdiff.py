"""What the API server would make of objects, against what is live, for one look.

Only objects of the application are asked about, and only as their project lets them be applied.
The live side is read here: what a caller says of it only tells which object is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tiphys.core.diff.mask import is_secret
from tiphys.core.diff.normalise import encode
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.resource import GroupVersionKind, Manifest, ResourceKey, gvk_of, key_of
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.managed import Comparing, Managed, live_object, managed_of
from tiphys.services.projects.rules import Permission

Item = Mapping[str, Any]
_SHORTEST_MASK = 8


async def server_side_diff(
    application: Application,
    pairs: Sequence[tuple[Item, str]],
    known: Mapping[ResourceKey, Item],
    permission: Permission | None,
    comparing: Comparing,
    reached: Reached,
) -> Sequence[Managed]:
    """`pairs` are ResourceDiffs and target manifests, `known` the application's objects, as they
    were compared last: what is masked in a target is what it was then.

    Raises ApiError, KubeError and EvaluationError.
    """
    await reached.discovery.refresh()
    targets: dict[ResourceKey, Manifest] = {}
    live: dict[ResourceKey, Manifest | None] = {}
    for item, text in pairs:
        key = _meant(item)
        if key not in known or permission is None or not permission.live(key):
            raise _foreign(application, key)
        said, target = _parsed(item.get("liveState"), key), _parsed(text, key)
        kind = gvk_of(target or said or {})
        live[key] = found = await _read(key, kind, reached)
        if target is not None:
            targets[key] = _unmasked(target, found, known[key])
    compared = await comparing.compared(targets, live, reached)
    return [
        managed_of(key, targets.get(key), found, compared.get(key), comparing.masked)
        for key, found in live.items()
        if found is not None or key in targets
    ]


def shown(one: Managed) -> dict[str, Any]:
    """ResourceDiff as this method answers it: the target is what would be live."""
    predicted = one.predicted if one.predicted is not None else one.target
    normal = one.compared if one.compared is not None else one.live
    found = {
        "group": one.key.group,
        "kind": one.key.kind,
        "namespace": one.key.namespace,
        "name": one.key.name,
        "targetState": "" if predicted is None else encode(predicted).decode(),
        "liveState": "" if normal is None else encode(normal).decode(),
        "modified": one.modified,
    }
    return {name: value for name, value in found.items() if value}


def _unmasked(target: Manifest, live: Manifest | None, compared: Item) -> Manifest:
    """Callers are shown Secrets masked, and send them so. Where both sides were equal, the live
    value is what the mask stands for; where they were not, the mask shows that they are not.
    """
    data = target.get("data")
    if live is None or not is_secret(target) or not isinstance(data, Mapping):
        return target
    wanted, had = _data(compared.get("targetState")), _data(compared.get("liveState"))
    stored = live.get("data") or {}
    meant = {
        name: stored[name]
        for name, value in data.items()
        if _is_mask(value) and name in stored and name in had and wanted.get(name) == had[name]
    }
    return {**target, "data": {**data, **meant}}


def _data(text: Any) -> Mapping[str, Any]:
    found = orjson.loads(text) if text else None
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, dict) else {}


def _is_mask(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST_MASK and set(value) == {"+"}


async def _read(key: ResourceKey, kind: GroupVersionKind, reached: Reached) -> Manifest | None:
    if not kind.kind:
        return None
    return await live_object(key, kind, reached)


def _meant(item: Item) -> ResourceKey:
    return ResourceKey(
        item.get("group") or "",
        item.get("kind") or "",
        item.get("namespace") or "",
        item.get("name") or "",
    )


def _parsed(text: Any, key: ResourceKey) -> Manifest | None:
    """None where that side is missing. What cannot be read is not repeated."""
    if not text:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ApiError(
            ApiCode.INVALID_ARGUMENT, f"error unmarshaling object {key.kind} {key.name}: no JSON"
        ) from None
    if found is None:
        return None
    if not isinstance(found, dict):
        raise ApiError(ApiCode.INVALID_ARGUMENT, f"{key.kind} {key.name} is no object")
    _require_same(key_of(found), key)
    return found


def _require_same(found: ResourceKey, wanted: ResourceKey) -> None:
    for field in ("name", "namespace", "group", "kind"):
        expected, got = getattr(wanted, field), getattr(found, field)
        # A target may leave its namespace to the application.
        if expected != got and not (field == "namespace" and not got):
            raise ApiError(
                ApiCode.INVALID_ARGUMENT, f"{field} mismatch: expected {expected}, got {got}"
            )


def _foreign(application: Application, key: ResourceKey) -> ApiError:
    return ApiError(
        ApiCode.PERMISSION_DENIED,
        f"{key.group}/{key.kind} {key.name} not found as part of application {application.name}",
    )
