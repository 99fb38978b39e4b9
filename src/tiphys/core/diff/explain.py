"""Which fields differ, and who wrote the live value: a field manager and when it did.

metadata.managedFields names, for every manager, the fields that it set, as a tree whose keys are
`f:` with a field, `k:` with the keys of a list's item, `v:` with a scalar of a list and `i:` with
a position. The manager that names a field most precisely wrote it; among equals the latest did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tiphys.core.diff.normalise import (
    canonical,
    or_default,
    same,
    strictly_equal,
    with_following,
)
from tiphys.core.diff.ownership import entries_of, has_keys, item_keys
from tiphys.core.diff.types import OPAQUE, FieldType, Omission, Shape, TypeNode, field_of
from tiphys.model.resource import Manifest


class ItemKey(NamedTuple):
    """An item of a list in a path, by the key that it is merged by."""

    name: str
    value: str | int


PathElement = str | int | ItemKey
"""A field, a position in a list, or an item of a keyed list."""
Path = tuple[PathElement, ...]


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that is not as desired. None stands for an absent value.

    `manager` and `time` say who wrote the live value and when, empty where no one is named.
    `rule` is why the difference does not count, empty where it does.
    """

    path: Path
    desired: Any
    live: Any
    manager: str = ""
    time: str = ""
    rule: str = ""

    @property
    def field(self) -> str:
        """The path as text: `spec.template.spec.containers[name=web].image`."""
        return path_text(self.path)


def path_text(path: Path) -> str:
    text = ""
    for element in path:
        match element:
            case ItemKey(name, value):
                text += f"[{name}={value}]"
            case int():
                text += f"[{element}]"
            case _ if "." in element or "/" in element:
                text += f"[{element}]"
            case _:
                text += f".{element}" if text else element
    return text


def differences(desired: Manifest, live: Manifest, root: TypeNode) -> Iterator[FieldDifference]:
    """The fields in which two normalised manifests differ, as deep as they can be told."""
    return _object(desired, live, root, ())


def explained(difference: FieldDifference, live: Manifest) -> FieldDifference:
    """The difference with the manager of its live value; `live` still has managedFields."""
    best: tuple[int, str, str] = (0, "", "")
    for entry in entries_of(live):
        depth = ownership_depth(entry.get("fieldsV1"), difference.path, live)
        time, manager = str(entry.get("time") or ""), str(entry.get("manager") or "")
        if depth:
            best = max(best, (depth, time, manager))
    if difference.live is None or not best[0]:
        return difference
    return replace(difference, manager=best[2], time=best[1])


def _object(
    desired: Mapping[str, Any], live: Mapping[str, Any], node: TypeNode, path: Path
) -> Iterator[FieldDifference]:
    desired, live = with_following(desired, node), with_following(live, node)
    for name in dict.fromkeys([*desired, *live]):
        field = field_of(node, name)
        yield from _value(desired.get(name), live.get(name), field, (*path, name))


def _value(desired: Any, live: Any, field: FieldType, path: Path) -> Iterator[FieldDifference]:
    if field.type.shape is Shape.OBJECT and field.omission is Omission.EMPTY:
        desired, live = desired or {}, live or {}
    if desired is None or live is None:
        desired, live = or_default(desired, field), or_default(live, field)
    match desired, live:
        case Mapping(), Mapping():
            if not strictly_equal(desired, live):
                yield from _object(desired, live, field.type, path)
        case list(), list() if not same(desired, live, field):
            yield from _list(desired, live, field, path)
        case _:
            # Of bytes null is empty, but absent is not.
            if (desired is None) is not (live is None) or not same(desired, live, field):
                yield FieldDifference(path, desired, live)


def _list(
    desired: Sequence[Any], live: Sequence[Any], field: FieldType, path: Path
) -> Iterator[FieldDifference]:
    """Items by their key where they have one, by position where the lengths are equal.

    Another order counts where the items themselves do not differ.
    """
    items = FieldType(field.type.items or OPAQUE)
    key_name = field.merge_key or (field.list_keys[0] if len(field.list_keys) == 1 else "")
    wanted, found = _by_key(desired, key_name), _by_key(live, key_name)
    if wanted is None or found is None:
        if len(desired) == len(live):
            node = items.type
            for index, (one, other) in enumerate(zip(desired, live, strict=True)):
                wants, has = canonical(one, node, fill=True), canonical(other, node, fill=True)
                yield from _value(wants, has, items, (*path, index))
        else:
            yield FieldDifference(path, desired, live)
        return
    inside = False
    for key in dict.fromkeys([*wanted, *found]):
        place = (*path, ItemKey(key_name, key))
        for difference in _value(wanted.get(key), found.get(key), items, place):
            inside = True
            yield difference
    if not inside and list(wanted) != list(found):
        yield FieldDifference(path, list(wanted), list(found))


def _by_key(items: Sequence[Any], name: str) -> dict[Any, Any] | None:
    """Items by their key; None where they have none, or it is not unique."""
    if not name:
        return None
    keyed = {
        item[name]: item
        for item in items
        if isinstance(item, Mapping) and isinstance(item.get(name), str | int)
    }
    return keyed if len(keyed) == len(items) else None


def ownership_depth(fields: Any, path: Path, live: Any) -> int:
    """How many elements of a path a tree of fields names; 0 when the path is not in it.

    A tree that ends before the path does owns all that is below.
    """
    depth = 0
    for element in path:
        if not fields:
            break
        live = _child(live, element)
        key = _named(fields, element, live)
        if key is None:
            return 0
        fields = fields[key]
        depth += 1
    return depth


def _child(live: Any, element: PathElement) -> Any:
    match element, live:
        case ItemKey(name, value), list():
            return next((i for i in live if isinstance(i, Mapping) and i.get(name) == value), None)
        case int(), list():
            return live[element]
        case str(), Mapping():
            return live.get(element)
        case _:
            return None


def _named(fields: Mapping[str, Any], element: PathElement, live: Any) -> str | None:
    """The key of a tree of fields that stands for a path's element."""
    match element:
        case str():
            return f"f:{element}" if f"f:{element}" in fields else None
        case int():
            return f"i:{element}" if f"i:{element}" in fields else None
        case _:
            keys = (key for key in fields if key.startswith("k:"))
            return next((key for key in keys if has_keys(live, item_keys(key))), None)
