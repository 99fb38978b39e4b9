"""Keeps one watch for every kind that the cluster serves, as kinds come and go.

Kinds are announced by CustomResourceDefinitions and APIServices, which are watched like anything
else; a change of them asks discovery again, a few times, for it follows with a delay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from tiphys.core.tree.declared import API_SERVICE, CRD, declaration_of
from tiphys.model.errors import KubeError
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.resource import ApiResource, GroupKind, Manifest, ResourceKey, key_of
from tiphys.services.live.intake import Intake
from tiphys.services.live.kinds import Declarations, KindState, joined, watchable
from tiphys.services.live.ports import Discovery
from tiphys.services.live.scope import Scope
from tiphys.services.live.watcher import KindWatcher, ListsAndWatches

_log = structlog.get_logger(__name__)

# Together about 25 s: how long an API server's discovery may lag behind a definition.
_REDISCOVERIES = (0.02, 0.1, 0.3, 1.0, 2.0, 5.0, 15.0)
_LISTS_AT_ONCE = 6
_AFTER_A_FAULT = 10.0
_REPORT_AFTER = 5.0
# From here only a whole list leads back: what happened meanwhile no watch will tell.
_LIST_LOST = (WatchState.LISTING, WatchState.FORBIDDEN, WatchState.GONE)
_TROUBLES = (WatchState.FAILING, WatchState.FORBIDDEN, WatchState.GONE)

KindsListener = Callable[[frozenset[GroupKind]], None]


class KindFollower:
    """Starts and ends watches; is the sink of all of them."""

    def __init__(
        self,
        reader: ListsAndWatches,
        discovery: Discovery,
        intake: Intake,
        *,
        excluded: Callable[[GroupKind], bool],
        clock: Callable[[], float],
        heard: Callable[[GroupKind], None] = lambda _kind: None,
        scope: Scope | None = None,
    ) -> None:
        self._scope = scope or Scope()
        self._barred: set[GroupKind] = set()
        self._parts: dict[GroupKind, dict[str, KindState]] = {}
        self._reviews: set[asyncio.Task[None]] = set()
        self._heard = heard
        self._reader = reader
        self._discovery = discovery
        self._intake = intake
        self._excluded = excluded
        self._clock = clock
        self._states: dict[GroupKind, KindState] = {}
        self._watches: dict[GroupKind, list[asyncio.Task[None]]] = {}
        self._gate = asyncio.Semaphore(_LISTS_AT_ONCE)
        self._declarations = Declarations()
        self._asked = asyncio.Event()
        self._settled = asyncio.Event()
        self._steady = asyncio.Event()
        self._woken = asyncio.Event()
        self._affected: set[GroupKind] = set()
        self._listeners: list[KindsListener] = []
        self._troubled: list[Callable[[], None]] = []
        self._rediscovering: asyncio.Task[None] | None = None
        self._report: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begins, or once it has begun looks again at which kinds there are."""
        self._barred.clear()
        await self._discovery.refresh()
        self._follow()
        if self._rediscovering is None:
            self._rediscovering = asyncio.create_task(self._rediscover())

    async def settled(self) -> None:
        """Until each kind was listed once, or could not be."""
        await self._settled.wait()

    async def current(self) -> None:
        """Until no kind is disturbed that might not be."""
        await self._steady.wait()

    def resume(self) -> None:
        """Whoever pauses after a failure tries again at once."""
        self._woken.set()
        self._woken = asyncio.Event()

    async def close(self) -> None:
        if self._report is not None:
            self._report.cancel()
        tasks = [task for watches in self._watches.values() for task in watches]
        tasks += self._reviews
        if self._rediscovering is not None:
            tasks.append(self._rediscovering)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watches.clear()
        self._parts.clear()
        self._states.clear()

    def subscribe(self, listener: KindsListener) -> None:
        self._listeners.append(listener)

    def subscribe_troubles(self, listener: Callable[[], None]) -> None:
        """Calls when a watch begins to fail."""
        self._troubled.append(listener)

    @property
    def states(self) -> Mapping[GroupKind, KindState]:
        return self._states

    def resource(self, kind: GroupKind) -> ApiResource | None:
        """How a kind is watched, None where it is not."""
        state = self._states.get(kind)
        return None if state is None else state.resource

    def complete(self, kinds: Iterable[GroupKind]) -> bool:
        now = self._clock()
        states = [self._states.get(kind) for kind in kinds]
        return all(state is not None and state.complete(now) for state in states)

    def exclude(self, excluded: Callable[[GroupKind], bool]) -> None:
        """Another rule of which kinds are left out, from now on."""
        self._excluded = excluded
        self._follow()

    # The sink of the watchers, each of one namespace or of all.

    def replaced(self, resource: ApiResource, objects: ObjectList, namespace: str = "") -> None:
        kind = resource.group_kind
        state = self._parts[kind][namespace]
        if kind in (CRD, API_SERVICE):
            self._declared_all(kind, objects, first=not state.listed)
        self._intake.replaced(resource, objects, namespace)
        self._know(kind, namespace, replace(self._parts[kind][namespace], listed=True))
        self._settle()

    def changed(self, resource: ApiResource, event: WatchEvent, namespace: str = "") -> None:
        self._heard(resource.group_kind)
        self._intake.changed(resource, event, namespace)
        if resource.group_kind in (CRD, API_SERVICE):
            gone = event.verb is WatchVerb.DELETED
            self._declared(key_of(event.manifest), None if gone else event.manifest)

    def fares(self, resource: ApiResource, state: WatchState, namespace: str = "") -> None:
        kind = resource.group_kind
        before = self._parts[kind][namespace]
        listed = before.listed and state not in _LIST_LOST
        now = replace(before, state=state, since=self._clock(), listed=listed)
        self._know(kind, namespace, now)
        if state is WatchState.FORBIDDEN:
            self._review(resource)
        if state is WatchState.GONE:
            self._intake.dropped(kind)
        if state in _TROUBLES and self._report is None:
            loop = asyncio.get_running_loop()
            self._report = loop.call_later(_REPORT_AFTER, self._report_troubles)
        self._settle()
        if state is WatchState.FAILING:
            for listener in self._troubled:
                listener()

    def _know(self, kind: GroupKind, namespace: str, state: KindState) -> None:
        parts = self._parts[kind]
        parts[namespace] = state
        self._states[kind] = joined(parts.values())

    def _review(self, resource: ApiResource) -> None:
        async def review() -> None:
            if await self._scope.drops(resource):
                _log.info("a kind that may not be listed is left out", kind=str(resource.gvk))
                self._barred.add(resource.group_kind)
                self._follow()

        task = asyncio.create_task(review())
        self._reviews.add(task)
        task.add_done_callback(self._reviews.discard)

    def _report_troubles(self) -> None:
        """One line for all kinds: most troubles are the whole server's, and short."""
        self._report = None
        for trouble in _TROUBLES:
            kinds = [kind for kind, state in self._states.items() if state.state is trouble]
            if kinds:
                _log.warning(
                    "kinds are not watched",
                    state=trouble.value,
                    kinds=[str(kind) for kind in kinds[:5]],
                    count=len(kinds),
                )

    # Definitions and discovery.

    def _declared_all(self, kind: GroupKind, objects: ObjectList, *, first: bool) -> None:
        known = set(self._declarations.keys(kind))
        for manifest in objects.items:
            known.discard(key_of(manifest))
            self._declared(key_of(manifest), manifest, quietly=first)
        for key in known:
            self._declared(key, None)

    def _declared(
        self, key: ResourceKey, manifest: Manifest | None, *, quietly: bool = False
    ) -> None:
        """`quietly`: at first sight discovery has just been asked, and only gaps matter."""
        new = declaration_of(manifest) if manifest is not None else None
        affected = self._declarations.changed(key, new)
        if affected is None or (quietly and not self._lagging()):
            return
        self._affected |= affected
        self._asked.set()

    def _lagging(self) -> bool:
        return self._declarations.lag(lambda kind: self._discovery.scope(kind) is not None)

    async def _rediscover(self) -> None:
        while True:
            await self._asked.wait()
            for wait in _REDISCOVERIES:
                await asyncio.sleep(wait)
                self._asked.clear()
                try:
                    await self._discovery.refresh()
                except KubeError as error:
                    _log.warning("discovery failed", error=str(error))
                    continue
                self._follow()
                if not self._lagging():
                    break

    def _follow(self) -> None:
        """Makes the watches those of the kinds that are served now."""
        served = watchable(self._discovery.preferred(), self._excluded)
        wanted = {
            kind: resource
            for kind, resource in served.items()
            if kind not in self._barred and self._scope.holds(resource)
        }
        affected = self._affected
        self._affected = set()
        for kind in [*self._states]:
            state = self._states[kind]
            if wanted.get(kind) != state.resource or state.state is WatchState.GONE:
                for task in self._watches.pop(kind):
                    task.cancel()
                del self._states[kind]
                if kind not in wanted:
                    self._intake.dropped(kind)
                affected.add(kind)
        for kind, resource in wanted.items():
            if kind not in self._states:
                self._begin(resource)
                affected.add(kind)
        self._settle()
        if affected:
            for listener in self._listeners:
                listener(frozenset(affected))

    def _begin(self, resource: ApiResource) -> None:
        kind = resource.group_kind
        new = KindState(resource, WatchState.LISTING, self._clock())
        places = self._scope.places(resource)
        self._parts[kind] = dict.fromkeys(places, new)
        self._states[kind] = new
        self._watches[kind] = [
            asyncio.create_task(self._watch(resource, place), name=f"watch {kind} {place}".strip())
            for place in places
        ]

    async def _watch(self, resource: ApiResource, namespace: str) -> None:
        while True:
            try:
                await KindWatcher(
                    self._reader,
                    resource,
                    _Part(self, namespace),
                    namespace=namespace,
                    gate=self._gate,
                    sleep=self._nap,
                ).run()
                return
            except Exception:
                # A fault of ours on one kind: it shows as not current, and is tried again.
                _log.exception("the watch of a kind failed", kind=str(resource.group_kind))
                self.fares(resource, WatchState.FAILING, namespace)
                await asyncio.sleep(_AFTER_A_FAULT)

    async def _nap(self, seconds: float) -> None:
        woken = self._woken
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            return

    def _settle(self) -> None:
        settled = all(state.settled for state in self._states.values())
        _flag(self._settled, on=settled)
        failing = any(state.state is WatchState.FAILING for state in self._states.values())
        _flag(self._steady, on=settled and not failing)


class _Part:
    """The sink of one watch: says of which namespace it is, empty for all."""

    def __init__(self, follower: KindFollower, namespace: str) -> None:
        self._follower = follower
        self._namespace = namespace

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:
        self._follower.replaced(resource, objects, self._namespace)

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:
        self._follower.changed(resource, event, self._namespace)

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        self._follower.fares(resource, state, self._namespace)


def _flag(event: asyncio.Event, *, on: bool) -> None:
    if on:
        event.set()
    else:
        event.clear()
