"""Runs an application's operation: from what was asked for to what came of it.

The copy inside status.operationState is what runs. It is stored before anything is done and
whenever something must not be forgotten, so that a restart takes it up where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

import structlog
from msgspec.structs import replace

from tiphys.core.app.events import completed
from tiphys.core.app.operation import (
    TIMED_OUT,
    EndOperation,
    RunOperation,
    TerminateOperation,
    WaitForRetry,
    decide_operation,
    history_after,
)
from tiphys.core.app.spec import automation, project_name
from tiphys.core.app.status import merge_patch
from tiphys.core.app.times import parse_rfc3339, rfc3339
from tiphys.core.app.validate import invalid
from tiphys.core.settings import Settings
from tiphys.core.sync.retry import conclude
from tiphys.model.application import Application, OperationState
from tiphys.model.appproject import AppProject
from tiphys.model.errors import InvalidObjectError
from tiphys.model.status import CompareLevel, OperationPhase
from tiphys.model.structs import encode
from tiphys.services.reconcile.attempt import Attempts, NotReady
from tiphys.services.reconcile.deletion import Deleter
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.refresh import Again, skips
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.sync.runner import RunningSync

log = structlog.get_logger()


class StateLostError(RuntimeError):
    """The Application went away under its operation."""


@dataclass
class Operator:
    """One call at a time for one application. `request` asks for a refresh when one ended."""

    store: ApplicationStore
    memories: Memories
    attempts: Attempts
    deleter: Deleter
    events: EventRecorder
    projects: Callable[[str], AppProject | None]
    settings: Callable[[], Settings]
    now: Callable[[], datetime]
    request: Callable[[str, CompareLevel], None] = lambda _name, _level: None

    def __post_init__(self) -> None:
        self._running: dict[str, RunningSync] = {}

    def terminate(self, name: str) -> None:
        running = self._running.get(name)
        if running is not None:
            running.terminate()

    async def operate(self, name: str) -> Again | None:
        """Takes the operation, or else the deletion, as far as it goes now."""
        app = self.store.get(name)
        if app is None or skips(app):
            return None
        step = decide_operation(app, self._start_time(app), self.settings())
        match step:
            case None:
                deleting = app.metadata.deletion_timestamp
                return await self.deleter.delete(app) if deleting else None
            case WaitForRetry(until):
                return Again(max((until - self.now()).total_seconds(), 0.05))
            case EndOperation(state):
                await self._finish(app, state)
                return None
            case RunOperation(state, store):
                if store:
                    await self.save(name, state)
                return await self._run(name, state)
            case TerminateOperation(state, timed_out):
                if timed_out:
                    await self.save(name, state)
                return await self._run(name, state, timed_out=timed_out)
            case _:
                assert_never(step)

    async def save(self, name: str, state: OperationState) -> None:
        """Stores the state, whole; raises when the Application is gone."""
        app = self.store.get(name)
        if app is None:
            raise StateLostError(f"application {name} is gone")
        old = (app.raw.get("status") or {}).get("operationState")
        patch = _replacing(old, encode(state))
        if patch and await self.store.patch_status(app, {"operationState": patch}) is None:
            raise StateLostError(f"application {name} is gone")

    def _start_time(self, app: Application) -> datetime:
        """Now; a second later where the last operation began in this very second.

        Hooks carry the start of their operation, whole seconds, as the mark of who made them.
        """
        now = self.now()
        last = (app.raw.get("status") or {}).get("operationState") or {}
        began = parse_rfc3339(last.get("startedAt"))
        completed_before = last.get("phase") in {
            phase.value for phase in OperationPhase if phase.completed
        }
        if began is not None and completed_before and rfc3339(now) <= rfc3339(began):
            return began + timedelta(seconds=1)
        return now

    # -- one attempt --------------------------------------------------------------------------

    async def _run(
        self, name: str, state: OperationState, *, timed_out: bool = False
    ) -> Again | None:
        app = self.store.get(name)
        if app is None:
            return None
        terminated = state.phase == OperationPhase.TERMINATING
        refused = invalid(app.spec, self.projects(project_name(app.spec)))
        if refused:
            text = ";".join(f"{found.type}: {found.message}" for found in refused)
            return await self._conclude(app, _failed(state, text), terminated=terminated)
        attempt = await self.attempts.prepare(app, self.memories.of(name), state)
        if isinstance(attempt, NotReady):
            return await self._conclude(app, attempt.state, terminated=terminated)
        running = attempt.begin(_Saved(self, name))
        limit = _Limit(running, self._seconds_left(state), asked=lambda: self._is_terminating(name))
        self._running[name] = running
        try:
            if self._is_terminating(name):
                running.terminate()
            ended = await running.run()
        finally:
            limit.lift()
            del self._running[name]
        terminated = terminated or self._is_terminating(name)
        timed_out = timed_out or (limit.reached and ended.phase != OperationPhase.SUCCEEDED)
        latest = self.store.get(name)
        if latest is None:
            return None
        return await self._conclude(latest, ended, terminated=terminated, timed_out=timed_out)

    def _seconds_left(self, state: OperationState) -> float | None:
        """Until the operation has taken too long; None where it may take for ever."""
        limit, started = self.settings().sync_timeout, parse_rfc3339(state.started_at)
        if limit <= 0 or started is None or state.phase == OperationPhase.TERMINATING:
            return None
        return max(limit - (self.now() - started).total_seconds(), 0.0)

    def _is_terminating(self, name: str) -> bool:
        app = self.store.get(name)
        state = ((app.raw if app else {}).get("status") or {}).get("operationState") or {}
        return bool(state.get("phase") == OperationPhase.TERMINATING)

    async def _conclude(
        self,
        app: Application,
        state: OperationState,
        *,
        terminated: bool = False,
        timed_out: bool = False,
    ) -> Again | None:
        ended = conclude(state, self.now(), terminated=terminated, timed_out=timed_out)
        if not OperationPhase(ended.phase).completed:
            log.info(ended.message, application=app.name)
            await self.save(app.name, ended)
            return Again(0.0)
        await self._finish(app, ended)
        return None

    async def _finish(self, app: Application, state: OperationState) -> None:
        """Stores the end together with the history, and removes the operation."""
        if state.finished_at is None:
            state = replace(state, finished_at=rfc3339(self.now()))
        operations: list[dict[str, Any]] = []
        if app.raw.get("operation") is not None:
            operations.append({"op": "test", "path": "/operation", "value": app.raw["operation"]})
            operations.append({"op": "remove", "path": "/operation"})
        path = "/status/operationState"
        operations.append({"op": "add", "path": path, "value": encode(state)})
        history = history_after(app.status.history, state, app.spec, self.now())
        if history is not None:
            entries = [encode(entry) for entry in history]
            operations.append({"op": "add", "path": "/status/history", "value": entries})
        try:
            await self.store.json_patch(app, operations)
        except InvalidObjectError:
            # Somebody put another operation there, or wiped the status: only record the end.
            ended = {"operationState": _replacing(None, encode(state))}
            await self.store.patch_status(app, ended)
        self._tell(app, state)

    def _tell(self, app: Application, state: OperationState) -> None:
        log.info(
            "Finished processing requested app operation",
            application=app.name,
            phase=state.phase,
            message=state.message,
            retryCount=state.retry_count,
            revisions=[state.sync_result.revision] if state.sync_result else [],
        )
        self.events.record(app, completed(state))
        sync = state.operation.sync
        if sync is None or not sync.dry_run:
            automated = automation(app.spec) is not None
            level = CompareLevel.LATEST if automated else CompareLevel.FORCE_RESOLVE
            self.request(app.name, level)


class _Limit:
    """Ends a running sync after so many seconds: one that waits gets no other event.

    `asked`: whether somebody asked for its end before that.
    """

    def __init__(
        self, running: RunningSync, seconds: float | None, *, asked: Callable[[], bool]
    ) -> None:
        self.reached = False
        self._running = running
        self._asked = asked
        loop = asyncio.get_running_loop()
        self._timer = None if seconds is None else loop.call_later(seconds, self._reach)

    def lift(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _reach(self) -> None:
        if not self._asked():
            self.reached = True
            self._running.terminate(TIMED_OUT)


@dataclass(frozen=True)
class _Saved:
    """The store of one application's operation."""

    operator: Operator
    name: str

    async def save(self, record: OperationState) -> None:
        await self.operator.save(self.name, record)


def _failed(state: OperationState, message: str) -> OperationState:
    return replace(state, phase=OperationPhase.ERROR.value, message=message)


def _replacing(old: Mapping[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """A merge patch that leaves nothing of the old state."""
    return merge_patch(old, new) if old else new
