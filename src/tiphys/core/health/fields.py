"""Reading a live manifest without trusting its shape.

A judgement must not fail because a field is absent or has another type: what cannot be read
counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def value_at(node: Any, *path: str) -> Any:
    """What stands at a path of field names, None where any part is missing."""
    for name in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(name)
    return node


def number_at(node: Any, *path: str) -> int | None:
    value = value_at(node, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count_at(node: Any, *path: str) -> int:
    """A counter: absent is zero, as in the API's types."""
    return number_at(node, *path) or 0


def text_at(node: Any, *path: str) -> str:
    value = value_at(node, *path)
    return value if isinstance(value, str) else ""


def items_at(node: Any, *path: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; anything else in it is passed over."""
    value = value_at(node, *path)
    if isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, Mapping))


def condition(manifest: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """The entry of status.conditions with this type."""
    found = (c for c in items_at(manifest, "status", "conditions") if text_at(c, "type") == kind)
    return next(found, None)
