"""A way down into a payload that anybody may have written: every step is asked what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from tiphys.core.webhook.errors import RefusedError

MOST_VALUES = 2_000_000
"""Of a payload; one of fifty megabytes may hold far more, and need a hundred times its size."""


class Node:
    """A value of a payload, and where it stands. Raises RefusedError for what is another kind."""

    def __init__(self, value: Any, path: str = "") -> None:
        self._value = value
        self._path = path

    @classmethod
    def parse(cls, body: bytes) -> Node:
        """An object; nesting is bounded by the parser."""
        if sum(map(body.count, (b"[", b"{", b","))) > MOST_VALUES:
            raise RefusedError("the payload holds too many values")
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise RefusedError("the payload is no JSON") from None
        if not isinstance(value, dict):
            raise RefusedError("the payload is no JSON object")
        return cls(value)

    def at(self, *names: str) -> Node:
        """A value inside that has to be there."""
        node = self
        for name in names:
            value = node._object().get(name)
            node = Node(value, f"{node._path}.{name}".lstrip("."))
        return node

    @property
    def missing(self) -> bool:
        """Whether there is nothing, or null."""
        return self._value is None

    def text(self, *names: str) -> str:
        """A text inside, empty where there is none."""
        node = self.at(*names)
        if node.missing:
            return ""
        if not isinstance(node._value, str):
            raise RefusedError(f"{node._path} is no text")
        return node._value

    def required(self, *names: str) -> str:
        found = self.text(*names)
        if not found:
            raise RefusedError(f"{self.at(*names)._path} is missing")
        return found

    def items(self, *names: str) -> Sequence[Node]:
        """The entries of a list inside, none where there is no list."""
        node = self.at(*names)
        if node.missing:
            return ()
        if not isinstance(node._value, list):
            raise RefusedError(f"{node._path} is no list")
        return [Node(one, f"{node._path}[{at}]") for at, one in enumerate(node._value)]

    def texts(self, *names: str) -> Sequence[str]:
        return [one.text() for one in self.items(*names)]

    def _object(self) -> dict[str, Any]:
        if not isinstance(self._value, dict):
            raise RefusedError(f"{self._path} is no object")
        return self._value
