"""`fields`: leaves of an answer what a client asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Fields:
    """`text` is a comma list; a leading `-` leaves the named ones out.

    A path is kept when it is listed, or when a listed one begins with it as text. Lists are looked
    through: what they hold has their path.
    """

    def __init__(self, text: str) -> None:
        self._excludes = text.startswith("-")
        words = text.removeprefix("-").split(",")
        self._listed = frozenset(word.strip() for word in words if word.strip())

    def __bool__(self) -> bool:
        return bool(self._listed)

    def apply(self, value: Any, path: str = "") -> Any:
        if isinstance(value, list | tuple):
            return [self.apply(one, path) for one in value]
        if not isinstance(value, Mapping):
            return value
        found = {}
        for key, one in value.items():
            inner = f"{path}.{key}" if path else key
            if self._excludes:
                if inner not in self._listed:
                    found[key] = self.apply(one, inner)
            elif inner in self._listed:
                found[key] = one
            elif any(listed.startswith(inner) for listed in self._listed):
                found[key] = self.apply(one, inner)
        return found
