"""Whether an application is to be compared again, how thoroughly, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tiphys.core.app.spec import effective_source, normal_sources, sync_policy
from tiphys.core.app.times import parse_rfc3339
from tiphys.core.settings.duration import format_duration
from tiphys.core.settings.settings import Settings
from tiphys.model.application import Application
from tiphys.model.names import ANNOTATION_REFRESH
from tiphys.model.status import CompareLevel


@dataclass(frozen=True, slots=True)
class RefreshDecision:
    """`hard` trusts no remembered manifest or comparison.

    `takes_request`: the request held in memory is what was followed, and is done with it.
    """

    level: CompareLevel
    reason: str
    hard: bool = False
    takes_request: bool = False


def decide_refresh(
    app: Application, requested: CompareLevel | None, now: datetime, settings: Settings
) -> RefreshDecision | None:
    """The first rung that holds decides; None where nothing asks for a comparison.

    `requested` is the highest level that events asked for since the last pass.
    """
    # Somebody asks for it, by annotation.
    wish = app.metadata.annotations.get(ANNOTATION_REFRESH)
    if wish is not None:
        hard = wish == "hard"
        word = "hard" if hard else "normal"
        return RefreshDecision(CompareLevel.FORCE_RESOLVE, f"{word} refresh requested", hard=hard)
    # Another source was never compared: what is remembered of the old one says nothing.
    if reason := _source_differs(app):
        return RefreshDecision(CompareLevel.FORCE_RESOLVE, reason)
    # The last comparison is too old.
    if expired := _expired(app, now, settings):
        return expired
    # The rest of what the last comparison was made with.
    if reason := _inputs_differ(app):
        return RefreshDecision(CompareLevel.LATEST, reason)
    # Something happened that an event told of.
    if requested is not None:
        return RefreshDecision(requested, "controller refresh requested", takes_request=True)
    return None


def namespace_metadata_differs(app: Application) -> bool:
    """Whether the last sync gave the destination's namespace other metadata than is wanted."""
    wanted = sync_policy(app.spec).managed_namespace_metadata
    state = app.status.operation_state
    result = state.sync_result if state else None
    if wanted is None or result is None:
        return False
    return result.managed_namespace_metadata != wanted


def _source_differs(app: Application) -> str:
    compared = app.status.sync.compared_to
    if app.spec.sources:
        differ = compared.sources != normal_sources(app.spec)
        return "at least one of the spec.sources differs" if differ else ""
    return "spec.source differs" if compared.source != effective_source(app.spec) else ""


def _expired(app: Application, now: datetime, settings: Settings) -> RefreshDecision | None:
    reconciled = parse_rfc3339(app.status.reconciled_at)
    since = reconciled.strftime("%Y-%m-%d %H:%M:%S +0000 UTC") if reconciled else "never"
    if _is_due(reconciled, settings.hard_reconciliation, now):
        expiry = format_duration(settings.hard_reconciliation)
        reason = f"requesting hard refresh. reconciledAt: {since}, expiry: {expiry}"
        return RefreshDecision(CompareLevel.LATEST, f"comparison expired, {reason}", hard=True)
    # What was never compared is compared, even where polling is switched off.
    if reconciled is None or _is_due(reconciled, settings.reconciliation, now):
        expiry = format_duration(settings.reconciliation)
        reason = f"requesting refresh. reconciledAt: {since}, expiry: {expiry}"
        return RefreshDecision(CompareLevel.LATEST, f"comparison expired, {reason}")
    return None


def _is_due(reconciled: datetime | None, timeout: float, now: datetime) -> bool:
    if timeout <= 0:
        return False
    return reconciled is None or reconciled + timedelta(seconds=timeout) < now


def _inputs_differ(app: Application) -> str:
    spec = app.spec
    compared = app.status.sync.compared_to
    if spec.destination != compared.destination:
        return "spec.destination differs"
    if namespace_metadata_differs(app):
        return "spec.syncPolicy.managedNamespaceMetadata differs"
    if spec.ignore_differences != compared.ignore_differences:
        return "spec.ignoreDifferences differs"
    return ""
