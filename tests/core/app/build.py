"""Applications for the tests of the ladders: a compared, quiet one, and changes to it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tiphys.model.application import (
    Application,
    ApplicationDestination,
    ApplicationSource,
    ApplicationSpec,
    ApplicationStatus,
    ComparedTo,
    Operation,
    OperationState,
    SyncOperation,
    SyncOperationResult,
    SyncStatus,
)
from tiphys.model.metadata import Metadata

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
SHA = "c89a47e1c17249845dbcdd61eefa832ff7c1d90a"
OTHER_SHA = "11d0f1a3a4f9ac31a5d7c2a7e9b4a7fd6b1f0a22"
SOURCE = ApplicationSource(repo_url="https://git.example.com/apps.git", path="guestbook")
DESTINATION = ApplicationDestination(server="https://kubernetes.default.svc", namespace="demo")
SPEC = ApplicationSpec(source=SOURCE, destination=DESTINATION, project="default")


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


STATUS = ApplicationStatus(
    sync=SyncStatus(
        status="Synced",
        compared_to=ComparedTo(source=SOURCE, destination=DESTINATION),
        revision=SHA,
    ),
    reconciled_at=ago(30),
)


def app(
    spec: ApplicationSpec = SPEC,
    status: ApplicationStatus = STATUS,
    *,
    operation: Operation | None = None,
    annotations: Mapping[str, str] | None = None,
    finalizers: Sequence[str] = (),
    deleting: str | None = None,
) -> Application:
    metadata = Metadata(
        name="guestbook",
        namespace="argocd",
        uid="u1",
        annotations=annotations or {},
        finalizers=tuple(finalizers),
        deletion_timestamp=deleting,
    )
    return Application.build(metadata, spec, operation=operation, status=status)


def operation_state(
    phase: str = "Succeeded",
    *,
    message: str = "",
    revision: str = SHA,
    source: ApplicationSource = SOURCE,
    finished_at: str | None = None,
    heals: int = 0,
    started_at: str | None = None,
    retry_count: int = 0,
    with_result: bool = True,
) -> OperationState:
    result = SyncOperationResult(revision=revision, source=source) if with_result else None
    return OperationState(
        operation=Operation(sync=SyncOperation(revision=revision, auto_heal_attempts_count=heals)),
        phase=phase,
        message=message,
        sync_result=result,
        started_at=started_at or ago(60),
        finished_at=finished_at,
        retry_count=retry_count,
    )
