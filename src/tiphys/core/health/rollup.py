"""From the health of objects to the health of their application, with what caused it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tiphys.model.names import API_GROUP
from tiphys.model.resource import GroupKind, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus

_ORDER = {code: rank for rank, code in enumerate(HealthCode)}
_APPLICATION = GroupKind(API_GROUP, "Application")
_MAX_CAUSES = 3


def worse(first: HealthCode, second: HealthCode) -> HealthCode:
    """Healthy < Suspended < Progressing < Missing < Degraded < Unknown."""
    return max(first, second, key=_ORDER.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEntry:
    """What the roll-up has to know of one pair of desired and live object.

    `hook` is a live hook, a live object that is ignored, or a target that says `hook: Skip`;
    `excused` a live object with `ignore-healthcheck`; `itself` the Application whose health is
    being made. `health` is the live object's, None where its kind has no judgement.
    """

    key: ResourceKey
    live: bool
    health: HealthStatus | None = None
    hook: bool = False
    excused: bool = False
    itself: bool = False


@dataclass(frozen=True, slots=True)
class AppHealth:
    """An application's health; `resources` holds what each entry shows, in the entries' order."""

    status: HealthCode
    message: str
    resources: tuple[HealthStatus | None, ...]


def roll_up(entries: Iterable[HealthEntry]) -> AppHealth:
    worst = HealthCode.HEALTHY
    causes: list[ResourceKey] = []
    shown: list[HealthStatus | None] = []
    any_entry = any_live = False
    for entry in entries:
        health = _shown_health(entry)
        shown.append(health)
        if entry.hook:
            continue
        any_entry = True
        any_live = any_live or entry.live
        if health is None or not _counts(entry, health):
            continue
        if worse(worst, health.status) is not worst:
            worst, causes = health.status, []
        if health.status is worst and worst is not HealthCode.HEALTHY:
            causes.append(entry.key)
    # One absent object does not make an application Missing; the absence of all of them does.
    if any_entry and not any_live:
        worst = HealthCode.MISSING
    return AppHealth(worst, _caused_by(causes), tuple(shown))


def _shown_health(entry: HealthEntry) -> HealthStatus | None:
    if entry.hook or entry.excused:
        return None
    if not entry.live:
        return HealthStatus(HealthCode.MISSING)
    return None if entry.itself else entry.health


def _counts(entry: HealthEntry, health: HealthStatus) -> bool:
    if not entry.live:
        return False
    # A child application is created before it is judged: that is no fault of its parent.
    child = entry.key.group_kind == _APPLICATION
    return not (child and health.status in (HealthCode.MISSING, HealthCode.UNKNOWN))


def _caused_by(causes: list[ResourceKey]) -> str:
    if not causes:
        return ""
    text = "Caused by " + ", ".join(_cause(key) for key in causes[:_MAX_CAUSES])
    rest = len(causes) - _MAX_CAUSES
    return f"{text} and {rest} more" if rest > 0 else text


def _cause(key: ResourceKey) -> str:
    kind = f"{key.group}/{key.kind}" if key.group else key.kind
    name = f"{key.namespace}/{key.name}" if key.namespace else key.name
    return f"{kind}:{name}"
