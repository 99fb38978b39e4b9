"""Predict what a server-side apply would store, without asking the server.

The rules are those of Kubernetes' "Server-Side Apply" page: what is desired is set; what this
manager owned before and desires no more is removed unless another manager owns it too; the rest
stays. Lists with keys and sets are merged, atomic values are taken whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tiphys.core.diff.normalise import without_nulls
from tiphys.core.diff.ownership import NOTHING, Fields, copied, item_keys, owned, scalar
from tiphys.core.diff.types import (
    OPAQUE,
    OPAQUE_FIELD,
    FieldType,
    ListKind,
    TypeNode,
    field_of,
)
from tiphys.model.resource import Manifest

_GONE = object()


def predict_apply(
    desired: Manifest, live: Manifest, managed: Manifest, root: TypeNode, *, manager: str
) -> dict[str, Any]:
    """The object after the manager applied it by force, before defaults.

    `managed` is the live object with its managedFields; `live` may be without parts of it.
    """
    mine = owned(managed, lambda entry: _applied_by(entry, manager))
    others = owned(managed, lambda entry: not _applied_by(entry, manager))
    return _object(desired, live, mine, others, root)


def without_mutations(
    answer: Manifest, live: Manifest, root: TypeNode, *, manager: str
) -> dict[str, Any]:
    """A dry run's answer without what webhooks changed in it.

    What the manager owns in the answer is what it asked for; all else is taken from live.
    """
    fields = owned(answer, lambda entry: _applied_by(entry, manager))
    asked = copied({}, answer, fields) if fields else {}
    return predict_apply(asked, live, live, root, manager=manager)


def _applied_by(entry: Mapping[str, Any], manager: str) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def _object(
    desired: Mapping[str, Any],
    live: Mapping[str, Any],
    mine: Fields,
    others: Fields,
    node: TypeNode,
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in live.items():
        key, field = f"f:{name}", field_of(node, name)
        wanted = desired.get(name)
        left = value
        if wanted is not None and not (field.chosen and not wanted):
            tree, other = mine.get(key) or NOTHING, others.get(key) or NOTHING
            left = _value(wanted, value, tree, other, field)
        elif key in mine:
            # Of a field that nobody else has a part in, nothing stays, be it owned or not.
            left = _pruned(value, mine[key], others[key], field) if key in others else _GONE
        if left is not _GONE:
            result[name] = left
    for name, wanted in desired.items():
        if wanted is not None and name not in live:
            result[name] = without_nulls(wanted)
    return result


def _value(desired: Any, live: Any, mine: Fields, others: Fields, field: FieldType) -> Any:
    match desired, live:
        case Mapping(), Mapping() if not (field.atomic or field.type.atomic):
            # What is emptied goes, even where an empty one is desired.
            return _object(desired, live, mine, others, field.type) or (_GONE if live else {})
        case list(), list() if field.list_kind is ListKind.MAP:
            return _keyed(desired, live, mine, others, field)
        case list(), list() if field.list_kind is ListKind.SET:
            return _set(desired, live, mine, others)
        case _:
            return without_nulls(desired)


def _pruned(live: Any, mine: Fields, others: Fields, field: FieldType) -> Any:
    """What is left of a value that is desired no more but has other owners; _GONE for nothing."""
    if not mine or field.atomic or field.type.atomic:
        return live
    left: Any = live
    match live:
        case Mapping():
            left = _object({}, live, mine, others, field.type)
        case list() if field.list_kind is ListKind.MAP:
            left = _keyed([], live, mine, others, field)
        case list() if field.list_kind is ListKind.SET:
            left = _set([], live, mine, others)
        case _:
            return live
    return left if left or not live else _GONE


def _set(desired: Sequence[Any], live: Sequence[Any], mine: Fields, others: Fields) -> list[Any]:
    ours = [scalar(key) for key in mine if key.startswith("v:")]
    theirs = [scalar(key) for key in others if key.startswith("v:")]
    kept = [item for item in live if item in desired or item not in ours or item in theirs]
    return _in_order(kept, list(desired))


def _keyed(
    desired: Sequence[Any], live: Sequence[Any], mine: Fields, others: Fields, field: FieldType
) -> list[Any]:
    names = field.list_keys or (field.merge_key,)
    node = field.type.items or OPAQUE
    wanted, found = _by_keys(desired, names, node), _by_keys(live, names, node)
    if wanted is None or found is None:
        return list(without_nulls(desired))
    ours, theirs = _trees(mine, names), _trees(others, names)
    items: dict[Hashable, Any] = {}
    element = FieldType(node)
    for key, item in found.items():
        if key in wanted:
            tree, other = ours.get(key, NOTHING), theirs.get(key, NOTHING)
            left = _value(wanted[key], item, tree, other, element)
            items[key] = {} if left is _GONE else left
        elif key not in ours:
            items[key] = item
        elif key in theirs or "." not in ours[key]:
            left = _pruned(item, ours[key], theirs.get(key, NOTHING), element)
            items[key] = {} if left is _GONE else left
    order = _in_order(list(items), list(wanted))
    return [items[key] if key in items else without_nulls(wanted[key]) for key in order]


def _by_keys(
    items: Sequence[Any], names: Sequence[str], node: TypeNode
) -> dict[Hashable, Any] | None:
    """Items by their keys, absent ones filled in; None where they do not tell items apart."""
    keyed: dict[Hashable, Any] = {}
    for item in items:
        if not isinstance(item, Mapping):
            return None
        key = tuple(item.get(name, node.fields.get(name, OPAQUE_FIELD).default) for name in names)
        if not all(part is None or isinstance(part, str | int) for part in key):
            return None
        keyed[key] = item
    return keyed if len(keyed) == len(items) else None


def _trees(fields: Fields, names: Sequence[str]) -> dict[Hashable, Fields]:
    """The trees of a list's items, by their keys."""
    trees: dict[Hashable, Fields] = {}
    for key, below in fields.items():
        if key.startswith("k:"):
            keys = item_keys(key)
            trees[tuple(keys.get(name) for name in names)] = below
    return trees


def _in_order(kept: list[Any], wanted: list[Any]) -> list[Any]:
    """The wanted in their order, and the others where they stood among the live ones."""
    result: list[Any] = []
    shared = [key for key in wanted if key in kept]
    rest, turn = list(wanted), 0
    for key in kept:
        if key not in wanted:
            result.append(key)
        elif turn < len(shared) and key == shared[turn]:
            stop = rest.index(key) + 1
            result.extend(rest[:stop])
            rest, turn = rest[stop:], turn + 1
    return [*result, *rest]
