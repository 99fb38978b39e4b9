"""The auto-sync ladder, rung by rung."""

from dataclasses import replace as change

import pytest
from msgspec.structs import replace

from tests.core.app.build import (
    NOW,
    OTHER_SHA,
    SHA,
    SOURCE,
    SPEC,
    STATUS,
    ago,
    app,
    operation_state,
)
from tiphys.core.app.autosync import (
    AutoSync,
    Compared,
    HealLater,
    NoSync,
    StartSync,
    SyncPrevented,
    SyncRefused,
    decide_auto_sync,
)
from tiphys.core.settings import Settings
from tiphys.model.application import (
    Application,
    Backoff,
    Operation,
    OperationInitiator,
    OperationState,
    ResourceStatus,
    RetryStrategy,
    SyncOperation,
    SyncOperationResource,
    SyncOperationResult,
    SyncPolicy,
    SyncPolicyAutomated,
)
from tiphys.model.status import SyncCode

SETTINGS = Settings()
DRIFTED = ResourceStatus(group="apps", kind="Deployment", name="web", status="OutOfSync")
FINE = ResourceStatus(kind="Service", name="web", status="Synced")
HOOK = ResourceStatus(group="batch", kind="Job", name="migrate", hook=True)
EXTRA = ResourceStatus(kind="ConfigMap", name="old", status="OutOfSync", requires_pruning=True)
OUT_OF_SYNC = Compared(SyncCode.OUT_OF_SYNC, (SHA,), (DRIFTED, FINE))


def automated(
    *,
    prune: bool = False,
    self_heal: bool = False,
    allow_empty: bool = False,
    enabled: bool | None = None,
    state: OperationState | None = None,
    retry: RetryStrategy | None = None,
    options: tuple[str, ...] = (),
    operation: Operation | None = None,
    deleting: str | None = None,
) -> Application:
    policy = SyncPolicy(
        automated=SyncPolicyAutomated(
            prune=prune, self_heal=self_heal, allow_empty=allow_empty, enabled=enabled
        ),
        retry=retry,
        sync_options=options,
    )
    return app(
        replace(SPEC, sync_policy=policy),
        replace(STATUS, operation_state=state),
        operation=operation,
        deleting=deleting,
    )


def decide(
    application: Application, compared: Compared = OUT_OF_SYNC, settings: Settings = SETTINGS
) -> AutoSync:
    return decide_auto_sync(application, compared, NOW, settings)


def test_a_closed_window_comes_before_everything() -> None:
    prevented = decide_auto_sync(app(), OUT_OF_SYNC, NOW, SETTINGS, window_open=False)
    assert prevented == SyncPrevented("Sync prevented by sync window")


def test_manual_applications_are_left_alone() -> None:
    assert decide(app()) == NoSync()
    assert decide(app(replace(SPEC, sync_policy=SyncPolicy()))) == NoSync()
    assert decide(automated(enabled=False, prune=True)) == NoSync()


def test_out_of_sync_is_synced() -> None:
    started = decide(automated(enabled=True, options=("Validate=false",)))
    assert started == StartSync(
        Operation(
            sync=SyncOperation(revision=SHA, source=SOURCE, sync_options=("Validate=false",)),
            initiated_by=OperationInitiator(automated=True),
            retry=RetryStrategy(limit=5),
        ),
        f"Initiated automated sync to '{SHA}'",
    )


def test_the_policy_s_retry_and_prune_are_taken_over() -> None:
    retry = RetryStrategy(limit=2, backoff=Backoff(duration="1s"))
    started = decide(automated(prune=True, retry=retry))
    assert isinstance(started, StartSync)
    assert started.operation.retry == retry
    assert started.operation.sync is not None
    assert started.operation.sync.prune


def test_several_sources() -> None:
    sources = (SOURCE, SOURCE)
    spec = replace(SPEC, sources=sources, sync_policy=SyncPolicy(automated=SyncPolicyAutomated()))
    compared = Compared(SyncCode.OUT_OF_SYNC, (SHA, OTHER_SHA), (DRIFTED,))
    started = decide(app(spec), compared)
    assert isinstance(started, StartSync)
    assert started.operation.sync == SyncOperation(sources=sources, revisions=(SHA, OTHER_SHA))
    assert started.event == f"Initiated automated sync to '{SHA}, {OTHER_SHA}'"


def test_several_sources_already_attempted() -> None:
    sources = (SOURCE, SOURCE)
    spec = replace(SPEC, sources=sources, sync_policy=SyncPolicy(automated=SyncPolicyAutomated()))
    result = SyncOperationResult(revision="", sources=sources, revisions=(SHA, OTHER_SHA))
    state = replace(operation_state("Failed", message="no"), sync_result=result)
    compared = Compared(SyncCode.OUT_OF_SYNC, (SHA, OTHER_SHA), (DRIFTED,))
    refused = decide(app(spec, replace(STATUS, operation_state=state)), compared)
    assert refused == SyncRefused(f"Failed last sync attempt to [{SHA} {OTHER_SHA}]: no")


def test_running_operation() -> None:
    busy = automated(operation=Operation(sync=SyncOperation()))
    assert decide(busy) == NoSync("Skipping auto-sync: another operation is in progress")


def test_deletion() -> None:
    assert decide(automated(deleting=ago(1))) == NoSync("Skipping auto-sync: deletion in progress")


