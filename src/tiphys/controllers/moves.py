"""What becomes of a new commit: those whose folder it touches first, the others without hurry.

Most commits of a large repository are equal for most applications. That is found out by what
their last render read, and told when nothing else is to be done.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from tiphys.controllers.queue import KeyedQueue
from tiphys.core.settings import Settings
from tiphys.core.source.url import without_user
from tiphys.model.application import Application
from tiphys.model.errors import TiphysError
from tiphys.model.repository import Place
from tiphys.model.status import CompareLevel
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()

_UNCHANGED_PER_SECOND = 100.0
"""How fast statuses are told that a new commit is equal for them."""


class Passes(Protocol):
    """Where passes are asked for."""

    def request(self, name: str, level: CompareLevel) -> None: ...

    def add(self, name: str, *, after: float = 0.0, low: bool = False) -> None: ...


@dataclass
class Moves:
    """`queue` holds those that are still to be looked at; `check` does so, one at a time each."""

    store: ApplicationStore
    memories: Memories
    desired: DesiredState
    settings: Callable[[], Settings]
    passes: Passes
    queue: KeyedQueue
    _noted: dict[str, dict[int, str]] = field(default_factory=dict)

    def forget(self, name: str) -> None:
        self.queue.forget(name)
        self._noted.pop(name, None)

    def note(self, name: str, moved: Mapping[int, str]) -> None:
        """Sources of an application, by index, are at these revisions now; `sort` has to follow."""
        self._noted.setdefault(name, {}).update(moved)

    async def sort(self, place: Place, moved: Mapping[str, Application]) -> None:
        """Applications with a source here whose own folder changed go first, and need no further
        look.
        """
        noted = {name: dict(self._noted[name]) for name in moved if name in self._noted}
        apps = {name: moved[name] for name in noted}
        try:
            touched = await self.desired.touched(apps, place, noted)
        except TiphysError as error:
            url = without_user(place.repository.url)
            log.warning("changes are not known by folder", repository=url, error=str(error))
            touched = set()
        except Exception:
            # Which comes first is only a hint.
            log.exception("unexpected fault")
            touched = set()
        for name in sorted(apps, key=lambda one: one not in touched):
            if self.store.get(name) is None:
                continue
            if name in touched:
                self._noted.pop(name, None)
                self.passes.request(name, CompareLevel.LATEST)
            else:
                self.queue.add(name)

    async def check(self, name: str) -> None:
        """A commit that is equal for an application is told when nothing else is to be done."""
        app = self.store.get(name)
        moved = self._noted.pop(name, None)
        if app is None or not moved:
            return
        memory = self.memories.of(name)
        memory.request(CompareLevel.LATEST)
        try:
            equal = await self.desired.unchanged(app, memory, moved)
        except TiphysError:
            # The comparison will say what is wrong.
            equal = False
        if equal:
            waiting = len(self.queue) / _UNCHANGED_PER_SECOND
            spread = min(self.settings().reconciliation, waiting + 1.0) * random.random()  # noqa: S311
            self.passes.add(name, after=spread, low=True)
        elif self.store.get(name) is not None:
            self.passes.add(name)
