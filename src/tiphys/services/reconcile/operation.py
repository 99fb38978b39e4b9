"""Runs an application's operation: from what was asked for to what came of it.

The copy inside status.operationState is what runs. It is stored before anything is done and
whenever something must not be forgotten, so that a restart takes it up where it was.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, assert_never

import structlog
from msgspec.structs import replace

from tiphys.core.app.confirmation import approved_since
from tiphys.core.app.operation import (
    EndOperation,
    OperationStep,
    RunOperation,
    TerminateOperation,
    WaitForRetry,
    awaits_newer,
    blocked,
    decide_operation,
    history_after,
    is_manual,
)
from tiphys.core.app.spec import sources_of
from tiphys.core.app.status import merge_patch
from tiphys.core.app.times import parse_rfc3339, rfc3339
from tiphys.core.project import Verdict
from tiphys.core.settings import Settings
from tiphys.core.sync.retry import conclude
from tiphys.core.sync.wording import FAILURES, SUCCESSES, TERMINATED_WITH_ERRORS
from tiphys.model.application import Application, OperationState
from tiphys.model.errors import (
    ConflictError,
    InvalidObjectError,
    KubeUnreachableError,
    TiphysError,
)
from tiphys.model.status import CompareLevel, OperationPhase
from tiphys.model.structs import encode
from tiphys.services.metrics.ports import Metrics, NoMetrics
from tiphys.services.metrics.present import in_name_of
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.admission import Admission
from tiphys.services.reconcile.again import Again, skips
from tiphys.services.reconcile.attempt import Attempts, NotReady
from tiphys.services.reconcile.conclusion import Outlook
from tiphys.services.reconcile.deletion import Deleter
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import AppMemory, Memories
from tiphys.services.reconcile.outcome import labels_of, tell_outcome
from tiphys.services.reconcile.present import Attempt
from tiphys.services.reconcile.starting import in_progress, start_time
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.turns.gate import FairGate
from tiphys.services.turns.whereabouts import cluster_group, repository_group

log = structlog.get_logger()

_ATTEMPTS = itertools.count(1)
_FINISH_TRIES = 5
_FINISH_WAIT = 2.0
_WINDOW = 30.0
"""Seconds until a closed window is looked at again."""


class StateLostError(TiphysError):
    """The Application went away under its operation."""


class _HeldUpError(TiphysError):
    """A sync window is closed: the operation goes on from its stored state when it opens."""


class LooksAhead(Protocol):
    """Compares when an operation has done its work, for its end to say what came of it."""

    async def look_ahead(self, app: Application) -> Outlook | None: ...

    def parts(self, app: Application, seen: Outlook) -> dict[str, Any]:
        """Whole parts of the status, empty where they are left to a pass."""
        ...

    def told(self, before: Application, seen: Outlook) -> None: ...


@dataclass
class Operator:
    """One call at a time for one application. `request` asks for a refresh when one ended."""

    store: ApplicationStore
    memories: Memories
    attempts: Attempts
    deleter: Deleter
    events: EventRecorder
    admission: Admission
    rules: ProjectRules
    settings: Callable[[], Settings]
    now: Callable[[], datetime]
    request: Callable[[str, CompareLevel], None] = lambda _name, _level: None
    metrics: Metrics = field(default_factory=NoMetrics)
    ahead: LooksAhead | None = None
    _present: dict[str, Attempt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Only to prepare is work of ours; what waits for a hook takes no one's place, and of one
        # repository or cluster that hangs no more than half.
        self._gate = FairGate(
            lambda: self.settings().operation_processors,
            share=lambda: self.settings().operation_processors // 2,
        )

    def under_way(self) -> int:
        """How many operations run."""
        return len(self._present)

    def terminate(self, name: str) -> None:
        attempt = self._present.get(name)
        if attempt is not None:
            attempt.terminate()

    def approve(self, name: str) -> None:
        """Somebody may have agreed to what the operation waits for."""
        attempt, app = self._present.get(name), self.store.get(name)
        if attempt is None or attempt.running is None or app is None:
            return
        state = app.status.operation_state
        if state is not None and approved_since(app.metadata.annotations, state.started_at):
            attempt.running.confirm()

    def abandon(self, name: str) -> None:
        """The Application is gone: nothing more is done in its name."""
        attempt = self._present.get(name)
        if attempt is not None and attempt.task is not None:
            attempt.task.cancel()

    async def operate(self, name: str) -> Again | None:
        """Takes the operation, or else the deletion, as far as it goes now."""
        app = self.store.get(name)
        if app is None or (skips(app) and not in_progress(app)):
            return None
        now = self.now()
        early = (start_time(app, self.memories.of(name), now) - now).total_seconds()
        if app.operation is not None and early > 0:
            return Again(early)
        superseded = await self._superseded(app)
        step = decide_operation(app, now, self.settings(), superseded=superseded)
        if step is None:
            return await self.deleter.delete(app) if app.metadata.deletion_timestamp else None
        try:
            return await self._take(app, step)
        except StateLostError as lost:
            log.info(str(lost))
            return None
        except _HeldUpError:
            return Again(_WINDOW)

    async def _superseded(self, app: Application) -> bool:
        state = app.status.operation_state
        if state is None or not awaits_newer(state):
            return False
        return await self.attempts.superseded(app, self._memory(app), state)

    async def _take(self, app: Application, step: OperationStep) -> Again | None:
        match step:
            case WaitForRetry(until):
                late = self._seconds_left(app.status.operation_state)
                wait = (until - self.now()).total_seconds()
                return Again(max(wait if late is None else min(wait, late), 0.05))
            case EndOperation(state):
                await self._finish(app, state)
                return None
            case RunOperation(state, store):
                if store:
                    self._memory(app).operation_began = state.started_at
                await self._begin(app, state, store=store)
                return await self._run(app, state)
            case TerminateOperation(state, timed_out):
                await self._begin(app, state, store=timed_out)
                return await self._run(app, state, timed_out=timed_out)
            case _:
                assert_never(step)

    def _memory(self, app: Application) -> AppMemory:
        return self.memories.of(self.store.key(app))

    async def _begin(self, app: Application, state: OperationState, *, store: bool) -> None:
        """Stores a state that is new. Raises _HeldUpError while a sync window is closed."""
        window = self._window(app, state)
        if not window.allowed:
            await self.save(app, blocked(state, window.error))
            raise _HeldUpError(state.message)
        if store:
            await self.save(app, state)

    def _window(self, app: Application, state: OperationState) -> Verdict:
        if self.rules.of(app) is None:
            # That is said by whoever looks at the spec.
            return Verdict(allowed=True)
        began = parse_rfc3339(state.started_at)
        now = self.now()
        return self.rules.window(app, manual=is_manual(state), started_at=began, now=now)

    async def progress(self, app: Application, state: OperationState) -> None:
        """Stores how far a sync has come. A window that closed meanwhile holds up the rest."""
        latest = self.store.same(app) or app
        window = self._window(latest, state)
        if window.allowed:
            await self.save(app, state)
            return
        # How it ends is decided already, and stands in the message.
        decided = state.message in SUCCESSES | FAILURES
        await self.save(app, state if decided else blocked(state, window.error))
        raise _HeldUpError(state.message)

    async def save(self, app: Application, state: OperationState) -> None:
        """Stores the state, whole; raises StateLostError when the Application is gone."""
        known = self.store.same(app)
        if known is None:
            raise StateLostError(f"application {app.name} is gone")
        if _told_to_end(known, state):
            # That wish stands in the phase, and must not be overwritten before it is heeded.
            state = replace(state, phase=OperationPhase.TERMINATING.value)
        old = (known.raw.get("status") or {}).get("operationState")
        patch = _replacing(old, encode(state))
        if patch and await self.store.patch_status(known, {"operationState": patch}) is None:
            raise StateLostError(f"application {app.name} is gone")

    # -- one attempt --------------------------------------------------------------------------

    async def _run(
        self, app: Application, state: OperationState, *, timed_out: bool = False
    ) -> Again | None:
        key = self.store.key(app)
        attempt = Attempt(asyncio.current_task(), timed_out=timed_out)
        attempt.terminated = state.phase == OperationPhase.TERMINATING and not timed_out
        self._present[key] = attempt
        left = self._seconds_left(state)
        alarm: asyncio.TimerHandle | None = None
        if left is not None and state.phase != OperationPhase.TERMINATING:
            alarm = asyncio.get_running_loop().call_later(max(left, 0.0), attempt.time_out)
        try:
            with (
                in_name_of(labels_of(app, self._server(app))),
                structlog.contextvars.bound_contextvars(syncId=_sync_id()),
            ):
                ended = await self._attempt(app, state, attempt)
        except KubeUnreachableError:
            if not (attempt.terminated or attempt.timed_out):
                raise
            # Nobody who wants an end waits for a cluster that is away.
            record = attempt.running.record if attempt.running else state
            ended = _failed(record, TERMINATED_WITH_ERRORS)
        except (ConflictError, StateLostError, _HeldUpError):
            raise
        except Exception as fault:
            log.exception("the operation failed unexpectedly")
            record = attempt.running.record if attempt.running else state
            ended = _failed(record, _text(fault))
        finally:
            if alarm is not None:
                alarm.cancel()
            if self._present.get(key) is attempt:
                del self._present[key]
        return await self._conclude(app, ended, attempt)

    async def _attempt(
        self, app: Application, state: OperationState, attempt: Attempt
    ) -> OperationState:
        """How it ended, not yet stored."""
        latest = self.store.same(app)
        if latest is None:
            raise StateLostError(f"application {app.name} is gone")
        refused = self.admission.refused(latest, state.operation.sync)
        if refused:
            return _failed(state, ";".join(f"{found.type}: {found.message}" for found in refused))
        async with self._gate.turn(_group(latest)):
            ready = await self.attempts.prepare(latest, self._memory(app), state)
        if isinstance(ready, NotReady):
            return ready.state
        running = ready.begin(_Saved(self, app))
        attempt.running = running
        # One that begins as terminating needs no telling.
        if state.phase != OperationPhase.TERMINATING:
            attempt.pass_on()
            if self._is_terminating(app):
                attempt.terminate()
            # It may have come while the attempt was prepared.
            self.approve(self.store.key(app))
        return await running.run()

    def _seconds_left(self, state: OperationState | None) -> float | None:
        """Until the operation has taken too long; None where it may take any time."""
        limit = self.settings().sync_timeout
        began = parse_rfc3339(state.started_at) if state else None
        if limit <= 0 or began is None:
            return None
        return (began + timedelta(seconds=limit) - self.now()).total_seconds()

    def _is_terminating(self, app: Application) -> bool:
        known = self.store.same(app)
        state = ((known.raw if known else {}).get("status") or {}).get("operationState") or {}
        return bool(state.get("phase") == OperationPhase.TERMINATING)

    async def _conclude(
        self, app: Application, state: OperationState, attempt: Attempt
    ) -> Again | None:
        terminated = attempt.terminated or self._is_terminating(app)
        timed_out = attempt.timed_out and state.phase != OperationPhase.SUCCEEDED
        ended = conclude(state, self.now(), terminated=terminated, timed_out=timed_out)
        if not OperationPhase(ended.phase).completed:
            log.info(ended.message)
            await self.save(app, ended)
            return Again(0.0)
        await self._finish(app, ended)
        return None

    async def _finish(self, app: Application, state: OperationState) -> None:
        """Stores the end together with the history and what came of it; removes the operation."""
        if state.finished_at is None:
            state = replace(state, finished_at=rfc3339(self.now()))
        seen = await self._look_ahead(app, state)
        for _ in range(_FINISH_TRIES):
            known = self.store.same(app)
            if known is None:
                return
            parts = self._parts(known, seen)
            try:
                await self.store.json_patch(known, [*self._end(known, state), *_whole(parts)])
            except InvalidObjectError:
                # Somebody changed the operation, or wiped the status; both are seen soon.
                await self.store.newer(known, within=_FINISH_WAIT)
            else:
                self._tell(known, state, seen if parts else None)
                return
        raise ConflictError("the end of the operation could not be stored")

    async def _look_ahead(self, app: Application, state: OperationState) -> Outlook | None:
        sync = state.operation.sync
        known = self.store.same(app)
        if (
            self.ahead is None
            or known is None
            or state.phase != OperationPhase.SUCCEEDED
            or (sync is not None and sync.dry_run)
        ):
            return None
        try:
            return await self.ahead.look_ahead(known)
        except TiphysError as error:
            # A pass will look, and say what is wrong.
            log.debug("the end is told without a comparison", error=str(error))
        except Exception:
            # A fault of ours in a comparison must not keep an operation from ending.
            log.exception("the end is told without a comparison")
        return None

    def _parts(self, app: Application, seen: Outlook | None) -> dict[str, Any]:
        if self.ahead is None or seen is None:
            return {}
        try:
            return self.ahead.parts(app, seen)
        except Exception:
            log.exception("the end is told without a comparison")
            return {}

    def _end(self, app: Application, state: OperationState) -> list[dict[str, Any]]:
        operations: list[dict[str, Any]] = []
        if app.raw.get("operation") is not None:
            operations.append({"op": "test", "path": "/operation", "value": app.raw["operation"]})
            operations.append({"op": "remove", "path": "/operation"})
        ended: dict[str, Any] = {"operationState": encode(state)}
        history = history_after(app.status.history, state, app.spec, self.now())
        if history is not None:
            ended["history"] = [encode(entry) for entry in history]
        return operations + _whole(ended)

    def _tell(self, app: Application, state: OperationState, seen: Outlook | None) -> None:
        level = tell_outcome(app, state, self._server(app), self.events, self.metrics)
        if self.ahead is not None and seen is not None:
            self.ahead.told(app, seen)
            if level is not None and level <= seen.level:
                return
        if level is not None:
            self.request(self.store.key(app), level)

    def _server(self, app: Application) -> str:
        cluster = self.rules.resolved(app.spec.destination)
        return app.spec.destination.server if isinstance(cluster, str) else cluster.server


@dataclass(frozen=True)
class _Saved:
    """The store of one application's operation."""

    operator: Operator
    app: Application

    async def save(self, record: OperationState) -> None:
        await self.operator.progress(self.app, record)


