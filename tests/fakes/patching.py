"""The patches of the Kubernetes API, as far as the fake cluster needs them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tiphys.model.errors import InvalidObjectError
from tiphys.model.live import PatchKind


def patched(old: Mapping[str, Any], kind: PatchKind, body: Any) -> dict[str, Any]:
    """The object after a patch; InvalidObjectError where a `test` fails or a path is missing."""
    new = copy.deepcopy(dict(old))
    if kind is PatchKind.JSON:
        for operation in body:
            _operate(new, operation)
        return new
    merged: dict[str, Any] = _merged(new, body, by_name=kind is not PatchKind.MERGE)
    return merged


def _merged(old: Any, patch: Any, *, by_name: bool) -> Any:
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    new = dict(old) if isinstance(old, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif by_name and _named(value) and _named(new.get(name)):
            new[name] = _merged_by_name(new[name], value)
        else:
            new[name] = _merged(new.get(name), value, by_name=by_name)
    return new


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, Mapping) and "name" in v for v in value)


def _merged_by_name(old: list[Any], patch: list[Any]) -> list[Any]:
    """Lists of named things, such as containers: how strategic patches merge most lists."""
    new = {item["name"]: item for item in old}
    for item in patch:
        if item.get("$patch") == "delete":
            new.pop(item["name"], None)
        else:
            new[item["name"]] = _merged(new.get(item["name"]), item, by_name=True)
    return list(new.values())


def _operate(document: dict[str, Any], operation: Mapping[str, Any]) -> None:
    """RFC 6902: add, remove, replace, test."""
    *parents, last = [
        part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
    ]
    at: Any = document
    try:
        for part in parents:
            at = at[int(part)] if isinstance(at, list) else at[part]
        _apply(at, last, operation)
    except (KeyError, IndexError, ValueError, TypeError):
        raise InvalidObjectError(
            f"the path {operation['path']} does not fit", status=422, reason="Invalid"
        ) from None


def _apply(at: Any, last: str, operation: Mapping[str, Any]) -> None:
    verb, value = operation["op"], operation.get("value")
    where: Any = last
    if isinstance(at, list):
        where = len(at) if last == "-" else int(last)
    if verb == "add" and isinstance(at, list):
        at.insert(where, value)
    elif verb == "add":
        at[where] = value
    elif verb == "remove":
        del at[where]
    elif verb == "replace":
        _ = at[where]
        at[where] = value
    elif verb == "test" and at[where] != value:
        raise ValueError(f"{operation['path']} has another value")
