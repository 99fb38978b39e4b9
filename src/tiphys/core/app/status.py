"""The status that a pass leaves behind, and the smallest patch that leads to it.

Statuses are plain JSON here, so that fields that Tiphys does not know are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tiphys.core.app.times import rfc3339
from tiphys.core.health import AppHealth
from tiphys.core.source.revision import is_commit
from tiphys.model.appstatus import (
    AppHealthStatus,
    ApplicationCondition,
    ApplicationStatus,
    ApplicationSummary,
    ComparedTo,
    ResourceStatus,
    SyncStatus,
)
from tiphys.model.status import CompareLevel, HealthCode, SyncCode
from tiphys.model.structs import Struct, encode

Status = Mapping[str, Any]

_SOURCE_APP_TREE = "appTree"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What one pass found. `started` and `level` are the pass's own.

    `revisions` and `source_types` are in the order of the sources, and take the place of
    `revision` and `source_type` where an application has several.
    `health_inline`: each object's health stands in `resources` instead of in the tree alone.
    """

    sync: SyncCode
    compared_to: ComparedTo
    revision: str
    source_type: str
    resources: tuple[ResourceStatus, ...]
    health: AppHealth
    summary: ApplicationSummary
    conditions: Sequence[ApplicationCondition]
    level: CompareLevel
    started: datetime
    controller_namespace: str
    health_inline: bool = False
    revisions: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()


def after_compare(old: Status, result: PassResult, now: datetime) -> dict[str, Any]:
    """The status after a comparison; history and operationState stay as they are."""
    status = _complete(old)
    status["sync"] = encode(
        SyncStatus(
            status=result.sync,
            compared_to=result.compared_to,
            revision=result.revision,
            revisions=result.revisions,
        )
    )
    status["health"] = _health(old, result, now)
    status["sourceType"] = result.source_type
    status["sourceTypes"] = list(result.source_types)
    status["resources"] = [encode(resource) for resource in result.resources]
    status["summary"] = encode(result.summary)
    status["conditions"] = [encode(condition) for condition in result.conditions]
    status["controllerNamespace"] = result.controller_namespace
    status["resourceHealthSource"] = "" if result.health_inline else _SOURCE_APP_TREE
    # A recent comparison says nothing of what Git holds now, so it does not restart the clock.
    if result.level >= CompareLevel.LATEST or not old.get("reconciledAt"):
        status["reconciledAt"] = rfc3339(result.started)
    return _without_empty(status)


def after_refusal(old: Status, conditions: Sequence[ApplicationCondition]) -> dict[str, Any]:
    """The status of an application that could not be compared: nothing is known of it.

    What was seen last (resources, comparedTo, reconciledAt) stays as it was.
    """
    status = _complete(old)
    status["sync"] = {**status["sync"], "status": SyncCode.UNKNOWN.value}
    kept = {key: value for key, value in status["health"].items() if key != "message"}
    status["health"] = {**kept, "status": HealthCode.UNKNOWN.value}
    status["conditions"] = [encode(condition) for condition in conditions]
    return _without_empty(status)


def after_loss(old: Status, conditions: Sequence[ApplicationCondition]) -> dict[str, Any]:
    """The status of an application whose cluster went out of reach.

    What its objects are stays known; whether they are as wanted, and how they fare, does not.
    """
    status = after_refusal(old, conditions)
    resources = [
        {key: value for key, value in entry.items() if key != "health"}
        | ({"status": SyncCode.UNKNOWN.value} if entry.get("status") else {})
        for entry in old.get("resources") or ()
    ]
    return _without_empty({**status, "resources": resources})


def after_tree(
    old: Status, summary: ApplicationSummary, conditions: Sequence[ApplicationCondition]
) -> dict[str, Any]:
    """The status after a pass that compared nothing."""
    status = {**_complete(old), "summary": encode(summary)}
    status["conditions"] = [encode(condition) for condition in conditions]
    return _without_empty(status)


def _complete(old: Status) -> dict[str, Any]:
    """The old status on top of the parts that are always written, known fields or not."""
    return {**encode(_EMPTY), **old}


_EMPTY: Struct = ApplicationStatus()


def _health(old: Status, result: PassResult, now: datetime) -> dict[str, Any]:
    before = old.get("health") or {}
    unchanged = before.get("status") == result.health.status
    # Causes come and go while the status stays; unless they are stored beside the objects, the
    # message of the change is what is kept.
    keep_message = unchanged and not result.health_inline
    message = before.get("message", "") if keep_message else result.health.message
    since = before.get("lastTransitionTime") if unchanged else None
    health = AppHealthStatus(
        status=result.health.status,
        message=message,
        last_transition_time=since or rfc3339(now),
    )
    return encode(health)


def _without_empty(status: dict[str, Any]) -> dict[str, Any]:
    """Lists and texts that are empty are not written; parts that are objects are, even as {}."""
    return {
        key: value
        for key, value in status.items()
        if value not in ([], (), "") and value is not None
    }


def revisions_named(status: Status) -> Iterator[tuple[str, str]]:
    """The commits that a status names, with the URLs that they are of: compared, and synced."""
    sync = status.get("sync") or {}
    result = (status.get("operationState") or {}).get("syncResult") or {}
    for sources, named in ((sync.get("comparedTo") or {}, sync), (result, result)):
        pairs = [(sources.get("source") or {}, named.get("revision") or "")]
        pairs += zip(sources.get("sources") or (), named.get("revisions") or (), strict=False)
        for source, revision in pairs:
            if source.get("repoURL") and not source.get("chart") and is_commit(revision):
                yield source["repoURL"], revision


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The RFC 7386 patch from old to new; empty when nothing changed. Lists go as a whole."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if key in old and before == value:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            patch[key] = merge_patch(before, value)
        else:
            patch[key] = value
    return patch
