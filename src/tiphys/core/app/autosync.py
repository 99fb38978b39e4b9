"""Whether an application that was just compared is synced without anyone asking.

The same revision is never tried again after a failure, and what is healed again and again is
healed ever more slowly: two writers that disagree must not fight at full speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tiphys.core.app.spec import automation, effective_source, normal_sources, sync_policy
from tiphys.core.app.times import parse_rfc3339
from tiphys.core.settings.settings import Settings
from tiphys.model.application import (
    Application,
    Operation,
    OperationInitiator,
    OperationState,
    ResourceStatus,
    RetryStrategy,
    SyncOperation,
    SyncOperationResource,
    SyncPolicyAutomated,
)
from tiphys.model.status import OperationPhase, SyncCode

_AUTOMATED_RETRIES = 5
_COMPLETED = frozenset(phase.value for phase in OperationPhase if phase.completed)


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison found.

    `may_have_changed` is False only where the compared revision is proven to mean the same for
    this application as the one that was synced last (its read-set is untouched). That the status
    names the revision already proves nothing: it may have been compared while another was synced.
    """

    status: SyncCode
    revisions: tuple[str, ...]
    resources: Sequence[ResourceStatus]
    may_have_changed: bool = True


@dataclass(frozen=True, slots=True)
class NoSync:
    """Nothing to do; a SyncError of earlier is over. `note` is for the log, perhaps empty."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class SyncRefused:
    """Nothing is done, and the application says so with a SyncError."""

    message: str


@dataclass(frozen=True, slots=True)
class HealLater:
    """Too early to heal again; compare again after so many seconds. A SyncError is over."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SyncPrevented:
    """A sync window is closed. A SyncError of earlier stays as it is."""

    note: str = "Sync prevented by sync window"


@dataclass(frozen=True, slots=True)
class StartSync:
    """The operation to write, and the event that tells of it. A SyncError is over."""

    operation: Operation
    event: str


AutoSync = NoSync | SyncRefused | SyncPrevented | HealLater | StartSync


def decide_auto_sync(
    app: Application,
    compared: Compared,
    now: datetime,
    settings: Settings,
    *,
    window_open: bool = True,
) -> AutoSync:
    """The first rung that holds decides. `window_open`: a sync that nobody asked for may run."""
    if not window_open:
        return SyncPrevented()
    automated = automation(app.spec)
    # Nobody wants it.
    if automated is None:
        return NoSync()
    if note := _nothing_to_do(app, compared, automated):
        return NoSync(f"Skipping auto-sync: {note}")
    state = app.status.operation_state
    revisions = f"[{' '.join(compared.revisions)}]"
    attempts: int | None = None
    if state is not None and _already_attempted(app, state, compared):
        # The same again would fail the same way.
        if state.phase != OperationPhase.SUCCEEDED:
            return SyncRefused(f"Failed last sync attempt to {revisions}: {state.message}")
        # It succeeded, so the difference is somebody's doing in the cluster.
        if not automated.self_heal:
            return NoSync("Skipping auto-sync: most recent sync already to this revision")
        attempts = state.operation.sync.auto_heal_attempts_count if state.operation.sync else 0
        wait = _heal_wait(state, attempts, now, settings)
        if wait > 0:
            return HealLater(wait)
    # An empty source is more often a mistake than a wish.
    prunes_all = all(resource.requires_pruning for resource in compared.resources)
    if automated.prune and not automated.allow_empty and prunes_all:
        return SyncRefused(
            f"Skipping sync attempt to {revisions}: auto-sync will wipe out all resources"
        )
    operation = _operation(app, compared, prune=automated.prune, healed=attempts)
    return StartSync(operation, f"Initiated automated sync to '{', '.join(compared.revisions)}'")


def _nothing_to_do(app: Application, compared: Compared, automated: SyncPolicyAutomated) -> str:
    if app.operation is not None:
        return "another operation is in progress"
    if app.metadata.deletion_timestamp:
        return "deletion in progress"
    if compared.status is not SyncCode.OUT_OF_SYNC:
        return f"application status is {compared.status}"
    only_extra = all(
        resource.status == SyncCode.SYNCED or resource.requires_pruning
        for resource in compared.resources
    )
    if not automated.prune and only_extra:
        return "need to prune extra resources only but automated prune is disabled"
    return ""


def _already_attempted(app: Application, state: OperationState, compared: Compared) -> bool:
    result = state.sync_result
    if result is None:
        return state.phase in _COMPLETED
    several = bool(app.spec.sources)
    if compared.may_have_changed:
        tried = result.revisions if several else (result.revision,)
        if tried != compared.revisions:
            return False
    if several:
        return result.sources == normal_sources(app.spec)
    return result.source == effective_source(app.spec)


def _heal_wait(state: OperationState, attempts: int, now: datetime, settings: Settings) -> float:
    """Seconds until the next healing may begin; zero or less means now."""
    delay = _heal_delay(attempts, settings)
    finished = parse_rfc3339(state.finished_at)
    return delay if finished is None else delay - (now - finished).total_seconds()


def _heal_delay(attempts: int, settings: Settings) -> float:
    if settings.self_heal_backoff <= 0:
        return settings.self_heal_delay
    if attempts == 0:
        return 0.0
    delay = settings.self_heal_backoff
    # Step by step, and no further than the cap: a power of many attempts would overflow.
    for _ in range(attempts - 1):
        if delay >= settings.self_heal_backoff_cap or settings.self_heal_backoff_factor <= 1:
            break
        delay *= settings.self_heal_backoff_factor
    return min(delay, settings.self_heal_backoff_cap)


def _operation(
    app: Application, compared: Compared, *, prune: bool, healed: int | None
) -> Operation:
    """`healed` is how often this revision was healed before, None where it is a first sync."""
    policy = sync_policy(app.spec)
    several = bool(app.spec.sources)
    sync = SyncOperation(
        revision="" if several else "".join(compared.revisions),
        revisions=compared.revisions if several else (),
        source=None if several else effective_source(app.spec),
        sources=normal_sources(app.spec),
        prune=prune,
        sync_options=policy.sync_options,
        resources=() if healed is None else _out_of_sync(compared),
        auto_heal_attempts_count=0 if healed is None else healed + 1,
    )
    return Operation(
        sync=sync,
        initiated_by=OperationInitiator(automated=True),
        retry=policy.retry or RetryStrategy(limit=_AUTOMATED_RETRIES),
    )


def _out_of_sync(compared: Compared) -> tuple[SyncOperationResource, ...]:
    """Without namespace, which matches the object in whatever namespace it is."""
    return tuple(
        SyncOperationResource(group=resource.group, kind=resource.kind, name=resource.name)
        for resource in compared.resources
        if resource.status != SyncCode.SYNCED
    )
