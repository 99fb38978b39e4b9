"""What a pass does with an operation, the history, and the events."""

from dataclasses import replace as change
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.core.app.build import NOW, SHA, SOURCE, SPEC, STATUS, ago, app, operation_state
from tiphys.core.app.events import (
    AppEvent,
    EventReason,
    completed,
    deletion_failed,
    started,
    status_events,
)
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
    misasked,
)
from tiphys.core.settings import Settings
from tiphys.model.application import (
    AppHealthStatus,
    ApplicationSpec,
    ApplicationStatus,
    Backoff,
    Operation,
    OperationInitiator,
    OperationState,
    RetryStrategy,
    RevisionHistory,
    SyncOperation,
    SyncOperationResource,
)

SETTINGS = Settings()
WISH = Operation(
    sync=SyncOperation(revision=SHA), initiated_by=OperationInitiator(username="admin")
)


def decide(state: OperationState | None, settings: Settings = SETTINGS) -> OperationStep | None:
    application = app(status=replace(STATUS, operation_state=state), operation=WISH)
    return decide_operation(application, NOW, settings)


def test_without_operation_nothing_runs() -> None:
    status = replace(STATUS, operation_state=operation_state("Succeeded"))
    assert decide_operation(app(status=status), NOW, SETTINGS) is None
    assert decide_operation(app(), NOW, SETTINGS) is None


def test_an_operation_that_was_taken_away_while_it_ran_is_terminated() -> None:
    running = operation_state("Running")
    step = decide_operation(app(status=replace(STATUS, operation_state=running)), NOW, SETTINGS)
    assert step == TerminateOperation(replace(running, phase="Terminating"), timed_out=False)


SEVERAL = replace(SPEC, source=None, sources=(SOURCE, replace(SOURCE, path="", ref="values")))


@pytest.mark.parametrize(
    ("spec", "sync", "problems"),
    [
        (SPEC, SyncOperation(revision=SHA, prune=True), []),
        (SPEC, SyncOperation(manifests=("{}",)), []),
        (SPEC, SyncOperation(sources=(SOURCE,), revisions=(SHA,)), []),
        (SEVERAL, SyncOperation(revisions=(SHA, SHA)), []),
        (SEVERAL, SyncOperation(source=SOURCE, revision=SHA), []),
        (
            SPEC,
            SyncOperation(revisions=(SHA,)),
            ["operation.sync.revisions is for applications with several sources"],
        ),
        (
            SEVERAL,
            SyncOperation(revision=SHA, revisions=(SHA, SHA, SHA)),
            [
                "operation.sync.revision names one revision, and there are several sources",
                "operation.sync.revisions names 3 revisions for 2 sources",
            ],
        ),
    ],
)
def test_revisions_of_an_operation_that_fit_no_source(
    spec: ApplicationSpec, sync: SyncOperation, problems: list[str]
) -> None:
    assert misasked(spec, sync) == problems


@pytest.mark.parametrize("phase", [None, "Succeeded", "Failed", "Error"])
def test_a_new_operation(phase: str | None) -> None:
    fresh = OperationState(operation=WISH, phase="Running", started_at="2026-01-01T12:00:00Z")
    assert decide(operation_state(phase) if phase else None) == RunOperation(fresh, store=True)


def test_a_running_operation_is_resumed_as_it_was_begun() -> None:
    state = operation_state("Running")
    assert decide(state) == RunOperation(state, store=False)


def test_termination_was_asked_for() -> None:
    state = operation_state("Terminating")
    late = change(SETTINGS, sync_timeout=1.0)
    assert decide(state, late) == TerminateOperation(state, timed_out=False)
    # After a restart it is still known that it took too long.
    timed_out = replace(state, message="operation is terminating due to timeout")
    assert decide(timed_out) == TerminateOperation(timed_out, timed_out=True)


@pytest.mark.parametrize(("age", "late"), [(60, False), (61, True)])
def test_an_operation_that_takes_too_long(age: int, late: bool) -> None:
    state = operation_state("Running", started_at=ago(age))
    step = decide(state, change(SETTINGS, sync_timeout=60.0))
    ending = replace(state, phase="Terminating", message="operation is terminating due to timeout")
    expected = (
        TerminateOperation(ending, timed_out=True) if late else RunOperation(state, store=False)
    )
    assert step == expected


def test_an_unreadable_start_is_never_late() -> None:
    state = operation_state("Running", started_at="?")
    assert decide(state, change(SETTINGS, sync_timeout=1.0)) == RunOperation(state, store=False)


def test_a_retry_that_is_not_due() -> None:
    state = operation_state("Running", finished_at=ago(9), retry_count=1)
    assert decide(state) == WaitForRetry(NOW + timedelta(seconds=1))


def test_a_retry_that_is_due() -> None:
    state = operation_state("Running", finished_at=ago(10), retry_count=1)
    step = decide(state)
    assert isinstance(step, RunOperation)
    assert step.store
    assert step.state.message == "Retrying operation. Attempt #1"
    assert step.state.finished_at is None
    assert step.state.sync_result is None
    assert step.state.started_at == state.started_at


def test_a_retry_with_an_unreadable_wait() -> None:
    state = operation_state("Running", finished_at=ago(10), message="failed")
    broken = RetryStrategy(limit=1, backoff=Backoff(duration="soon"))
    step = decide(replace(state, operation=replace(state.operation, retry=broken)))
    assert isinstance(step, EndOperation)
    assert step.state.phase == "Error"
    assert step.state.message == 'failed (failed to retry: invalid duration "soon")'


