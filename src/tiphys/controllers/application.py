"""The application loop: events in, passes and operations out.

Whatever happens becomes a key in a queue. A key is worked on by one worker at a time, so that
two passes over one application never overlap; operations run beside passes, each as a task of
its own, so that one that waits for a hook holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from tiphys.controllers.interest import Concern, PlaceInterest, SourceInterest, concerned
from tiphys.controllers.moves import Moves
from tiphys.controllers.queue import KeyedQueue
from tiphys.controllers.workers import Workers
from tiphys.core.app.spec import DEFAULT_PROJECT, automation
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster
from tiphys.model.errors import DestinationError, ManifestDecodeError, TiphysError
from tiphys.model.live import LiveChange
from tiphys.model.names import ANNOTATION_DELETION_APPROVED, ANNOTATION_REFRESH
from tiphys.model.repository import Asked, Place
from tiphys.model.status import CompareLevel, OperationPhase
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.reconcile.again import Again, skips
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.logs import app_fields
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.starting import in_progress
from tiphys.services.reconcile.store import AppChange, ApplicationStore
from tiphys.services.sources.refs import RefWatcher
from tiphys.services.turns.whereabouts import cluster_group, repository_group

log = structlog.get_logger()

_AFTER_ERROR = 2.0
_AFTER_FAULT = 10.0
_LONGEST_WAIT = 120.0
"""Seconds until work that failed is tried again, twice as long each further time."""
_MOVES_AT_ONCE = 2
"""How many applications are looked at side by side for whether a commit means something."""

_WHILE_LEAVING = 3.0
"""Seconds until an application that is being deleted is compared: most are gone by then."""
_WHILE_SYNCING = 0.5
_LONGEST_LOOK_PAUSE = 10.0
_LOOK_SHARE = 20.0
_LOOKS_PER_SECOND = 25.0
"""While a sync runs its application is compared after a pause of seconds: of so many times what
the last pass took, and so that no more than so many syncs are looked at in a second, within these
bounds. What came of a sync is told by its end.
"""

Step = Callable[[str], Awaitable[Again | None]]


class Operations(Protocol):
    """Runs operations and deletions; one call at a time for one application."""

    async def operate(self, name: str) -> Again | None: ...

    def terminate(self, name: str) -> None:
        """Tells a running operation to end; does nothing where none runs."""
        ...

    def approve(self, name: str) -> None:
        """Somebody may have agreed to deletions that a running operation waits for."""
        ...

    def abandon(self, name: str) -> None:
        """The Application is gone: a running operation stops at once."""
        ...

    def under_way(self) -> int:
        """How many operations run."""
        ...


class ApplicationController:
    """`start` wires the events and begins; `close` ends all workers, operations included.

    `counts_orphans` says whether an application looks for what belongs to nobody.
    """

    def __init__(
        self,
        store: ApplicationStore,
        memories: Memories,
        clusters: Clusters,
        refs: RefWatcher,
        desired: DesiredState,
        refresh: Step,
        operations: Operations,
        settings: Callable[[], Settings],
        *,
        counts_orphans: Callable[[Application], bool] = lambda _app: False,
    ) -> None:
        self._store = store
        self._memories = memories
        self._clusters = clusters
        self._refs = refs
        self._refresh = refresh
        self._operations = operations
        self._counts_orphans = counts_orphans
        self._interest = SourceInterest(desired.place)
        self._places = PlaceInterest()
        self._passing = Workers(
            self._pass, slots=lambda: settings().status_processors, groups=self._groups
        )
        self._passes = self._passing.queue
        self._moving = Workers(self._move, slots=lambda: _MOVES_AT_ONCE, groups=self._groups)
        self._moves = Moves(store, memories, desired, settings, self, self._moving.queue)
        self._running = KeyedQueue()
        self._failures: dict[tuple[KeyedQueue, str], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._store.listener = self._app_changed
        self._clusters.follow(self._live_changed)
        self._clusters.subscribe(self._cluster_changed)
        self._refs.listen(self._refs_moved)
        for name in self._store.names():
            self._app_changed(AppChange(name, None, self._store.get(name)))
        self._spawn(self._passing.run())
        self._spawn(self._moving.run())
        self._spawn(self._launch())

    async def close(self) -> None:
        self._running.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(
            self._passing.close(), self._moving.close(), *tasks, return_exceptions=True
        )

    def request(self, name: str, level: CompareLevel) -> None:
        """Asks for a pass of at least this level."""
        self._memories.of(name).request(level)
        self._passes.add(name)

    def add(self, name: str, *, after: float = 0.0, low: bool = False) -> None:
        """Has the ladder looked at; `low` when nothing else is to be done."""
        self._passes.add(name, after=after, low=low)

    def request_all(self, level: CompareLevel) -> None:
        for name in self._store.names():
            self.request(name, level)

    def look_again(self, name: str, level: CompareLevel) -> None:
        """What speaks against an application changed: a deletion may have waited for it too,
        and an operation for a sync window.
        """
        app = self._store.get(name)
        if app is None or self._left_alone(app):
            return
        self.request(name, level)
        if app.metadata.deletion_timestamp or in_progress(app):
            self._running.add(name)

    def look_at_repositories(self, concerns: Callable[[str, str], bool]) -> None:
        """Those whose repository URL and project are concerned."""
        for name in self._store.names():
            app = self._store.get(name)
            if app is None:
                continue
            spec = app.raw.get("spec") or {}
            project = spec.get("project") or DEFAULT_PROJECT
            if any(concerns(url, project) for url in _urls(spec)):
                self._watch(*self._interest.follow(name, app))
                self.look_again(name, CompareLevel.LATEST)

    # -- events -------------------------------------------------------------------------------

    def _app_changed(self, change: AppChange) -> None:
        app = change.new
        if app is None:
            self._forget(change.name)
            return
        old = change.old
        if old is not None and old.uid != app.uid:
            # Another one of the same name: nothing that is known is about this one.
            self._forget(change.name)
            old = None
        self._watch(*self._interest.follow(change.name, app))
        destination = _destination(app)
        self._clusters.hold(change.name, destination)
        self._places.follow(change.name, destination.namespace if destination else "")
        if _must_end(app):
            self._operations.terminate(change.name)
        if ANNOTATION_DELETION_APPROVED in app.metadata.annotations and in_progress(app):
            self._operations.approve(change.name)
        if self._left_alone(app):
            return
        self._ask_for_pass(change.name, old, app)
        if in_progress(app) or app.raw.get("operation") or app.metadata.deletion_timestamp:
            self._running.add(change.name)

    def _ask_for_pass(self, key: str, old: Application | None, app: Application) -> None:
        memory = self._memories.of(key)
        if old is None or skips(old):
            # What happened while no one looked is found out by a comparison; the watcher of its
            # repository learns by that, too, which revision is followed.
            memory.request(CompareLevel.LATEST)
        elif _switched_on(old, app):
            log.info("Enabled automated sync", **app_fields(app))
            memory.request(CompareLevel.LATEST)
        elif old.raw.get("spec") != app.raw.get("spec"):
            # What the ladder does not look at may change what follows from a comparison.
            memory.request(CompareLevel.RECENT)
        asked = ANNOTATION_REFRESH in app.metadata.annotations
        leaving = bool(app.metadata.deletion_timestamp) and not asked
        self._passes.add(key, after=_WHILE_LEAVING if leaving else 0.0)

    def _forget(self, name: str) -> None:
        self._watch((), self._interest.drop(name))
        self._clusters.hold(name, None)
        self._places.follow(name, "")
        self._operations.abandon(name)
        self._moves.forget(name)
        for queue in (self._passes, self._running, self._moves.queue):
            queue.forget(name)
            self._failures.pop((queue, name), None)
        self._memories.forget(name)

    def _left_alone(self, app: Application) -> bool:
        """Whether it asks for it itself, or the Secret of its cluster does."""
        if skips(app):
            return True
        try:
            return self._clusters.resolve(app.spec.destination).skipped
        except (DestinationError, ManifestDecodeError):
            return False

    def _watch(self, came: Sequence[Place], went: Sequence[Place]) -> None:
        for place in came:
            self._refs.watch(place)
        for place in went:
            self._refs.unwatch(place)

    def _cluster_changed(self, cluster: Cluster) -> None:
        """It came or went, or its connection did: what waited for it, or rested on it, goes on."""
        for name in self._clusters.users(cluster):
            app = self._store.get(name)
            if app is None or self._left_alone(app):
                continue
            self.request(name, CompareLevel.LATEST)
            if in_progress(app) or app.raw.get("operation") or app.metadata.deletion_timestamp:
                self._running.add(name)

    def _live_changed(self, view: ClusterView, changes: Sequence[LiveChange]) -> None:
        for concern in concerned(changes, view.index):
            if concern.instance:
                self._tell_of(concern.instance, concern, view)
                continue
            for name in self._places.at(concern.change.key.namespace):
                app = self._store.get(name)
                if app is None or not self._counts_orphans(app) or _is(concern, app):
                    continue
                self._tell_of(name, concern, view)

    def _tell_of(self, name: str, concern: Concern, view: ClusterView) -> None:
        app = self._store.get(name)
        if app is None or self._left_alone(app) or not self._goes_to(app, view):
            return
        say = log.info if concern.level is CompareLevel.RECENT else log.debug
        say(
            "Requesting app refresh caused by object update",
            **app_fields(app),
            **_object_fields(concern.change, view),
            **{"comparison-level": concern.level.value},
        )
        memory = self._memories.of(name)
        memory.request(concern.level)
        # A sync changes its objects one after the other: its end tells what came of it, and until
        # then the more a look costs, the rarer it is taken.
        pause = _WHILE_SYNCING if in_progress(app) else 0.0
        if pause:
            crowd = self._operations.under_way() / _LOOKS_PER_SECOND
            pause = max(pause, memory.pass_seconds * _LOOK_SHARE, crowd)
            pause = min(pause, _LONGEST_LOOK_PAUSE)
        if app.metadata.deletion_timestamp:
            pause = max(pause, _WHILE_LEAVING)
            self._running.add(name)
        self._passes.add(name, after=pause)

    def _goes_to(self, app: Application, view: ClusterView) -> bool:
        """Objects on other clusters may carry its name in their tracking, and are none of its."""
        try:
            return self._clusters.resolve(app.spec.destination).server == view.server
        except (DestinationError, ManifestDecodeError):
            return False

    def _refs_moved(self, place: Place, news: Mapping[Asked, str]) -> None:
        moved = {}
        for name, revisions in self._interest.moved(place, news):
            app = self._store.get(name)
            if app is None or self._left_alone(app):
                continue
            if in_progress(app):
                # A retry that waits may be about to be made of this commit.
                self._running.add(name)
            if revisions and all(revisions.values()):
                self._moves.note(name, revisions)
                moved[name] = app
            else:
                self.request(name, CompareLevel.LATEST)
        if moved:
            self._spawn(self._moves.sort(place, moved))

    # -- workers ------------------------------------------------------------------------------

    def _groups(self, name: str) -> Sequence[str]:
        """What the work on an application may wait for."""
        app = self._store.get(name)
        destination = _destination(app) if app is not None else None
        if destination is None:
            return ()
        cluster = cluster_group(destination.server, destination.name)
        return *map(repository_group, self._interest.urls(name)), cluster

    async def _pass(self, name: str) -> None:
        await self._one(self._passes, name, self._refresh)

    async def _move(self, name: str) -> None:
        await self._one(self._moves.queue, name, self._moves.check)

    async def _launch(self) -> None:
        """Operations wait long; each runs in its own task, one an application."""
        while True:
            name = await self._running.get()
            self._spawn(self._one(self._running, name, self._operations.operate))

    async def _one(self, queue: KeyedQueue, name: str, step: Step) -> None:
        again: Again | None = None
        app = self._store.get(name)
        if app is not None:
            structlog.contextvars.bind_contextvars(**app_fields(app))
        try:
            again = await step(name)
            self._failures.pop((queue, name), None)
        except TiphysError as error:
            log.warning("will be tried again", error=str(error))
            again = self._later(queue, name, _AFTER_ERROR)
        except Exception:
            # A fault of ours on one application must not stop the others.
            log.exception("unexpected fault")
            again = self._later(queue, name, _AFTER_FAULT)
        finally:
            queue.done(name)
        if again is not None and self._store.get(name) is not None:
            queue.add(name, after=again.seconds)

    def _later(self, queue: KeyedQueue, name: str, first: float) -> Again:
        if self._store.get(name) is None:
            return Again(first)
        count = self._failures.get((queue, name), 0)
        self._failures[queue, name] = count + 1
        return Again(min(first * 2.0 ** min(count, 10), _LONGEST_WAIT))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _urls(spec: Mapping[str, Any]) -> set[str]:
    """Of all sources of a spec that may be one that cannot be read."""
    sources = spec.get("sources") or [spec.get("source")]
    urls = {one.get("repoURL") for one in sources if isinstance(one, Mapping)}
    return {url for url in urls if isinstance(url, str) and url}


def _destination(app: Application) -> ApplicationDestination | None:
    try:
        return app.spec.destination
    except ManifestDecodeError:
        return None


def _is(concern: Concern, app: Application) -> bool:
    """Whether the object that changed is the Application itself."""
    seen = concern.change.new or concern.change.old
    return seen is not None and seen.uid == app.uid


def _object_fields(change: LiveChange, view: ClusterView) -> dict[str, str]:
    seen = change.new or change.old
    version = seen.version if seen is not None else ""
    return {
        "kind": change.key.kind,
        "name": change.key.name,
        "namespace": change.key.namespace or "(cluster-scoped)",
        "api-version": f"{change.key.group}/{version}" if change.key.group else version,
        "server": view.server,
    }


def _switched_on(old: Application, new: Application) -> bool:
    """Whether automated sync, or self-heal, went from off to on."""
    try:
        before, after = automation(old.spec), automation(new.spec)
    except ManifestDecodeError:
        return False
    if after is None:
        return False
    return before is None or (after.self_heal and not before.self_heal)


def _must_end(app: Application) -> bool:
    """Whether somebody asked for the end of what runs, or took away what was asked for."""
    state = (app.raw.get("status") or {}).get("operationState") or {}
    return state.get("phase") == OperationPhase.TERMINATING or (
        in_progress(app) and app.raw.get("operation") is None
    )
