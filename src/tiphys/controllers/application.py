"""The application loop: events in, passes and operations out.

Whatever happens becomes a key in a queue. A key is worked on by one worker at a time, so that
two passes over one application never overlap; operations run beside passes, each as a task of
its own, so that one that waits for a hook holds up nobody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from tiphys.controllers.interest import SourceInterest, concerned
from tiphys.controllers.queue import KeyedQueue
from tiphys.core.app.spec import DEFAULT_PROJECT, automation
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster
from tiphys.model.errors import DestinationError, ManifestDecodeError, TiphysError
from tiphys.model.live import LiveChange
from tiphys.model.names import ANNOTATION_DELETION_APPROVED
from tiphys.model.status import CompareLevel, OperationPhase
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.refresh import Again, skips
from tiphys.services.reconcile.starting import in_progress
from tiphys.services.reconcile.store import AppChange, ApplicationStore
from tiphys.services.sources.refs import RefWatcher

log = structlog.get_logger()

_AFTER_ERROR = 2.0
_AFTER_FAULT = 10.0
_LONGEST_WAIT = 120.0
"""Seconds until work that failed is tried again, twice as long each further time."""
_UNCHANGED_PER_SECOND = 100.0
"""How fast statuses are told that a new commit is equal for them."""

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


class ApplicationController:
    """`start` wires the events and begins; `close` ends all workers, operations included."""

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
    ) -> None:
        self._store = store
        self._memories = memories
        self._clusters = clusters
        self._refs = refs
        self._desired = desired
        self._refresh = refresh
        self._operations = operations
        self._settings = settings
        self._interest = SourceInterest()
        self._passes = KeyedQueue()
        self._running = KeyedQueue()
        self._moves = KeyedQueue()
        self._commits: dict[str, str] = {}
        self._failures: dict[tuple[KeyedQueue, str], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._store.listener = self._app_changed
        self._clusters.follow(self._live_changed)
        self._clusters.subscribe(self._cluster_changed)
        self._refs.listen(self._refs_moved)
        for name in self._store.names():
            self._app_changed(AppChange(name, None, self._store.get(name)))
        for _ in range(max(self._settings().status_processors, 1)):
            self._spawn(self._work(self._passes, self._refresh))
        self._spawn(self._work(self._moves, self._check_move))
        self._spawn(self._launch())

    async def close(self) -> None:
        for queue in (self._passes, self._running, self._moves):
            queue.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def request(self, name: str, level: CompareLevel) -> None:
        """Asks for a pass of at least this level."""
        self._memories.of(name).request(level)
        self._passes.add(name)

    def request_all(self, level: CompareLevel) -> None:
        for name in self._store.names():
            self.request(name, level)

    def look_again(self, name: str, level: CompareLevel) -> None:
        """What speaks against an application changed: a deletion may have waited for it too."""
        app = self._store.get(name)
        if app is None or skips(app):
            return
        self.request(name, level)
        if app.metadata.deletion_timestamp:
            self._running.add(name)

    def look_at_repositories(self, concerns: Callable[[str, str], bool]) -> None:
        """Those whose repository URL and project are concerned."""
        for name in self._store.names():
            app = self._store.get(name)
            spec = (app.raw.get("spec") or {}) if app is not None else {}
            url = (spec.get("source") or {}).get("repoURL") or ""
            if url and concerns(url, spec.get("project") or DEFAULT_PROJECT):
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
        came, went = self._interest.follow(change.name, app)
        self._watch(came, went)
        self._clusters.hold(change.name, _destination(app))
        if _must_end(app):
            self._operations.terminate(change.name)
        if ANNOTATION_DELETION_APPROVED in app.metadata.annotations and in_progress(app):
            self._operations.approve(change.name)
        if skips(app):
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
            log.info("Enabled automated sync", application=key)
            memory.request(CompareLevel.LATEST)
        elif old.raw.get("spec") != app.raw.get("spec"):
            # What the ladder does not look at may change what follows from a comparison.
            memory.request(CompareLevel.RECENT)
        self._passes.add(key)

    def _forget(self, name: str) -> None:
        self._watch("", self._interest.drop(name))
        self._clusters.hold(name, None)
        self._operations.abandon(name)
        for queue in (self._passes, self._running, self._moves):
            queue.forget(name)
            self._failures.pop((queue, name), None)
        self._commits.pop(name, None)
        self._memories.forget(name)

    def _watch(self, came: str, went: str) -> None:
        if came:
            self._refs.watch(came)
        if went:
            self._refs.unwatch(went)

    def _cluster_changed(self, cluster: Cluster) -> None:
        """It came or went, or its connection did: what waited for it, or rested on it, goes on."""
        for name in self._clusters.users(cluster):
            app = self._store.get(name)
            if app is None or skips(app):
                continue
            self.request(name, CompareLevel.LATEST)
            if in_progress(app) or app.raw.get("operation") or app.metadata.deletion_timestamp:
                self._running.add(name)

    def _live_changed(self, view: ClusterView, changes: Sequence[LiveChange]) -> None:
        for name, level, key in concerned(changes, view.index):
            app = self._store.get(name)
            if app is None or skips(app) or not self._goes_to(app, view):
                continue
            log.debug(
                "Requesting app refresh caused by object update",
                application=name,
                object=str(key),
                level=level.value,
            )
            self.request(name, level)
            if app.metadata.deletion_timestamp:
                self._running.add(name)

    def _goes_to(self, app: Application, view: ClusterView) -> bool:
        """Objects on other clusters may carry its name in their tracking, and are none of its."""
        try:
            return self._clusters.resolve(app.spec.destination).server == view.server
        except (DestinationError, ManifestDecodeError):
            return False

    def _refs_moved(self, url: str, revisions: Mapping[str, str]) -> None:
        moved = {}
        for name, commit in self._interest.moved(url, revisions):
            app = self._store.get(name)
            if app is None or skips(app):
                continue
            if commit:
                self._commits[name] = commit
                moved[name] = app
            else:
                self.request(name, CompareLevel.LATEST)
        if moved:
            self._spawn(self._sort_moved(url, moved))

    # -- workers ------------------------------------------------------------------------------

    async def _sort_moved(self, url: str, moved: Mapping[str, Application]) -> None:
        """Applications whose own folder changed go first, and need no further look."""
        commits = {name: self._commits[name] for name in moved if name in self._commits}
        apps = {name: moved[name] for name in commits}
        try:
            touched = await self._desired.touched(apps, url, commits)
        except TiphysError as error:
            log.warning("changes are not known by folder", repository=url, error=str(error))
            touched = set()
        except Exception:
            # Which comes first is only a hint.
            log.exception("unexpected fault")
            touched = set()
        for name in sorted(apps, key=lambda one: one not in touched):
            if self._store.get(name) is None:
                continue
            if name in touched:
                self._commits.pop(name, None)
                self.request(name, CompareLevel.LATEST)
            else:
                self._moves.add(name)

    async def _check_move(self, name: str) -> Again | None:
        """A commit that is equal for an application is told when nothing else is to be done."""
        app = self._store.get(name)
        commit = self._commits.pop(name, "")
        if app is None or not commit:
            return None
        memory = self._memories.of(name)
        memory.request(CompareLevel.LATEST)
        try:
            equal = await self._desired.unchanged(app, memory, commit)
        except TiphysError:
            # The comparison will say what is wrong.
            equal = False
        if equal:
            waiting = len(self._moves) / _UNCHANGED_PER_SECOND
            spread = min(self._settings().reconciliation, waiting + 1.0) * random.random()  # noqa: S311
            self._passes.add(name, after=spread, low=True)
        elif self._store.get(name) is not None:
            self._passes.add(name)
        return None

    async def _work(self, queue: KeyedQueue, step: Step) -> None:
        while True:
            name = await queue.get()
            await self._one(queue, name, step)

    async def _launch(self) -> None:
        """Operations wait long; each runs in its own task, one an application."""
        while True:
            name = await self._running.get()
            self._spawn(self._one(self._running, name, self._operations.operate))

    async def _one(self, queue: KeyedQueue, name: str, step: Step) -> None:
        again: Again | None = None
        try:
            again = await step(name)
            self._failures.pop((queue, name), None)
        except TiphysError as error:
            log.warning("will be tried again", application=name, error=str(error))
            again = self._later(queue, name, _AFTER_ERROR)
        except Exception:
            # A fault of ours on one application must not stop the others.
            log.exception("unexpected fault", application=name)
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


def _destination(app: Application) -> ApplicationDestination | None:
    try:
        return app.spec.destination
    except ManifestDecodeError:
        return None


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
