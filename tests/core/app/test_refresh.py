"""The refresh ladder, rung by rung; each rung is tried with the lower ones holding too."""

from dataclasses import replace as with_settings

import pytest
from msgspec.structs import replace

from tests.core.app.build import NOW, SOURCE, SPEC, STATUS, ago, app, operation_state
from tiphys.core.app.refresh import RefreshDecision, decide_refresh
from tiphys.core.settings import Settings
from tiphys.model.application import (
    Application,
    ApplicationDestination,
    ApplicationSource,
    ApplicationSourceHelm,
    ApplicationSourceKustomize,
    ApplicationSpec,
    ApplicationStatus,
    ComparedTo,
    ManagedNamespaceMetadata,
    ResourceIgnoreDifferences,
    SyncOperationResult,
    SyncPolicy,
)
from tiphys.model.status import CompareLevel

SETTINGS = Settings()


def decide(
    application: Application,
    requested: CompareLevel | None = None,
    settings: Settings = SETTINGS,
) -> RefreshDecision | None:
    return decide_refresh(application, requested, NOW, settings)


def compared_to(**changes: object) -> ApplicationStatus:
    compared = replace(STATUS.sync.compared_to, **changes)
    return replace(STATUS, sync=replace(STATUS.sync, compared_to=compared))


def test_nothing_changed() -> None:
    assert decide(app()) is None


@pytest.mark.parametrize(
    ("value", "hard", "reason"),
    [
        ("normal", False, "normal refresh requested"),
        ("hard", True, "hard refresh requested"),
        ("", False, "normal refresh requested"),
        ("HARD", False, "normal refresh requested"),
    ],
)
def test_annotation_comes_first(value: str, hard: bool, reason: str) -> None:
    asked = app(status=ApplicationStatus(), annotations={"argocd.argoproj.io/refresh": value})
    assert decide(asked) == RefreshDecision(CompareLevel.FORCE_RESOLVE, reason, hard=hard)


def test_a_new_application_has_another_source() -> None:
    assert decide(app(status=ApplicationStatus())) == RefreshDecision(
        CompareLevel.FORCE_RESOLVE, "spec.source differs"
    )


@pytest.mark.parametrize(
    "source",
    [
        replace(SOURCE, path="other"),
        replace(SOURCE, target_revision="main"),
        replace(SOURCE, helm=ApplicationSourceHelm(values_object={"replicas": 2})),
    ],
)
def test_source_differs(source: ApplicationSource) -> None:
    decision = decide(app(replace(SPEC, source=source), replace(STATUS, reconciled_at=ago(999))))
    assert decision == RefreshDecision(CompareLevel.FORCE_RESOLVE, "spec.source differs")


def test_empty_tool_blocks_make_no_difference() -> None:
    source = replace(SOURCE, kustomize=ApplicationSourceKustomize(), helm=ApplicationSourceHelm())
    assert decide(app(replace(SPEC, source=source))) is None


def test_sources_differ() -> None:
    several = replace(SPEC, sources=(SOURCE, SOURCE))
    assert decide(app(several)) == RefreshDecision(
        CompareLevel.FORCE_RESOLVE, "at least one of the spec.sources differs"
    )
    assert decide(app(several, compared_to(sources=(SOURCE, SOURCE)))) is None


def test_expired() -> None:
    old = app(status=replace(STATUS, reconciled_at=ago(121)))
    assert decide(old, CompareLevel.TREE_ONLY) == RefreshDecision(
        CompareLevel.LATEST,
        "comparison expired, requesting refresh. "
        "reconciledAt: 2026-01-01 11:57:59 +0000 UTC, expiry: 2m0s",
    )


def test_not_expired_at_the_very_second() -> None:
    assert decide(app(status=replace(STATUS, reconciled_at=ago(120)))) is None


