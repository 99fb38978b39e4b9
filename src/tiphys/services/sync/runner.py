"""Runs a sync: feeds the engine with events, runs its commands, stores what must survive.

The record is stored when a batch is through and before a step that cannot be seen afterwards,
never once per object. How the last record is stored is the caller's: it goes together with the
history and the removal of the operation.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tiphys.core.sync.advance import advance
from tiphys.core.sync.events import (
    Await,
    AwaitConfirmation,
    AwaitGone,
    AwaitHealth,
    Command,
    Confirmed,
    Event,
    Finish,
    Gone,
    Seen,
    Sleep,
    Started,
    Terminated,
    durable,
)
from tiphys.core.sync.state import SyncState, begin, to_record
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask, TaskId
from tiphys.model.errors import ConnectionEndedError, KubeError
from tiphys.model.live import LiveChange
from tiphys.model.operation import OperationState
from tiphys.model.resource import ResourceKey
from tiphys.services.live.ports import KubeReader, KubeWriter
from tiphys.services.sync.commands import CommandRunner, Runnable
from tiphys.services.sync.gate import Gate
from tiphys.services.sync.ports import Cluster, OperationStore, SyncedCluster
from tiphys.services.sync.sighting import Lookout

Wait = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `recheck`: how often the API server is asked for what is waited for, in case a
    watch went quiet; `unwatched` the same for kinds that cannot be watched. `progress`: how long
    the progress of a wait may go unstored.
    """

    recheck: float = 30.0
    unwatched: float = 2.0
    progress: float = 2.0


