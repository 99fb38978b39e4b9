"""Changes that wake nobody, because all that changed is what the settings say to overlook.

Nothing is hashed before it changes: the old version is kept of what is tracked. What has to ask
the evaluator is told a moment later, where it differs after all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

import structlog

from tiphys.model.live import LiveChange
from tiphys.model.resource import Manifest, ResourceKey

_log = structlog.get_logger(__name__)
_BATCH = 0.1


class UpdateHashes(Protocol):
    """Hashes of objects without what is overlooked; an empty one differs from all."""

    def concerns(self, manifest: Manifest, *, tracked: bool) -> bool: ...

    def needs_jq(self, key: ResourceKey) -> bool: ...

    def hash(self, manifest: Manifest) -> str: ...

    async def hashes(self, manifests: Sequence[Manifest]) -> Sequence[str]: ...


class QuietChanges:
    """`tell` hears of every change that is not overlooked."""

    def __init__(self, hashes: UpdateHashes, tell: Callable[[LiveChange], None]) -> None:
        self._hashes = hashes
        self._tell = tell
        self._doubtful: dict[ResourceKey, tuple[LiveChange, list[Manifest]]] = {}
        self._asking: asyncio.Task[None] | None = None

    def changed(self, change: LiveChange, before: Manifest | None, after: Manifest) -> None:
        """`before` is the version that was known, None where only facts were kept of it."""
        if before is None or not self._may_be_quiet(change, after):
            self._tell(change)
        elif not self._hashes.needs_jq(change.key):
            if not _equal(self._hashes.hash(before), self._hashes.hash(after)):
                self._tell(change)
        else:
            self._ask(change, before, after)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _may_be_quiet(self, change: LiveChange, after: Manifest) -> bool:
        old, new = change.old, change.new
        if old is None or new is None or old.uid != new.uid or old.instance != new.instance:
            return False
        if (old.health and old.health.status) != (new.health and new.health.status):
            return False
        return self._hashes.concerns(after, tracked=bool(new.instance))

    def _ask(self, change: LiveChange, before: Manifest, after: Manifest) -> None:
        known = self._doubtful.pop(change.key, None)
        versions = [before, after]
        if known is not None:
            # Several versions within one batch. What went and came back was seen by others between.
            change = LiveChange(change.key, known[0].old, change.new)
            versions = [*known[1], after]
        self._doubtful[change.key] = (change, versions)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._answer())

    async def _answer(self) -> None:
        while self._doubtful:
            await asyncio.sleep(_BATCH)
            batch = [*self._doubtful.values()]
            self._doubtful.clear()
            versions = [one for _, chain in batch for one in chain]
            try:
                found = await self._hashes.hashes(versions)
            except Exception:
                # What is overlooked by a fault of ours would never be seen.
                _log.exception("changes cannot be judged")
                found = [""] * len(versions)
            hashes = iter(found)
            for change, chain in batch:
                first, *rest = islice(hashes, len(chain))
                if not all(_equal(first, one) for one in rest):
                    self._tell(change)


def _equal(one: str, other: str) -> bool:
    return bool(one) and one == other
