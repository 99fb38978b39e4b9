"""Streams of what happens to applications: each event is made once, whoever reads it.

A reader that is slow loses events, and hinders nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from tiphys.core.app.treehealth import wants_health
from tiphys.core.listing.asking import ALL, Filters
from tiphys.core.listing.facts import Facts, facts_of
from tiphys.model.access import Caller
from tiphys.model.errors import ApiError
from tiphys.model.resource import Manifest
from tiphys.services.applications.catalogue import (
    ApplicationCatalogue,
    CatalogueEvent,
    version_number,
)
from tiphys.services.applications.roster import Roster, Visible
from tiphys.services.applications.shown import Shown, ShownEvent

BUFFER = 1000
_ADDED = "ADDED"

Judge = Callable[[Manifest], Awaitable[Manifest]]
"""Gives an application the health of its objects."""


@dataclass(frozen=True, slots=True)
class WatchAsked:
    """`version` is the contract's: what is older is not told. `listed`: all that there are come
    first.
    """

    filters: Filters = ALL
    version: int = 0
    listed: bool = True


class _Event:
    """What happened, as all readers share it."""

    __slots__ = ("_judged", "facts", "manifest", "shown")

    def __init__(self, event: CatalogueEvent) -> None:
        self.manifest = event.manifest
        self.facts = facts_of(event.manifest)
        self.shown = ShownEvent(event.verb.value, Shown(event.manifest))
        self._judged: asyncio.Task[ShownEvent] | None = None

    async def judged(self, judge: Judge) -> ShownEvent:
        """With health: asked for once, when the first reader comes for it."""
        if not wants_health(self.manifest):
            return self.shown
        if self._judged is None:
            self._judged = asyncio.create_task(self._with_health(judge))
        # A reader that leaves must not take the answer away from the others.
        return await asyncio.shield(self._judged)

    async def _with_health(self, judge: Judge) -> ShownEvent:
        found = await judge(self.manifest)
        return self.shown if found is self.manifest else ShownEvent(self.shown.kind, Shown(found))


class Following:
    """`enabled` says whether applications may be in a namespace."""

    def __init__(
        self,
        catalogue: ApplicationCatalogue,
        roster: Roster,
        judge: Judge,
        enabled: Callable[[str], bool],
        *,
        buffer: int = BUFFER,
    ) -> None:
        self._roster = roster
        self._judge = judge
        self._enabled = enabled
        self._buffer = buffer
        self._readers: set[_Reader] = set()
        catalogue.follow(self._heard)

    @property
    def readers(self) -> int:
        return len(self._readers)

    async def events(self, caller: Caller, asked: WatchAsked) -> AsyncGenerator[ShownEvent, None]:
        """Without end; who leaves has to close it. Raises ApiError."""
        reader = _Reader(caller, asked, self._buffer)
        present = self._present(asked) if asked.listed else []
        # From here on nothing is missed, however long it takes to tell what there is.
        self._readers.add(reader)
        try:
            for shown in present:
                if self._roster.of(caller).sees(shown.manifest):
                    yield await self._added(shown)
            while True:
                event = await reader.next()
                yield await event.judged(self._judge)
        finally:
            self._readers.discard(reader)

    async def _added(self, shown: Shown) -> ShownEvent:
        judged = await self._judge(shown.manifest)
        return ShownEvent(_ADDED, shown if judged is shown.manifest else Shown(judged))

    def _present(self, asked: WatchAsked) -> list[Shown]:
        found = [
            entry
            for entry in self._roster.entries()
            if self._concerns(asked, entry.facts, entry.shown.manifest)
        ]
        found.sort(key=lambda entry: f"{entry.facts.namespace}/{entry.facts.name}")
        return [entry.shown for entry in found]

    def _concerns(self, asked: WatchAsked, facts: Facts, manifest: Manifest) -> bool:
        return (
            asked.filters.passes(facts)
            and version_number(manifest) >= asked.version
            and self._enabled(facts.namespace)
        )

    def _heard(self, event: CatalogueEvent) -> None:
        if not self._readers:
            return
        made = _Event(event)
        for reader in tuple(self._readers):
            if self._concerns(reader.asked, made.facts, made.manifest) and self._sees(
                reader, made.manifest
            ):
                reader.put(made)

    def _sees(self, reader: _Reader, manifest: Manifest) -> bool:
        try:
            reader.visible = self._roster.of(reader.caller)
            return reader.visible.sees(manifest)
        except ApiError:
            # The policies cannot be read: nobody sees anything.
            return False


class _Reader:
    """What one reader has not read yet. What does not find room is left out.

    `visible` is held so that it is not made anew for each event.
    """

    def __init__(self, caller: Caller, asked: WatchAsked, most: int) -> None:
        self.caller = caller
        self.visible: Visible | None = None
        self.asked = asked
        self._most = most
        self._waiting: deque[_Event] = deque()
        self._some = asyncio.Event()

    def put(self, event: _Event) -> None:
        if len(self._waiting) < self._most:
            self._waiting.append(event)
            self._some.set()

    async def next(self) -> _Event:
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()