def entry(number: int) -> RevisionHistory:
    return RevisionHistory(id=number, deployed_at=ago(100), revision=SHA)


def test_first_entry_of_the_history() -> None:
    state = replace(operation_state(), operation=WISH)
    assert history_after((), state, SPEC, NOW) == (
        RevisionHistory(
            id=0,
            deployed_at="2026-01-01T12:00:00Z",
            deploy_started_at=ago(60),
            revision=SHA,
            source=SOURCE,
            initiated_by=OperationInitiator(username="admin"),
        ),
    )


@pytest.mark.parametrize(
    ("limit", "ids"),
    [
        (None, list(range(6, 16))),
        (3, [13, 14, 15]),
        (1, [15]),
        (0, []),
        (-1, []),
        (99, list(range(5, 16))),
    ],
)
def test_the_history_is_trimmed(limit: int | None, ids: list[int]) -> None:
    spec = replace(SPEC, revision_history_limit=limit)
    history = history_after([entry(i) for i in range(5, 15)], operation_state(), spec, NOW)
    assert history is not None
    assert [kept.id for kept in history] == ids


NOT_WHOLE = [
    operation_state("Failed"),
    operation_state(with_result=False),
    replace(operation_state(), operation=Operation(sync=SyncOperation(dry_run=True))),
    replace(
        operation_state(),
        operation=Operation(
            sync=SyncOperation(resources=(SyncOperationResource(kind="Pod", name="p"),))
        ),
    ),
]


@pytest.mark.parametrize("state", NOT_WHOLE)
def test_only_a_whole_success_is_history(state: OperationState) -> None:
    assert history_after((), state, SPEC, NOW) is None


def test_operation_without_sync_is_history_where_it_has_a_result() -> None:
    state = replace(operation_state(), operation=Operation())
    assert history_after((), state, SPEC, NOW) is not None


@pytest.mark.parametrize(
    ("state", "message", "warning"),
    [
        (operation_state(), f"Sync operation to {SHA} succeeded", False),
        (
            operation_state("Failed", message="no"),
            f"Sync operation to {SHA} failed: no",
            True,
        ),
        (
            operation_state("Error", message="no", with_result=False),
            "Sync operation failed: no",
            True,
        ),
        (
            replace(operation_state(), operation=Operation()),
            f"Sync operation to {SHA} succeeded",
            False,
        ),
        (NOT_WHOLE[3], f"Partial sync operation to {SHA} succeeded", False),
    ],
)
def test_completion_event(state: OperationState, message: str, warning: bool) -> None:
    event = completed(state)
    assert event == AppEvent(EventReason.OPERATION_COMPLETED, message, warning=warning)
    assert event.type == ("Warning" if warning else "Normal")


def test_status_events() -> None:
    new = replace(
        STATUS, health=AppHealthStatus(status="Progressing", message="Caused by Pod:demo/p")
    )
    assert [event.message for event in status_events(ApplicationStatus(), new)] == [
        "Updated sync status:  -> Synced",
        "Updated health status:  -> Progressing (Caused by Pod:demo/p)",
    ]
    healthy = replace(STATUS, health=AppHealthStatus(status="Healthy"))
    assert [event.message for event in status_events(new, healthy)] == [
        "Updated health status: Progressing -> Healthy"
    ]
    assert status_events(new, new) == ()


def test_other_events() -> None:
    assert started("Initiated automated sync to 'x'").reason == "OperationStarted"
    assert deletion_failed("no") == AppEvent(
        EventReason.STATUS_REFRESHED,
        "Unable to delete application resources: no",
        warning=True,
    )


WAITS = replace(
    operation_state("Running", finished_at=ago(1), retry_count=1),
    operation=replace(WISH, retry=RetryStrategy(limit=5, refresh=True)),
)


def resume(state: OperationState) -> OperationStep | None:
    application = app(status=replace(STATUS, operation_state=state), operation=WISH)
    return decide_operation(application, NOW, SETTINGS, superseded=True)


def test_a_newer_commit_ends_the_wait_of_a_retry_that_asks_for_it() -> None:
    step = resume(WAITS)
    assert isinstance(step, RunOperation)
    assert step.state.message == "Retrying operation with latest revisions. Attempt #1"
    assert step.state.operation.sync is not None
    assert step.state.operation.sync.revision == ""
    assert step.state.sync_result is None
    patient = replace(WAITS, operation=replace(WISH, retry=RetryStrategy(limit=5)))
    assert isinstance(resume(patient), WaitForRetry)


def test_which_operations_wait_for_newer_commits() -> None:
    assert awaits_newer(WAITS)
    assert not awaits_newer(None)
    assert not awaits_newer(replace(WAITS, finished_at=None))
    assert not awaits_newer(replace(WAITS, phase="Failed"))
    assert not awaits_newer(replace(WAITS, operation=WISH))


def test_a_window_holds_up_what_runs() -> None:
    running = operation_state("Running")
    assert blocked(running, "").message == "Sync operation blocked by sync window"
    assert blocked(running, "bad").message == "Sync operation blocked by sync window: bad"
    ending = operation_state("Terminating", message="x")
    assert blocked(ending, "") == ending
    assert is_manual(running)
    automated = replace(WISH, initiated_by=OperationInitiator(automated=True))
    assert not is_manual(replace(running, operation=automated))
