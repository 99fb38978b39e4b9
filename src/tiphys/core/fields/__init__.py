"""Leaves parts out of answers, as the query `fields` asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def selected(value: Any, fields: str) -> Any:
    """`fields` is a comma list of dotted paths; a leading `-` excludes instead of keeping. Lists
    are transparent. A path is kept where it is listed, where it leads to a listed one, and where
    it is below one.
    """
    excludes = fields.startswith("-")
    paths = tuple(path for path in fields.removeprefix("-").split(",") if path)
    if not paths:
        return value
    return _excluded(value, "", frozenset(paths)) if excludes else _kept(value, "", paths)


def _kept(value: Any, at: str, paths: tuple[str, ...]) -> Any:
    if isinstance(value, list | tuple):
        return [_kept(item, at, paths) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {}
    for key, item in value.items():
        path = f"{at}.{key}" if at else str(key)
        if path in paths:
            found[key] = item
        elif any(listed.startswith(path) for listed in paths):
            found[key] = _kept(item, path, paths)
    return found


def _excluded(value: Any, at: str, paths: frozenset[str]) -> Any:
    if isinstance(value, list | tuple):
        return [_excluded(item, at, paths) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _excluded(item, path, paths)
        for key, item in value.items()
        if (path := f"{at}.{key}" if at else str(key)) not in paths
    }
