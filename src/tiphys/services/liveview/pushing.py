"""Tells whoever listens when the tree of an application changes. Nobody listening costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tiphys.core.diff.normalise import encode
from tiphys.model.live import LiveChange
from tiphys.model.resource import ResourceKey
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.live.ports import LiveIndex

_PAUSE = 0.1
"""Seconds between two trees of one application: what comes close together is one change."""

Tree = Mapping[str, Any]
Make = Callable[[str], Awaitable[Tree | None]]


@dataclass
class _Channel:
    """The listeners of one application. A tree is made once for all of them."""

    listeners: set[asyncio.Event] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    changes: int = 0
    made_at: int = -1
    tree: Tree | None = None
    encoded: bytes = b""

    def tell(self) -> None:
        self.changes += 1
        for listener in self.listeners:
            listener.set()

    async def made(self, make: Callable[[], Awaitable[Tree | None]]) -> tuple[Tree | None, bytes]:
        async with self.lock:
            if self.made_at != self.changes:
                at = self.changes
                self.tree = await make()
                self.encoded = encode(self.tree)
                self.made_at = at
            return self.tree, self.encoded


class TreePushes:
    """`places` says in which namespace what belongs to nobody is part of an application's tree;
    empty for none.
    """

    def __init__(self, make: Make, place: Callable[[str], str]) -> None:
        self._make = make
        self._place = place
        self._channels: dict[str, _Channel] = {}

    @property
    def listened(self) -> int:
        """How many applications somebody listens to."""
        return len(self._channels)

    def touched(self, key: str) -> None:
        """The application was compared, or changed."""
        channel = self._channels.get(key)
        if channel is not None:
            channel.tell()

    def live_changed(self, view: ClusterView, changes: Sequence[LiveChange]) -> None:
        if not self._channels:
            return
        named: set[str] = set()
        for change in changes:
            named |= _instances(change, view.index)
        places = {change.key.namespace for change in changes} - {""}
        for key, channel in tuple(self._channels.items()):
            if key in named or self._place(key) in places:
                channel.tell()

    async def trees(self, key: str) -> AsyncIterator[Tree]:
        """The tree at each change; ends when the application is gone."""
        channel = self._channels.setdefault(key, _Channel())
        changed = asyncio.Event()
        channel.listeners.add(changed)
        last = b""
        try:
            while True:
                await changed.wait()
                changed.clear()
                tree, encoded = await channel.made(lambda: self._make(key))
                if tree is None:
                    return
                if encoded != last:
                    last = encoded
                    yield tree
                await asyncio.sleep(_PAUSE)
        finally:
            channel.listeners.discard(changed)
            if not channel.listeners and self._channels.get(key) is channel:
                del self._channels[key]


def _instances(change: LiveChange, index: LiveIndex) -> set[str]:
    """The applications in whose trees an object is, or was."""
    found = {seen.instance for seen in (change.old, change.new) if seen and seen.instance}
    seen = change.new or change.old
    for owner in () if found or seen is None else seen.owners:
        root = index.root(ResourceKey(owner.group, owner.kind, change.key.namespace, owner.name))
        if root is not None:
            found.add(root.instance)
    return found
