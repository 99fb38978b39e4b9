"""What each caller may see of all applications, kept by difference.

A list or a page must not ask the policies about thousands of applications. What somebody may see
is found out once for the policies that hold, and then follows the changes.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from weakref import WeakValueDictionary

from tiphys.core.listing.asking import Filters, Page, Sort
from tiphys.core.listing.facts import Facts, Statistics, facts_of
from tiphys.model.access import Caller
from tiphys.model.resource import Manifest
from tiphys.services.access.ports import Access
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.catalogue import ApplicationCatalogue, CatalogueEvent
from tiphys.services.applications.shown import Shown
from tiphys.services.applications.validation import project_of

Key = tuple[str, str]
"""Name and namespace: the order of lists."""

_SETS = 64
"""So many are kept that nobody holds; whoever watches holds his own."""
_AT_ONCE = 200
"""Decisions before others get their turn."""
_FEW = 100


class Entry:
    """One application as it is now."""

    __slots__ = ("facts", "shown")

    def __init__(self, manifest: Manifest) -> None:
        self.facts = facts_of(manifest)
        self.shown = Shown(manifest)


class Roster:
    """Follows the catalogue for as long as that lives."""

    def __init__(
        self, catalogue: ApplicationCatalogue, app_access: AppAccess, access: Access
    ) -> None:
        self._catalogue = catalogue
        self._app_access = app_access
        self._access = access
        self._entries: dict[Key, Entry] = {}
        self._sets: WeakValueDictionary[object, Visible] = WeakValueDictionary()
        self._latest: OrderedDict[object, Visible] = OrderedDict()
        self._serial = 0
        for manifest in catalogue:
            entry = Entry(manifest)
            self._entries[entry.facts.key] = entry
        catalogue.follow(self._changed)

    @property
    def version(self) -> str:
        return self._catalogue.version

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def keys(self) -> Iterable[Key]:
        return self._entries.keys()

    def entries(self) -> Iterable[Entry]:
        return self._entries.values()

    def allows(self, caller: Caller, manifest: Manifest) -> bool:
        return self._app_access.allows(caller, "get", manifest)

    def of(self, caller: Caller) -> Visible:
        """What a caller may see, perhaps not up to date yet. Raises ApiError."""
        version = self._access.version
        who = self._who(caller)
        found = self._sets.get(who)
        if found is None or found.policies is not version:
            self._serial += 1
            found = self._sets[who] = Visible(self, caller, version, self._serial)
        self._latest[who] = found
        self._latest.move_to_end(who)
        while len(self._latest) > _SETS:
            self._latest.popitem(last=False)
        return found

    async def visible(self, caller: Caller) -> Visible:
        """What a caller may see now. Raises ApiError."""
        while True:
            found = self.of(caller)
            await found.ready()
            # Policies may have changed while it was made; what is left behind follows nothing.
            if self.of(caller) is found:
                return found

    def _who(self, caller: Caller) -> object:
        """All of a caller that policies look at."""
        if caller.everything:
            return True
        return (
            caller.is_anonymous,
            caller.issuer,
            caller.subject,
            tuple(self._access.groups(caller)),
        )

    def _changed(self, event: CatalogueEvent) -> None:
        if event.gone:
            metadata = event.manifest["metadata"]
            key = (metadata["name"], metadata.get("namespace", ""))
            self._entries.pop(key, None)
        else:
            entry = Entry(event.manifest)
            key = entry.facts.key
            self._entries[key] = entry
        for visible in self._sets.values():
            visible.outdate(key)


class Visible:
    """The applications that one caller may see under one version of the policies.

    `stamp` is another number after each change of what is seen.
    """

    def __init__(self, roster: Roster, caller: Caller, policies: object, serial: int) -> None:
        self._roster = roster
        self._caller = caller
        self.policies = policies
        self.serial = serial
        self.stamp = 0
        self.statistics = Statistics()
        self._outdated: set[Key] | None = None
        self._seen: dict[Key, Facts] = {}
        self._answers: dict[Key, tuple[str, bool]] = {}
        self._order: list[Key] = []
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def sees(self, manifest: Manifest) -> bool:
        """Of an application as it is or was. Raises ApiError."""
        metadata = manifest["metadata"]
        key = (metadata["name"], metadata.get("namespace", ""))
        return self._allowed(key, project_of(manifest), manifest)

    def outdate(self, key: Key) -> None:
        """An application came, changed or went. Who only watches is told nothing by that."""
        if self._outdated is not None:
            self._outdated.add(key)
        elif len(self._answers) > 2 * len(self._roster) + _FEW:
            # Of what is gone by now, mostly: nobody who only watches takes that away.
            self._answers.clear()

    async def ready(self) -> None:
        """Until everything that was heard is taken in. Raises ApiError."""
        async with self._turn:
            many = False
            if self._outdated is None:
                self._outdated = set(self._roster.keys())
            outdated = self._outdated
            try:
                while outdated:
                    many = many or len(outdated) > _FEW
                    for _ in range(min(len(outdated), _AT_ONCE)):
                        key = next(iter(outdated))
                        self._take(key, sorting=not many)
                        outdated.discard(key)
                    if many:
                        await asyncio.sleep(0)
            finally:
                if many:
                    self._order = sorted(self._seen)

    def select(self, filters: Filters, page: Page) -> tuple[Sequence[Key], int]:
        """The keys of a page, and how many come after it."""
        keys: Sequence[Key] = self._order
        seen = self._seen
        if not filters.empty:
            keys = [key for key in keys if filters.passes(seen[key])]
        if page.sort is not Sort.NAME:
            keys = sorted(keys, key=lambda key: page.place(seen[key]))
        if page.descending:
            keys = keys[::-1]
        start = self._start(keys, page)
        end = start + page.limit if page.limit else len(keys)
        return keys[start:end], max(len(keys) - end, 0)

    def facts(self, key: Key) -> Facts:
        return self._seen[key]

    def shown(self, key: Key) -> Shown:
        entry = self._roster.entry(key)
        assert entry is not None, "what is seen is on the roster"  # noqa: S101
        return entry.shown

    def _start(self, keys: Sequence[Key], page: Page) -> int:
        if page.after is None:
            return 0
        # Where the last page ended may be gone by now: what follows it is still there.
        low, high = 0, len(keys)
        while low < high:
            middle = (low + high) // 2
            place = page.place(self._seen[keys[middle]])
            before = place >= page.after if page.descending else place <= page.after
            low, high = (middle + 1, high) if before else (low, middle)
        return low

    def _take(self, key: Key, *, sorting: bool) -> None:
        entry = self._roster.entry(key)
        known = self._seen.get(key)
        facts = entry.facts if entry is not None else None
        if entry is None or facts is None:
            self._answers.pop(key, None)
        elif not self._allowed(key, facts.project, entry.shown.manifest):
            facts = None
        if known is None and facts is None:
            return
        self.stamp += 1
        if known is not None:
            self.statistics.remove(known)
        if facts is not None:
            self.statistics.add(facts)
            self._seen[key] = facts
        else:
            del self._seen[key]
        if sorting:
            self._place(key, known, facts)

    def _place(self, key: Key, known: Facts | None, facts: Facts | None) -> None:
        if known is None:
            insort(self._order, key)
        elif facts is None:
            del self._order[bisect_left(self._order, key)]

    def _allowed(self, key: Key, project: str, manifest: Manifest) -> bool:
        """Asked once: policies look at the project and at nothing else that can change."""
        asked = self._answers.get(key)
        if asked is not None and asked[0] == project:
            return asked[1]
        allowed = self._roster.allows(self._caller, manifest)
        self._answers[key] = (project, allowed)
        return allowed
