"""What is told when an operation has ended: a log line, an event, a count."""

from __future__ import annotations

from datetime import datetime

import structlog

from tiphys.core.app.events import completed
from tiphys.core.app.spec import automation, project_name
from tiphys.core.app.times import parse_rfc3339
from tiphys.model.application import Application, OperationState
from tiphys.model.metrics import AppLabels
from tiphys.model.status import CompareLevel
from tiphys.services.metrics.ports import Metrics
from tiphys.services.reconcile.events import EventRecorder

log = structlog.get_logger()


def labels_of(app: Application, server: str) -> AppLabels:
    return AppLabels(app.namespace, app.name, project_name(app.spec), server)


def tell_outcome(
    app: Application, state: OperationState, server: str, events: EventRecorder, metrics: Metrics
) -> CompareLevel | None:
    """Answers how thoroughly the application is to be compared now; None for a dry run."""
    started, finished = parse_rfc3339(state.started_at), parse_rfc3339(state.finished_at)
    log.info(
        "Finished processing requested app operation",
        phase=state.phase,
        message=state.message,
        retryCount=state.retry_count,
        startedAt=_unix(started),
        finishedAt=_unix(finished),
        revisions=_revisions(state),
    )
    events.record(app, completed(state))
    sync = state.operation.sync
    dry_run = sync is not None and sync.dry_run
    took = (finished - started).total_seconds() if started and finished else 0.0
    metrics.synced(labels_of(app, server), state.phase, dry_run=dry_run, seconds=took)
    if dry_run:
        return None
    automated = automation(app.spec) is not None
    return CompareLevel.LATEST if automated else CompareLevel.FORCE_RESOLVE


def _unix(at: datetime | None) -> int:
    return round(at.timestamp()) if at is not None else 0


def _revisions(state: OperationState) -> list[str]:
    result = state.sync_result
    if result is None:
        return []
    return list(result.revisions) or [result.revision]
