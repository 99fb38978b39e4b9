"""Values of ConfigMaps that stand in Secrets: `$key`, or `$name:key` for another Secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Secrets = Callable[[str], Mapping[str, str]]
"""The texts of a Secret by name, empty where there is none; the empty name is the usual one."""


def resolved(value: Any, secrets: Secrets) -> Any:
    """A document with its references followed. One that leads nowhere stays as it is."""
    if isinstance(value, str):
        return _text(value, secrets)
    if isinstance(value, Mapping):
        return {key: resolved(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, secrets) for item in value]
    return value


def _text(value: str, secrets: Secrets) -> str:
    if not value.startswith("$"):
        return value
    name, colon, key = value[1:].partition(":")
    if not colon:
        name, key = "", name
    found = secrets(name.strip()).get(key.strip())
    return value if found is None else found.strip()