def _whole(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations of a JSON patch that put whole parts into the status."""
    return [
        {"op": "add", "path": f"/status/{part}", "value": value} for part, value in parts.items()
    ]


def _told_to_end(app: Application, state: OperationState) -> bool:
    known = (app.raw.get("status") or {}).get("operationState") or {}
    return (
        known.get("phase") == OperationPhase.TERMINATING
        and known.get("startedAt") == state.started_at
        and state.phase == OperationPhase.RUNNING
    )


def _sync_id() -> str:
    """Ties the lines of one attempt together."""
    letters = "".join(random.choices(string.ascii_letters, k=5))  # noqa: S311 - not a secret
    return f"{next(_ATTEMPTS):05d}-{letters}"


def _group(app: Application) -> str:
    """Whose operations are prepared side by side only so many at a time."""
    destination = app.spec.destination
    urls = dict.fromkeys(source.repo_url for source in sources_of(app.spec))
    cluster = cluster_group(destination.server, destination.name)
    return " ".join([*map(repository_group, urls), cluster])


def _failed(state: OperationState, message: str) -> OperationState:
    return replace(state, phase=OperationPhase.ERROR.value, message=message)


def _text(fault: Exception) -> str:
    """Our own errors hold no secrets; of others nobody knows."""
    if isinstance(fault, TiphysError):
        return str(fault)
    return f"unexpected fault ({type(fault).__name__}); the log says more"


def _replacing(old: Mapping[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """A merge patch that leaves nothing of the old state."""
    return merge_patch(old, new) if old else new
