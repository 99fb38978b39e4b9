"""Apply without touching what ignore rules name: those fields are written as they are live.

What rules left of the desired and of the live object tells which fields they name. Everything
beside them, items of the same list too, is written as desired. `status` is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.core.diff.normalise import strictly_equal
from tiphys.core.diff.types import OPAQUE, FieldType, TypeNode, field_of
from tiphys.model.resource import Manifest

_ABSENT = object()


def respect(
    target: Manifest, live: Manifest, target_left: Manifest, live_left: Manifest, root: TypeNode
) -> Manifest:
    """The target with the live values of what is missing from `target_left` and `live_left`."""
    names = [name for name in (*target, *live) if name != "status"]
    result = _fields(names, (target, live, target_left, live_left), root)
    if "status" in target:
        result["status"] = target["status"]
    return result


_Four = tuple[Any, Any, Any, Any]
"""Target and live, then what rules left of them; _ABSENT where there is nothing."""


def _fields(names: Sequence[str], four: _Four, node: TypeNode) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        inner = tuple(side.get(name, _ABSENT) for side in four)
        value = _value(inner, field_of(node, name))
        if value is not _ABSENT:
            result[name] = value
    return result


def _value(four: _Four, field: FieldType) -> Any:
    """What is to be written for one field; _ABSENT for nothing."""
    target, live, target_left, live_left = four
    ignored = (target is not _ABSENT and target_left is _ABSENT) or (
        live is not _ABSENT and live_left is _ABSENT
    )
    if ignored:
        return live
    if target is _ABSENT or live is _ABSENT:
        return target
    if _untouched(target, target_left) and _untouched(live, live_left):
        return target
    if all(isinstance(side, Mapping) for side in four):
        return _fields([*target, *live], four, field.type)
    if all(isinstance(side, list) for side in four):
        return _items(four, field)
    return live


def _untouched(whole: Any, left: Any) -> bool:
    return whole is left or strictly_equal(whole, left)


def _items(four: _Four, field: FieldType) -> list[Any]:
    """Items by their keys where the type has some, else by where they stand."""
    names = field.list_keys or ((field.merge_key,) if field.merge_key else ())
    target, live, target_left, live_left = (_keyed(side, names) for side in four)
    if not names and (len(target) != len(target_left) or len(live) != len(live_left)):
        target_left, live_left = _survivors(target, four[2]), _survivors(live, four[3])
    element = FieldType(field.type.items or OPAQUE)
    result = []
    for key in dict.fromkeys([*target, *live]):
        inner = tuple(side.get(key, _ABSENT) for side in (target, live, target_left, live_left))
        value = _value(inner, element)
        if value is not _ABSENT:
            result.append(value)
    return result


def _keyed(items: Sequence[Any], names: Sequence[str]) -> dict[Any, Any]:
    """Items by the values of these fields, or by their positions."""
    if not names:
        return dict(enumerate(items))
    keyed: dict[Any, Any] = {}
    for index, item in enumerate(items):
        values = [item.get(name) for name in names] if isinstance(item, Mapping) else [index]
        key: tuple[Any, ...] = tuple(str(value) for value in values)
        while key in keyed:
            key = (*key, "")
        keyed[key] = item
    return keyed


def _survivors(whole: Mapping[Any, Any], left: Sequence[Any]) -> dict[Any, Any]:
    """Which items are left, where whole ones were taken out: those that are equal, in order."""
    found: dict[Any, Any] = {}
    waiting = list(left)
    for key, value in whole.items():
        if waiting and strictly_equal(value, waiting[0]):
            found[key] = waiting.pop(0)
    return found