@pytest.mark.parametrize("timeout", [120.0, 0.0])
def test_never_compared_is_expired_even_without_polling(timeout: float) -> None:
    decision = decide(
        app(status=replace(STATUS, reconciled_at=None)),
        settings=with_settings(SETTINGS, reconciliation=timeout),
    )
    assert decision is not None
    assert decision.level is CompareLevel.LATEST
    assert "reconciledAt: never" in decision.reason


def test_polling_switched_off() -> None:
    old = app(status=replace(STATUS, reconciled_at=ago(99999)))
    assert decide(old, settings=with_settings(SETTINGS, reconciliation=0.0)) is None


def test_hard_expiry_goes_before_the_soft_one() -> None:
    old = app(status=replace(STATUS, reconciled_at=ago(3601)))
    decision = decide(old, settings=with_settings(SETTINGS, hard_reconciliation=3600.0))
    assert decision == RefreshDecision(
        CompareLevel.LATEST,
        "comparison expired, requesting hard refresh. "
        "reconciledAt: 2026-01-01 10:59:59 +0000 UTC, expiry: 1h0m0s",
        hard=True,
    )


@pytest.mark.parametrize(
    ("hard_timeout", "hard"), [(3600.0, True), (0.0, False)], ids=["on", "off"]
)
def test_never_compared_is_hard_only_where_hard_refreshes_are_on(
    hard_timeout: float, hard: bool
) -> None:
    fresh = app(status=replace(STATUS, reconciled_at=None))
    decision = decide(fresh, settings=with_settings(SETTINGS, hard_reconciliation=hard_timeout))
    assert decision is not None
    assert decision.hard is hard


DIFFERENT = [
    (
        replace(SPEC, destination=ApplicationDestination(name="in-cluster", namespace="demo")),
        "spec.destination differs",
    ),
    (
        replace(SPEC, ignore_differences=(ResourceIgnoreDifferences(kind="Secret"),)),
        "spec.ignoreDifferences differs",
    ),
]


@pytest.mark.parametrize(("spec", "reason"), DIFFERENT)
def test_other_inputs_differ(spec: ApplicationSpec, reason: str) -> None:
    decision = decide(app(spec), CompareLevel.FORCE_RESOLVE)
    assert decision == RefreshDecision(CompareLevel.LATEST, reason)


@pytest.mark.parametrize(
    ("applied", "differs"),
    [
        (ManagedNamespaceMetadata(labels={"team": "a"}), False),
        (ManagedNamespaceMetadata(labels={"team": "b"}), True),
        (None, True),
    ],
)
def test_namespace_metadata(applied: ManagedNamespaceMetadata | None, differs: bool) -> None:
    wanted = ManagedNamespaceMetadata(labels={"team": "a"})
    spec = replace(SPEC, sync_policy=SyncPolicy(managed_namespace_metadata=wanted))
    result = SyncOperationResult(revision="", managed_namespace_metadata=applied)
    state = replace(operation_state(), sync_result=result)
    decision = decide(app(spec, replace(STATUS, operation_state=state)))
    reason = "spec.syncPolicy.managedNamespaceMetadata differs"
    assert decision == (RefreshDecision(CompareLevel.LATEST, reason) if differs else None)


def test_namespace_metadata_without_a_sync() -> None:
    wanted = ManagedNamespaceMetadata(labels={"team": "a"})
    spec = replace(SPEC, sync_policy=SyncPolicy(managed_namespace_metadata=wanted))
    assert decide(app(spec)) is None
    state = operation_state(with_result=False)
    assert decide(app(spec, replace(STATUS, operation_state=state))) is None


@pytest.mark.parametrize("level", list(CompareLevel))
def test_requests_of_events_come_last(level: CompareLevel) -> None:
    assert decide(app(), level) == RefreshDecision(
        level, "controller refresh requested", takes_request=True
    )


def test_spec_without_source_compares_as_the_zero_source() -> None:
    status = replace(STATUS, sync=replace(STATUS.sync, compared_to=ComparedTo()))
    spec = replace(SPEC, source=None, destination=ApplicationDestination())
    assert decide(app(spec, status)) is None
