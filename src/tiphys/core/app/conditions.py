"""The list of conditions: each step replaces the types that it judges and leaves the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from tiphys.core.app.times import rfc3339
from tiphys.model.appstatus import ApplicationCondition
from tiphys.model.status import ConditionType

SPEC_TYPES = frozenset({ConditionType.INVALID_SPEC_ERROR, ConditionType.UNKNOWN_ERROR})
COMPARE_TYPES = frozenset(
    {
        ConditionType.COMPARISON_ERROR,
        ConditionType.SHARED_RESOURCE_WARNING,
        ConditionType.REPEATED_RESOURCE_WARNING,
        ConditionType.EXCLUDED_RESOURCE_WARNING,
    }
)
SYNC_TYPES = frozenset({ConditionType.SYNC_ERROR})
TREE_TYPES = frozenset({ConditionType.ORPHANED_RESOURCE_WARNING})


class Condition(NamedTuple):
    """A condition that was just found to hold, not yet dated."""

    type: ConditionType
    message: str


def set_conditions(
    stored: Sequence[ApplicationCondition],
    found: Iterable[Condition],
    evaluated: Collection[ConditionType],
    now: datetime,
) -> tuple[ApplicationCondition, ...]:
    """Stored conditions of other types, and what was found, in the contract's order.

    What holds still keeps its time, where the first stored condition of its type says the same.
    """
    first: dict[str, ApplicationCondition] = {}
    for condition in stored:
        first.setdefault(condition.type, condition)
    kept = [condition for condition in stored if condition.type not in evaluated]
    dated = [_dated(condition, first.get(condition.type), now) for condition in found]
    # A type that is only added to may be found again: it is not listed twice.
    fresh = [condition for condition in dated if condition not in kept]
    return tuple(sorted(dict.fromkeys([*kept, *fresh]), key=_order))


def _dated(
    condition: Condition, before: ApplicationCondition | None, now: datetime
) -> ApplicationCondition:
    if before is not None and before.message == condition.message:
        return before
    return ApplicationCondition(
        type=condition.type.value, message=condition.message, last_transition_time=rfc3339(now)
    )


def _order(condition: ApplicationCondition) -> tuple[str, str, str]:
    return condition.type, condition.message, condition.last_transition_time or ""