class SyncRunner:
    """All syncs to one cluster share `limit`, the number of writes that are under way at once.

    One sync takes at most half of it, so that a large application never holds up a small one.
    """

    def __init__(
        self,
        cluster: SyncedCluster,
        *,
        limit: int = 20,
        pace: Pace | None = None,
        wait: Wait = asyncio.sleep,
    ) -> None:
        self._cluster = cluster
        self._gate = Gate(limit)
        self._wait = wait
        self._commands = CommandRunner(cluster, self._gate, wait=wait)
        self.share = max(1, limit // 2)
        self.lookout = Lookout(cluster)
        self.pace = pace or Pace()
        self._waiting: defaultdict[ResourceKey, set[RunningSync]] = defaultdict(set)
        cluster.index.subscribe(self._changed)

    def begin(
        self,
        plan: Plan,
        record: OperationState,
        store: OperationStore,
        *,
        acting: tuple[KubeReader, KubeWriter] | None = None,
    ) -> RunningSync:
        """A sync that is ready to run, from the start or from where the record left it.

        `acting` are reader and writer of another account, in whose name all is written.
        """
        commands = self._commands if acting is None else self._acting(*acting)
        return RunningSync(self, plan, begin(plan, record), store, commands)

    def _acting(self, reader: KubeReader, writer: KubeWriter) -> CommandRunner:
        own = self._cluster
        other = Cluster(reader, writer, own.discovery, own.index, own.answering, own.metrics)
        return CommandRunner(other, self._gate, wait=self._wait)

    def watch(self, sync: RunningSync, keys: set[ResourceKey]) -> None:
        for key in keys:
            self._waiting[_unplaced(key)].add(sync)

    def unwatch(self, sync: RunningSync, keys: set[ResourceKey]) -> None:
        for key in keys:
            syncs = self._waiting[_unplaced(key)]
            syncs.discard(sync)
            if not syncs:
                del self._waiting[_unplaced(key)]

    def _changed(self, changes: Sequence[LiveChange]) -> None:
        for change in changes:
            for sync in self._waiting.get(_unplaced(change.key), ()):
                sync.changed(change.key)


def _unplaced(key: ResourceKey) -> ResourceKey:
    """Without the namespace: whether the kind has one may only have turned out in the sync."""
    return key._replace(namespace="")


@dataclass(frozen=True, slots=True)
class _Look:
    """Somebody should look at these objects again; `ask`: at the API server, not the index."""

    tasks: tuple[TaskId, ...]
    ask: bool = False


@dataclass(frozen=True, slots=True)
class _Broken:
    error: BaseException


@dataclass(eq=False)
class RunningSync:
    """One attempt of one operation, as long as it runs."""

    runner: SyncRunner
    plan: Plan
    state: SyncState
    store: OperationStore
    commands: CommandRunner
    awaited: tuple[TaskId, ...] = ()
    _inbox: asyncio.Queue[Event | _Look | _Broken] = field(default_factory=asyncio.Queue)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _stored: OperationState | None = None
    _stored_at: float = 0.0
    _asked_at: float = 0.0

    def __post_init__(self) -> None:
        self._share = asyncio.Semaphore(self.runner.share)

    @property
    def record(self) -> OperationState:
        """How it stands."""
        return to_record(self.state)

    def terminate(self, message: str = "operation is terminating") -> None:
        """Ends it as soon as what was sent is answered, if its cluster answers at all."""
        self._ending.set()
        self._inbox.put_nowait(Terminated(message))

    def confirm(self) -> None:
        """Somebody has agreed to the prunes that ask for it."""
        self._inbox.put_nowait(Confirmed())

    async def run(self) -> OperationState:
        """The record at the end of the attempt, not yet stored.

        Raises what the store raises. Cancelled or raised, it can be begun again from the record
        that was stored last.
        """
        try:
            await self._feed(Started(await self._sightings()))
            while not self.state.done:
                await self._next()
            return self.record
        finally:
            self._await(())
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def changed(self, key: ResourceKey) -> None:
        """The index has news of an object that is waited for."""
        tasks = tuple(
            one for one in self.awaited if _unplaced(self.plan.by_id[one].key) == _unplaced(key)
        )
        if tasks:
            self._inbox.put_nowait(_Look(tasks))

    async def _sightings(self) -> dict[ResourceKey, LiveFacts | None]:
        """After a restart: how the objects that were waited for are now."""
        running = [task for task in self.plan.tasks if self._was_begun(task)]
        facts = await asyncio.gather(*(self.runner.lookout.ask(task) for task in running))
        return {task.key: seen for task, seen in zip(running, facts, strict=True)}

    def _was_begun(self, task: SyncTask) -> bool:
        """Also a hook of this operation that was made, and not told of before the restart."""
        if self.state.running(task.id):
            return True
        return task.hook and task.live is not None and task.live.stamp == task.stamp

    async def _next(self) -> None:
        due = self._wake_at()
        if due is not None and asyncio.get_running_loop().time() >= due:
            await self._idle()
            return
        try:
            async with asyncio.timeout_at(due):
                item = await self._inbox.get()
        except TimeoutError:
            return
        match item:
            case _Look():
                await self._look(item)
            case _Broken(error=error):
                raise error
            case _:
                await self._feed(item)

    async def _feed(self, event: Event) -> None:
        begun = len(self.state.results)
        self.state, commands = advance(self.plan, self.state, event)
        if self.state.done:
            return
        if self._must_store(commands, more=len(self.state.results) > begun):
            await self._store()
        for command in commands:
            self._carry_out(command)

    def _must_store(self, commands: tuple[Command, ...], *, more: bool) -> bool:
        """The end of a batch is stored at once, the progress of a wait now and then."""
        if any(durable(command) or isinstance(command, Sleep) for command in commands):
            return True
        waits = any(isinstance(command, Await) for command in commands)
        return waits and (more or not self.awaited)

    async def _store(self) -> None:
        record = self.record
        if record != self._stored:
            await self.store.save(record)
            self._stored = record
        self._stored_at = asyncio.get_running_loop().time()

    def _carry_out(self, command: Command) -> None:
        match command:
            case AwaitHealth() | AwaitGone() | AwaitConfirmation():
                tasks = command.tasks
                fresh = tuple(task for task in tasks if task not in self.awaited)
                self._await(tasks)
                if fresh:
                    self._inbox.put_nowait(_Look(fresh))
            case Finish():
                pass
            case _:
                self._await(())
                self._spawn(self._run(command))

    def _await(self, tasks: tuple[TaskId, ...]) -> None:
        before, after = self._keys(self.awaited), self._keys(tasks)
        self.runner.unwatch(self, before - after)
        self.runner.watch(self, after - before)
        if tasks and not self.awaited:
            self._asked_at = asyncio.get_running_loop().time()
        self.awaited = tasks

    def _keys(self, tasks: tuple[TaskId, ...]) -> set[ResourceKey]:
        return {_unplaced(self.plan.by_id[task].key) for task in tasks}

    async def _look(self, look: _Look) -> None:
        """Tells the engine of objects that are not as it believes."""
        tasks = [self.plan.by_id[one] for one in look.tasks if one in self.awaited]
        seen = await asyncio.gather(*(self._seen(task, ask=look.ask) for task in tasks))
        for task, facts in zip(tasks, seen, strict=True):
            if facts == self.state.live.get(task.key) or self.state.done:
                continue
            await self._feed(Gone(task.key) if facts is None else Seen(task.key, facts))

    async def _seen(self, task: SyncTask, *, ask: bool) -> LiveFacts | None:
        known = self.state.live.get(task.key)
        lookout = self.runner.lookout
        try:
            facts = await (lookout.ask(task) if ask else lookout.look(task, known))
        except ConnectionEndedError:
            # Nobody will ever tell of it on this connection: the next one goes on.
            raise
        except KubeError:
            # Not seen is not gone: it is asked again later.
            return known
        if known and facts and known.uid == facts.uid and known.deleting:
            return replace(facts, deleting=True)
        return facts

    async def _run(self, command: Runnable) -> None:
        try:
            async with self._share:
                event = await self.commands.run(self.plan, command, self._ending)
        except Exception as error:
            self._inbox.put_nowait(_Broken(error))
        else:
            self._inbox.put_nowait(event)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wake_at(self) -> float | None:
        """When something is due although nothing happens."""
        if not self.awaited:
            return None
        return min(self._recheck_at(), self._stored_at + self.runner.pace.progress)

    def _recheck_at(self) -> float:
        pace, lookout = self.runner.pace, self.runner.lookout
        watched = all(lookout.watched(self.plan.by_id[task]) for task in self.awaited)
        return self._asked_at + (pace.recheck if watched else pace.unwatched)

    async def _idle(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._stored_at + self.runner.pace.progress:
            await self._store()
        if now >= self._recheck_at():
            self._asked_at = now
            await self._look(_Look(self.awaited, ask=True))
