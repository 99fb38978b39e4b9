"""What becomes of a stored object when what is desired of it changes.

For who has neither a cluster's schemas nor its defaults, but knows what came of the last desired
state: the change between two desired states is carried over to that. All that the change does not
touch, defaults above all, stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_KEYS = ("name", "mountPath", "containerPort", "port", "ip", "key")
"""Names by which Kubernetes' own lists tell their items apart."""


def carried_over(before: Any, after: Any, stored: Any) -> Any:
    """`stored` came of `before`; what would come of `after`."""
    if before == after:
        return stored
    match before, after, stored:
        case Mapping(), Mapping(), Mapping():
            return _object(before, after, stored)
        case Sequence(), Sequence(), Sequence() if key := _key_of(before, after, stored):
            return _list(before, after, stored, key)
        case _:
            return after


def _object(
    before: Mapping[str, Any], after: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    found = {name: value for name, value in stored.items() if name in after or name not in before}
    for name, value in after.items():
        known = name in before and name in stored
        found[name] = carried_over(before[name], value, stored[name]) if known else value
    return found


def _list(
    before: Sequence[Any], after: Sequence[Any], stored: Sequence[Any], key: str
) -> list[Any]:
    """Items in the desired order, then those that nobody desired."""
    old = {item[key]: item for item in before}
    there = {item[key]: item for item in stored}
    found = [
        carried_over(old[item[key]], item, there[item[key]])
        if item[key] in old and item[key] in there
        else item
        for item in after
    ]
    wanted = {item[key] for item in after}
    return found + [item for name, item in there.items() if name not in wanted | set(old)]


def _key_of(*lists: Sequence[Any]) -> str:
    """The name that tells the items of all of them apart; empty where none does."""
    return next((key for key in _KEYS if all(_tells(items, key) for items in lists)), "")


def _tells(items: Sequence[Any], key: str) -> bool:
    if isinstance(items, str):
        return False
    names = [item.get(key) for item in items if isinstance(item, Mapping)]
    scalars = all(isinstance(name, str | int) for name in names)
    return len(names) == len(items) and scalars and len(set(names)) == len(names)
