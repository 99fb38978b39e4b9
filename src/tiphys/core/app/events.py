"""The events that tell people what happened to an application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tiphys.core.settings.glob import matches
from tiphys.model.appstatus import ApplicationStatus
from tiphys.model.operation import OperationState, SyncOperation
from tiphys.model.status import OperationPhase


class EventReason(StrEnum):
    """Reasons of the events that the controller writes."""

    RESOURCE_UPDATED = "ResourceUpdated"
    OPERATION_STARTED = "OperationStarted"
    OPERATION_COMPLETED = "OperationCompleted"
    STATUS_REFRESHED = "StatusRefreshed"


@dataclass(frozen=True, slots=True)
class AppEvent:
    """`user` is who asked for what happened, empty where nobody did."""

    reason: EventReason
    message: str
    warning: bool = False
    user: str = ""

    @property
    def type(self) -> str:
        return "Warning" if self.warning else "Normal"


def status_events(old: ApplicationStatus, new: ApplicationStatus) -> tuple[AppEvent, ...]:
    """What a pass changed that people look at."""
    events = []
    if old.sync.status != new.sync.status:
        change = f"{old.sync.status} -> {new.sync.status}"
        events.append(AppEvent(EventReason.RESOURCE_UPDATED, f"Updated sync status: {change}"))
    if old.health.status != new.health.status:
        change = f"{old.health.status} -> {new.health.status}"
        why = f" ({new.health.message})" if new.health.message else ""
        events.append(
            AppEvent(EventReason.RESOURCE_UPDATED, f"Updated health status: {change}{why}")
        )
    return tuple(events)


def started(message: str) -> AppEvent:
    return AppEvent(EventReason.OPERATION_STARTED, message)


def completed(state: OperationState) -> AppEvent:
    """How an operation ended."""
    sync = state.operation.sync or SyncOperation()
    what = "Partial sync operation" if sync.resources else "Sync operation"
    if state.sync_result is not None:
        what += f" to {state.sync_result.revision}"
    user = state.operation.initiated_by.username
    if state.phase == OperationPhase.SUCCEEDED:
        return AppEvent(EventReason.OPERATION_COMPLETED, f"{what} succeeded", user=user)
    failed = f"{what} failed: {state.message}"
    return AppEvent(EventReason.OPERATION_COMPLETED, failed, warning=True, user=user)


def event_labels(
    app: Mapping[str, str],
    project: Mapping[str, str],
    include: Sequence[str],
    exclude: Sequence[str],
) -> dict[str, str]:
    """Labels of the application, over those of its project, that settings let through."""
    return {
        key: value
        for key, value in {**project, **app}.items()
        if any(matches(glob, key) for glob in include)
        and not any(matches(glob, key) for glob in exclude)
    }


def is_enabled(reason: str, enabled: Sequence[str]) -> bool:
    """`enabled` are reasons; `all` stands for every one, `none` for none whatever else is there."""
    return "none" not in enabled and ("all" in enabled or reason in enabled)


def deletion_failed(error: str) -> AppEvent:
    message = f"Unable to delete application resources: {error}"
    return AppEvent(EventReason.STATUS_REFRESHED, message, warning=True)
