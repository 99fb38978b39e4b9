"""How an object is written, by the options of application, desired and live object."""

from __future__ import annotations

import pytest

from tests.core.sync.test_plan import OPTIONS, live, manifest
from tiphys.core.sync.manner import ANNOTATIONS_LIMIT, Manner, Write, fits, manner_of, never_removed
from tiphys.model.names import ANNOTATION_LAST_APPLIED
from tiphys.model.resource import Manifest

MANAGER = "kubectl-client-side-apply"


def of(
    target: str = "", found: str | None = None, application: str = "", *, forced: bool = False
) -> Manner:
    """The manner by options as they are written; `found` None: nothing is live."""
    wanted = manifest(annotations={OPTIONS: target})
    there = None if found is None else live(manifest(annotations={OPTIONS: found}))
    options = frozenset(application.split(","))
    return manner_of(wanted, there, application=options, forced=forced, migrate=MANAGER)


@pytest.mark.parametrize(
    ("manner", "write"),
    [
        (of(), Write.PATCH),
        (of(application="ServerSideApply=true"), Write.APPLY),
        (of("ServerSideApply=true"), Write.APPLY),
        # What the object itself says wins, whichever way.
        (of("ServerSideApply=false", application="ServerSideApply=true"), Write.PATCH),
        (of("ServerSideApply=false,ServerSideApply=true"), Write.PATCH),
        # The live object is not asked for this one.
        (of(found="ServerSideApply=true"), Write.PATCH),
        (of(application="Replace=true"), Write.REPLACE),
        (of("Replace=true"), Write.REPLACE),
        (of(found="Replace=true"), Write.REPLACE),
        (of("Replace=true", application="ServerSideApply=true"), Write.REPLACE),
        (of("Replace=false", application="Replace=true"), Write.REPLACE),
        (of("replace=true"), Write.PATCH),
    ],
)
def test_how_it_is_written(manner: Manner, write: Write) -> None:
    assert manner.write is write


@pytest.mark.parametrize(
    ("manner", "force"),
    [
        (of(), False),
        (of(forced=True), True),
        (of("Force=true"), True),
        (of(found="Force=true"), True),
        # An option of objects and of operations, not of applications.
        (of(application="Force=true"), False),
    ],
)
def test_by_force(manner: Manner, *, force: bool) -> None:
    assert manner.force is force


def test_what_was_applied_before_is_taken_over() -> None:
    assert of(application="ServerSideApply=true").migrate == MANAGER
    assert of(application="ServerSideApply=true,ClientSideApplyMigration=false").migrate == ""
    assert of().migrate == ""


@pytest.mark.parametrize(
    ("item", "never"),
    [
        (manifest(), False),
        (manifest("Namespace", namespace=""), True),
        (manifest("Namespace", api="example.com/v1"), True),
        (manifest("CustomResourceDefinition", api="apiextensions.k8s.io/v1"), True),
        (manifest("CustomResourceDefinition", api="example.com/v1"), False),
    ],
)
def test_what_is_never_removed(item: Manifest, *, never: bool) -> None:
    assert never_removed(item) is never


def test_annotations_have_a_limit() -> None:
    assert fits({"kind": "ConfigMap"})
    size = ANNOTATIONS_LIMIT - len(ANNOTATION_LAST_APPLIED)
    # Two bytes in UTF-8.
    text = "\u00e9" * (size // 2) + "x" * (size % 2)
    assert fits(manifest(annotations={ANNOTATION_LAST_APPLIED: text}))
    assert not fits(manifest(annotations={ANNOTATION_LAST_APPLIED: text + "x"}))
