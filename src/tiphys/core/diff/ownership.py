"""metadata.managedFields: which manager owns which fields, as trees.

The keys of a tree are `f:` with a field, `k:` with the keys of a list's item, `v:` with a scalar
of a list, `i:` with a position, and `.` for the thing itself. An empty tree owns all below it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

from tiphys.model.resource import Manifest

Fields = Mapping[str, Any]
NOTHING: Fields = {}


def entries_of(live: Manifest) -> list[Mapping[str, Any]]:
    """The entries of managedFields; empty where there are none."""
    meta = live.get("metadata")
    entries = meta.get("managedFields") if isinstance(meta, Mapping) else None
    return [one for one in entries if isinstance(one, Mapping)] if isinstance(entries, list) else []


def owned(live: Manifest, belongs: Callable[[Mapping[str, Any]], bool]) -> Fields:
    """What the entries that belong own together."""
    tree: Fields = NOTHING
    for entry in entries_of(live):
        fields = entry.get("fieldsV1")
        if isinstance(fields, Mapping) and fields and belongs(entry):
            tree = united(tree, fields) if tree else fields
    return tree


def owned_by(live: Manifest, managers: Collection[str]) -> Fields:
    return owned(live, lambda entry: entry.get("manager") in managers)


def united(one: Fields, other: Fields) -> Fields:
    """What either owns. Owning all below beats owning parts of it."""
    result = dict(one)
    for key, fields in other.items():
        mine = result.get(key)
        result[key] = united(mine, fields) if mine and fields else (fields if mine is None else {})
    return result


def item_keys(key: str) -> Mapping[str, Any]:
    """What `k:{...}` says of an item."""
    keys: Mapping[str, Any] = orjson.loads(key.removeprefix("k:"))
    return keys


def scalar(key: str) -> Any:
    """The value that `v:...` stands for."""
    return orjson.loads(key.removeprefix("v:"))


def copied(desired: Any, live: Any, fields: Fields) -> Any:
    """The desired value with what a tree owns of the live one; both stay as they are."""
    if not fields:
        return live
    match desired, live:
        case Mapping(), Mapping():
            return _copied_fields(desired, live, fields)
        case list(), list():
            return _copied_items(desired, live, fields)
        case None, Mapping():
            return _copied_fields({}, live, fields)
        case None, list():
            return _copied_items([], live, fields)
        case _:
            return live


def _copied_fields(
    desired: Mapping[str, Any], live: Mapping[str, Any], fields: Fields
) -> Mapping[str, Any]:
    result = dict(desired)
    for key, below in fields.items():
        name = key.removeprefix("f:")
        if key.startswith("f:") and name in live:
            result[name] = copied(desired.get(name), live[name], below)
    return result


def _copied_items(desired: list[Any], live: list[Any], fields: Fields) -> list[Any]:
    result = list(desired)
    for key, below in fields.items():
        if key.startswith("v:"):
            value = scalar(key)
            if value in live and value not in result:
                result.append(value)
        elif key.startswith("k:"):
            _copy_item(result, live, item_keys(key), below)
    return result


def _copy_item(result: list[Any], live: list[Any], keys: Mapping[str, Any], below: Fields) -> None:
    found = next((item for item in live if has_keys(item, keys)), None)
    if found is None:
        return
    for index, item in enumerate(result):
        if has_keys(item, keys):
            result[index] = copied(item, found, below)
            return
    result.append(copied({}, found, below))


def has_keys(item: Any, keys: Mapping[str, Any]) -> bool:
    """Whether an item is the one that has these keys. A key that it lacks has its default."""
    return isinstance(item, Mapping) and all(
        item.get(name, value) == value for name, value in keys.items()
    )


def without_owned(value: Any, fields: Fields) -> Any:
    """The value without what a tree owns of it."""
    match value:
        case Mapping():
            result = dict(value)
            for key, below in fields.items():
                name = key.removeprefix("f:")
                if key.startswith("f:") and name in result:
                    if below:
                        result[name] = without_owned(result[name], below)
                    else:
                        del result[name]
            return result
        case list():
            return [item for item in (_left(item, fields) for item in value) if item is not _GONE]
        case _:
            return value


_GONE = object()


def _left(item: Any, fields: Fields) -> Any:
    for key, below in fields.items():
        if key.startswith("v:") and scalar(key) == item:
            return _GONE
        if key.startswith("k:") and has_keys(item, item_keys(key)):
            return without_owned(item, below) if below else _GONE
    return item