@pytest.mark.parametrize("code", [SyncCode.SYNCED, SyncCode.UNKNOWN])
def test_not_out_of_sync(code: SyncCode) -> None:
    assert decide(automated(), change(OUT_OF_SYNC, status=code)) == NoSync(
        f"Skipping auto-sync: application status is {code.value}"
    )


def test_only_extra_objects_and_no_prune() -> None:
    extra_only = change(OUT_OF_SYNC, resources=(FINE, EXTRA))
    assert decide(automated(), extra_only) == NoSync(
        "Skipping auto-sync: need to prune extra resources only but automated prune is disabled"
    )
    assert isinstance(decide(automated(prune=True), extra_only), StartSync)


def test_failed_revision_is_not_tried_again() -> None:
    failed = operation_state("Failed", message="one or more objects failed to apply")
    refused = SyncRefused(
        f"Failed last sync attempt to [{SHA}]: one or more objects failed to apply"
    )
    assert decide(automated(state=failed)) == refused
    assert decide(automated(state=failed, self_heal=True)) == refused


def test_another_revision_is_a_new_attempt() -> None:
    failed = operation_state("Failed", revision=OTHER_SHA)
    assert isinstance(decide(automated(state=failed)), StartSync)


def test_another_revision_that_cannot_have_changed_anything_is_the_same_attempt() -> None:
    failed = operation_state("Failed", revision=OTHER_SHA, message="no")
    unchanged = change(OUT_OF_SYNC, may_have_changed=False)
    assert decide(automated(state=failed), unchanged) == SyncRefused(
        f"Failed last sync attempt to [{SHA}]: no"
    )


def test_another_source_is_a_new_attempt() -> None:
    failed = operation_state("Failed", source=replace(SOURCE, path="other"))
    assert isinstance(decide(automated(state=failed)), StartSync)


@pytest.mark.parametrize(("phase", "attempted"), [("Error", True), ("Running", False)])
def test_an_attempt_without_result_counts_when_it_is_over(phase: str, attempted: bool) -> None:
    state = operation_state(phase, with_result=False)
    assert isinstance(decide(automated(state=state)), SyncRefused if attempted else StartSync)


def test_success_without_self_heal_is_left_alone() -> None:
    assert isinstance(decide(automated(state=operation_state())), NoSync)


def test_first_healing_is_immediate_and_selective() -> None:
    compared = change(OUT_OF_SYNC, resources=(DRIFTED, FINE, HOOK))
    healed = decide(automated(self_heal=True, state=operation_state(finished_at=ago(0))), compared)
    assert isinstance(healed, StartSync)
    assert healed.operation.sync == SyncOperation(
        revision=SHA,
        source=SOURCE,
        resources=(
            SyncOperationResource(group="apps", kind="Deployment", name="web"),
            SyncOperationResource(group="batch", kind="Job", name="migrate"),
        ),
        auto_heal_attempts_count=1,
    )


@pytest.mark.parametrize(
    ("heals", "delay"), [(1, 2), (2, 6), (3, 18), (4, 54), (5, 162), (6, 300), (100000, 300)]
)
def test_healing_slows_down(heals: int, delay: int) -> None:
    early = operation_state(finished_at=ago(0.0), heals=heals)
    assert decide(automated(self_heal=True, state=early)) == HealLater(float(delay))
    late = operation_state(finished_at=ago(delay), heals=heals)
    healed = decide(automated(self_heal=True, state=late))
    assert isinstance(healed, StartSync)
    assert healed.operation.sync is not None
    assert healed.operation.sync.auto_heal_attempts_count == heals + 1


def test_a_factor_of_one_keeps_the_delay() -> None:
    settings = change(SETTINGS, self_heal_backoff_factor=1.0)
    state = operation_state(finished_at=ago(1), heals=9)
    assert decide(automated(self_heal=True, state=state), settings=settings) == HealLater(1.0)


def test_without_finish_the_whole_delay_is_waited() -> None:
    state = operation_state(heals=2)
    assert decide(automated(self_heal=True, state=state)) == HealLater(6.0)


def test_fixed_delay_where_there_is_no_backoff() -> None:
    settings = change(SETTINGS, self_heal_backoff=0.0, self_heal_delay=5.0)
    state = operation_state(finished_at=ago(2))
    assert decide(automated(self_heal=True, state=state), settings=settings) == HealLater(3.0)


def test_operation_without_sync_was_never_a_healing() -> None:
    state = replace(operation_state(finished_at=ago(0)), operation=Operation())
    assert isinstance(decide(automated(self_heal=True, state=state)), StartSync)


@pytest.mark.parametrize("resources", [(EXTRA, EXTRA), ()], ids=["all extra", "none at all"])
def test_wiping_everything_out_is_refused(resources: tuple[ResourceStatus, ...]) -> None:
    compared = change(OUT_OF_SYNC, resources=resources)
    assert decide(automated(prune=True), compared) == SyncRefused(
        f"Skipping sync attempt to [{SHA}]: auto-sync will wipe out all resources"
    )
    assert isinstance(decide(automated(prune=True, allow_empty=True), compared), StartSync)


def test_the_attempt_rule_goes_before_the_empty_guard() -> None:
    compared = change(OUT_OF_SYNC, resources=(EXTRA,))
    failed = operation_state("Failed", message="no")
    refused = decide(automated(prune=True, state=failed), compared)
    assert refused == SyncRefused(f"Failed last sync attempt to [{SHA}]: no")
