"""Which sources are rendered at which revision, for a pass and for an operation."""

import pytest
from msgspec.structs import replace

from tests.core.app.build import OTHER_SHA, SHA, SOURCE, SPEC, STATUS
from tiphys.core.app.asking import (
    Asking,
    asked_before,
    asked_by_operation,
    asked_by_spec,
    is_pinned,
    is_rendered,
)
from tiphys.model.application import (
    ApplicationSource,
    ApplicationSpec,
    ApplicationStatus,
    SyncOperation,
    SyncOperationResult,
)
from tiphys.model.source import no_source

MAIN = replace(SOURCE, target_revision="main")
CHART = replace(SOURCE, path="", chart="redis", target_revision="7.x")
ARTEFACT = replace(SOURCE, repo_url="oci://registry.example.com/web", target_revision="v1")
VALUES = replace(SOURCE, path="", ref="values")
ONE = replace(SPEC, source=MAIN)
THREE = replace(SPEC, source=None, sources=(MAIN, CHART, VALUES))
DIGEST = "sha256:" + "0" * 64


def stored(revision: str = "", revisions: tuple[str, ...] = ()) -> ApplicationStatus:
    return replace(STATUS, sync=replace(STATUS.sync, revision=revision, revisions=revisions))


def test_the_spec_asks_for_its_target_revisions() -> None:
    assert asked_by_spec(ONE) == Asking((MAIN,), ("main",), several=False)
    assert asked_by_spec(THREE) == Asking((MAIN, CHART, VALUES), ("main", "7.x", ""), several=True)
    assert asked_by_spec(replace(SPEC, sources=(MAIN,))).several


def test_how_it_is_stored() -> None:
    one, three = asked_by_spec(ONE), asked_by_spec(THREE)
    assert (one.source, one.listed) == (MAIN, ())
    assert (three.source, three.listed) == (no_source(), THREE.sources)


@pytest.mark.parametrize(
    ("spec", "status", "revisions"),
    [
        (ONE, stored(SHA), (SHA,)),
        (ONE, stored(""), ("main",)),
        # What could not be loaded left its name behind, not its commit.
        (ONE, stored("v2"), ("main",)),
        (ONE, stored("", (SHA,)), ("main",)),
        (THREE, stored("", (SHA, "7.1.2", OTHER_SHA)), (SHA, "7.1.2", OTHER_SHA)),
        (THREE, stored("", (SHA, "", "main")), (SHA, "7.x", "")),
        (THREE, stored("", (SHA, "7.1.2")), ("main", "7.x", "")),
        (THREE, stored(SHA), ("main", "7.x", "")),
    ],
)
def test_a_recent_comparison_stays_with_its_revisions(
    spec: ApplicationSpec, status: ApplicationStatus, revisions: tuple[str, ...]
) -> None:
    assert asked_before(spec, status).revisions == revisions


@pytest.mark.parametrize(
    ("source", "revision", "pinned"),
    [
        (MAIN, SHA, True),
        (MAIN, SHA[:9], False),
        (CHART, "1.2.3", True),
        (CHART, "", False),
        (ARTEFACT, DIGEST, True),
        (ARTEFACT, "v1", False),
    ],
)
def test_what_needs_no_looking_up(source: ApplicationSource, revision: str, pinned: bool) -> None:
    assert is_pinned(source, revision) is pinned


RESULT = SyncOperationResult(revision=SHA, revisions=())


@pytest.mark.parametrize(
    ("spec", "sync", "result", "asking"),
    [
        (ONE, SyncOperation(), None, Asking((MAIN,), ("main",), several=False)),
        (ONE, SyncOperation(revision="v1"), None, Asking((MAIN,), ("v1",), several=False)),
        (ONE, SyncOperation(revision="v1"), RESULT, Asking((MAIN,), (SHA,), several=False)),
        (
            ONE,
            SyncOperation(source=SOURCE, revision=SHA),
            None,
            Asking((SOURCE,), (SHA,), several=False),
        ),
        # A rollback to what was deployed while there were several.
        (
            ONE,
            SyncOperation(sources=(CHART, VALUES), revisions=("7.1.2", SHA)),
            None,
            Asking((CHART, VALUES), ("7.1.2", SHA), several=True),
        ),
        (
            THREE,
            SyncOperation(source=SOURCE, revision=SHA),
            None,
            Asking((SOURCE,), (SHA,), several=False),
        ),
        (
            THREE,
            SyncOperation(revisions=("v1",)),
            None,
            Asking(THREE.sources, ("v1", "7.x", ""), several=True),
        ),
        (
            THREE,
            SyncOperation(revisions=("v1", "", "v2")),
            SyncOperationResult(revision="", revisions=(SHA, "7.1.2", OTHER_SHA)),
            Asking(THREE.sources, (SHA, "7.1.2", OTHER_SHA), several=True),
        ),
        (
            THREE,
            SyncOperation(revisions=("v1", "", "v2")),
            SyncOperationResult(revision=""),
            Asking(THREE.sources, ("v1", "7.x", "v2"), several=True),
        ),
    ],
)
def test_an_operation_may_name_its_own(
    spec: ApplicationSpec, sync: SyncOperation, result: SyncOperationResult | None, asking: Asking
) -> None:
    assert asked_by_operation(spec, sync, result) == asking


def test_what_only_lends_its_files_is_not_rendered() -> None:
    assert is_rendered(CHART, several=True)
    assert is_rendered(replace(VALUES, path="apps"), several=True)
    assert not is_rendered(VALUES, several=True)
    assert is_rendered(replace(SOURCE, path=""), several=False)
