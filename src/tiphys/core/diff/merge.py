"""Apply a merge patch to an object as the API server does: to predict, and for dry runs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tiphys.core.diff.normalise import without_nulls
from tiphys.core.diff.types import OPAQUE, FieldType, TypeNode, field_of

_SET_ORDER = "$setElementOrder/"
_DELETE_SCALARS = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_PATCH = "$patch"


def apply_object(
    current: Mapping[str, Any], patch: Mapping[str, Any], node: TypeNode, *, strategic: bool
) -> dict[str, Any]:
    """A mapping with the changes of a patch; what the patch does not name is shared, not copied."""
    if strategic and patch.get(_PATCH) == "replace":
        return {name: value for name, value in patch.items() if name != _PATCH}
    result = dict(current)
    if strategic and _RETAIN in patch:
        result = {name: result[name] for name in result if name in patch[_RETAIN]}
    for name, change in patch.items():
        if strategic and name.startswith("$"):
            _apply_directive(result, name, change)
        elif change is None:
            result.pop(name, None)
        else:
            live = result.get(name)
            field = field_of(node, name)
            result[name] = _apply_value(live, change, field, strategic=strategic)
    if strategic:
        _apply_orders(result, current, patch, node)
    return result


def _apply_value(live: Any, change: Any, field: FieldType, *, strategic: bool) -> Any:
    match live, change:
        case Mapping(), Mapping() if not (strategic and field.replace):
            return apply_object(live, change, field.type, strategic=strategic)
        case _, Mapping():
            return apply_object({}, change, field.type, strategic=strategic)
        case list(), list() if strategic and field.merge:
            return _apply_list(live, change, field)
        case _, list() if strategic and field.merge:
            return _apply_list([], change, field)
        case _:
            return without_nulls(change)


def _apply_list(live: Sequence[Any], change: Sequence[Any], field: FieldType) -> list[Any]:
    if not field.merge_key:
        return [*live, *(item for item in change if item not in live)]
    if any(item.get(_PATCH) == "replace" for item in change):
        return [item for item in change if _PATCH not in item]
    key, node = field.merge_key, field.type.items or OPAQUE
    result = list(live)
    for item in change:
        places = [i for i, other in enumerate(result) if other.get(key) == item.get(key)]
        if item.get(_PATCH) == "delete":
            result = [other for i, other in enumerate(result) if i not in places]
        elif places:
            result[places[0]] = apply_object(result[places[0]], item, node, strategic=True)
        else:
            result.append(apply_object({}, item, node, strategic=True))
    return result


def _apply_directive(result: dict[str, Any], name: str, change: Any) -> None:
    """Takes scalars out of a list; the other directives were, or will be, seen to."""
    if name.startswith(_DELETE_SCALARS):
        target = name.removeprefix(_DELETE_SCALARS)
        result[target] = [item for item in result.get(target) or () if item not in change]


def _apply_orders(
    result: dict[str, Any], current: Mapping[str, Any], patch: Mapping[str, Any], node: TypeNode
) -> None:
    for name, order in patch.items():
        target = name.removeprefix(_SET_ORDER)
        if target != name and target in result:
            key = field_of(node, target).merge_key
            live = current.get(target) or []
            result[target] = _in_order(result[target], order, live, key)


def _in_order(
    items: Sequence[Any], order: Sequence[Any], live: Sequence[Any], key: str
) -> list[Any]:
    """Items in the patch's order; those it does not name keep their place among the live ones."""
    wanted = [item.get(key) for item in order]
    named = sorted((i for i in items if i.get(key) in wanted), key=lambda i: wanted.index(i[key]))
    others = [item for item in items if item.get(key) not in wanted]
    places: dict[Hashable, int] = {item.get(key): i for i, item in enumerate(live)}
    ordered: list[Any] = []
    for item in named:
        place = places.get(item.get(key), -1)
        while others and places.get(others[0].get(key), -1) < place:
            ordered.append(others.pop(0))
        ordered.append(item)
    return [*ordered, *others]
