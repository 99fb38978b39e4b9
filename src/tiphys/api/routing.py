"""Which method a path of REST is, by the contract's templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote, unquote

T = TypeVar("T")

_KEPT = ("/api/v1/clusters/", "/api/v1/repositories/", "/api/v1/repocreds/")
"""Below these, what is escaped stays so: their last names are URLs, with slashes of their own."""

_LONG = frozenset({"/api/v1/account/can-i/{resource}/{action}/{subresource}"})
"""Templates whose last name takes all that is left of a path: objects have slashes."""


@dataclass(slots=True)
class _Node(Generic[T]):
    named: dict[str, _Node[T]] = field(default_factory=dict)
    any: _Node[T] | None = None
    is_long: bool = False
    ends: dict[str, tuple[T, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    target: T
    names: dict[str, str]


class Routes(Generic[T]):
    """A word of a template beats a name in its place."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, verb: str, template: str, target: T) -> None:
        node, names = self._root, []
        for part in template.strip("/").split("/"):
            if part.startswith("{"):
                names.append(part[1:-1])
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.named.setdefault(part, _Node())
        node.is_long = template in _LONG
        node.ends[verb] = target, tuple(names)

    def find(self, verb: str, path: str) -> Found[T] | None:
        for node, values in self._ends(path):
            if verb in node.ends:
                target, names = node.ends[verb]
                return Found(target, dict(zip(names, values, strict=True)))
        return None

    def knows(self, path: str) -> bool:
        return any(node.ends for node, _ in self._ends(path))

    def _ends(self, path: str) -> Iterator[tuple[_Node[T], tuple[str, ...]]]:
        parts = path[1:].split("/")
        # What follows a colon names a verb, and no template has one.
        if ":" not in parts[-1]:
            yield from _walk(self._root, parts, 0, ())


def _walk(
    node: _Node[T], parts: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[_Node[T], tuple[str, ...]]]:
    if at == len(parts):
        yield node, values
        return
    word = node.named.get(parts[at])
    if word is not None:
        yield from _walk(word, parts, at + 1, values)
    if node.any is not None:
        yield from _walk(node.any, parts, at + 1, (*values, parts[at]))
        if node.any.is_long and at + 1 < len(parts):
            yield node.any, (*values, "/".join(parts[at:]))


def routed_path(raw: bytes) -> str:
    """The path as templates are compared with it."""
    text = raw.decode("latin-1")
    if "%" not in text:
        return text
    plain = unquote(text)
    escaped_otherwise = quote(plain, safe="/$&+,:;=@~-_.") != text
    return text if escaped_otherwise and text.startswith(_KEPT) else plain
