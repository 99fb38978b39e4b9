"""JSON pointers (RFC 6901) as ignore rules use them: what they name is taken out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tiphys.model.resource import Manifest


def tokens_of(pointer: str) -> tuple[str, ...] | None:
    """The steps of a pointer; None where it is none, or names the whole object."""
    if not pointer.startswith("/"):
        return None
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def without_pointers(manifest: Manifest, pointers: Iterable[str]) -> Manifest:
    """The manifest without what the pointers name; one that leads nowhere changes nothing."""
    for pointer in pointers:
        tokens = tokens_of(pointer)
        if tokens:
            manifest = _without(manifest, tokens)
    return manifest


def _without(value: Any, tokens: Sequence[str]) -> Any:
    """A copy along the path, or the value itself where the path is not in it."""
    name, rest = tokens[0], tokens[1:]
    match value:
        case Mapping() if name in value:
            if not rest:
                return {key: item for key, item in value.items() if key != name}
            inner = _without(value[name], rest)
            return value if inner is value[name] else {**value, name: inner}
        case list() if (index := position(name, len(value))) is not None:
            if not rest:
                return [*value[:index], *value[index + 1 :]]
            inner = _without(value[index], rest)
            return value if inner is value[index] else [*value[:index], inner, *value[index + 1 :]]
        case _:
            return value


def position(step: str, length: int) -> int | None:
    """A list's index: digits only, without leading zeros, within the list."""
    if not (step.isascii() and step.isdigit()) or (step[0] == "0" and step != "0"):
        return None
    index = int(step) if len(step) < 10 else length
    return index if index < length else None
