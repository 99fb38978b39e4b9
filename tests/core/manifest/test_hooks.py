"""Hook types, phases, names and delete policies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tiphys.core.manifest.hooks import (
    delete_hook_types,
    delete_policies,
    hook_types,
    is_delete_hook_only,
    is_hook,
    is_skipped,
    phases,
    with_hook_finalizer,
    with_hook_name,
)
from tiphys.model.names import (
    ANNOTATION_HELM_HOOK,
    ANNOTATION_HELM_HOOK_DELETE_POLICY,
    ANNOTATION_HOOK,
    ANNOTATION_HOOK_DELETE_POLICY,
    FINALIZER_HOOK,
)
from tiphys.model.status import HookDeletePolicy, HookType, SyncPhase


def hook(own: str | None = None, helm: str | None = None) -> dict[str, Any]:
    named = {ANNOTATION_HOOK: own, ANNOTATION_HELM_HOOK: helm}
    return {"metadata": {"annotations": {k: v for k, v in named.items() if v is not None}}}


@pytest.mark.parametrize(
    ("own", "helm", "runs", "hooked", "skipped"),
    [
        (None, None, [SyncPhase.SYNC], False, False),
        ("PreSync", None, [SyncPhase.PRE_SYNC], True, False),
        ("Sync , PostSync", None, [SyncPhase.SYNC, SyncPhase.POST_SYNC], True, False),
        ("SyncFail", None, [SyncPhase.SYNC_FAIL], True, False),
        ("Skip", None, [], False, True),
        ("Skip,PreSync", None, [SyncPhase.PRE_SYNC], True, False),
        ("Unknown", None, [], True, False),
        ("presync", None, [], True, False),
        ("", None, [], True, False),
        ("PreDelete", None, [], True, False),
        ("PreSync", "post-install", [SyncPhase.PRE_SYNC], True, False),
        ("PreDelete", "post-install", [SyncPhase.POST_SYNC], True, False),
        ("Unknown", "pre-upgrade", [SyncPhase.PRE_SYNC], True, False),
        (None, "pre-install,pre-upgrade", [SyncPhase.PRE_SYNC], True, False),
        (None, "post-install, post-upgrade", [SyncPhase.POST_SYNC], True, False),
        (None, "crd-install", [SyncPhase.SYNC], False, False),
        (None, "test", [], True, False),
        (None, "pre-rollback", [], True, False),
        (None, "pre-delete", [], True, False),
    ],
)
def test_phases(
    own: str | None, helm: str | None, runs: list[SyncPhase], hooked: bool, skipped: bool
) -> None:
    manifest = hook(own, helm)
    assert list(phases(manifest)) == runs
    assert is_hook(manifest) is hooked
    assert is_skipped(manifest) is skipped


def test_types_keep_their_order_and_come_once() -> None:
    assert hook_types(hook("PostSync,PreSync,PostSync")) == (HookType.POST_SYNC, HookType.PRE_SYNC)


@pytest.mark.parametrize(
    ("own", "helm", "types", "only"),
    [
        (None, None, (), False),
        ("PreDelete", None, (HookType.PRE_DELETE,), True),
        (None, "post-delete", (HookType.POST_DELETE,), True),
        ("PreDelete", "pre-delete,post-delete", (HookType.PRE_DELETE, HookType.POST_DELETE), True),
        ("PreDelete,PreSync", None, (HookType.PRE_DELETE,), False),
        (None, "post-delete,post-install", (HookType.POST_DELETE,), False),
        ("PreDelete,Skip", None, (HookType.PRE_DELETE,), True),
    ],
)
def test_delete_hooks(
    own: str | None, helm: str | None, types: tuple[HookType, ...], only: bool
) -> None:
    assert delete_hook_types(hook(own, helm)) == types
    assert is_delete_hook_only(hook(own, helm)) is only


@pytest.mark.parametrize(
    ("own", "helm", "expected"),
    [
        (None, None, {HookDeletePolicy.BEFORE_HOOK_CREATION}),
        ("x", "y", {HookDeletePolicy.BEFORE_HOOK_CREATION}),
        ("HookSucceeded", None, {HookDeletePolicy.HOOK_SUCCEEDED}),
        (
            "HookFailed",
            "hook-succeeded, before-hook-creation",
            {
                HookDeletePolicy.HOOK_FAILED,
                HookDeletePolicy.HOOK_SUCCEEDED,
                HookDeletePolicy.BEFORE_HOOK_CREATION,
            },
        ),
        (None, "hook-failed", {HookDeletePolicy.HOOK_FAILED}),
    ],
)
def test_delete_policies(
    own: str | None, helm: str | None, expected: set[HookDeletePolicy]
) -> None:
    named = {ANNOTATION_HOOK_DELETE_POLICY: own, ANNOTATION_HELM_HOOK_DELETE_POLICY: helm}
    annotations = {k: v for k, v in named.items() if v is not None}
    assert delete_policies({"metadata": {"annotations": annotations}}) == expected


STARTED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.mark.parametrize(
    ("revision", "name"),
    [
        ("0123456789abcdef", "Up-0123456-presync-1767323045"),
        ("01234567", "Up-0123456-presync-1767323045"),
        ("1.2.3", "Up-1.2.3-presync-1767323045"),
        ("V1.2", "Up-v1.2-presync-1767323045"),
        ("", "Up--presync-1767323045"),
    ],
)
def test_generated_names(revision: str, name: str) -> None:
    manifest: dict[str, Any] = {"kind": "Job", "metadata": {"generateName": "Up-", "labels": {}}}
    named = with_hook_name(
        manifest, revision=revision, phase=SyncPhase.PRE_SYNC, started_at=STARTED
    )
    assert named == {"kind": "Job", "metadata": {**manifest["metadata"], "name": name}}


@pytest.mark.parametrize("meta", [{"name": "a", "generateName": "b"}, {"name": "a"}, {}, None])
def test_names_are_kept(meta: dict[str, Any] | None) -> None:
    manifest = {"metadata": meta}
    same = with_hook_name(manifest, revision="r", phase=SyncPhase.SYNC, started_at=STARTED)
    assert same is manifest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, [FINALIZER_HOOK]),
        (["mine"], ["mine", FINALIZER_HOOK]),
        ([FINALIZER_HOOK, "mine"], [FINALIZER_HOOK, "mine"]),
        ("odd", [FINALIZER_HOOK]),
    ],
)
def test_a_hook_is_held_once(before: Any, after: list[str]) -> None:
    manifest: dict[str, Any] = {"kind": "Job", "metadata": {"name": "one", "finalizers": before}}
    held = with_hook_finalizer(manifest)
    assert held == {"kind": "Job", "metadata": {"name": "one", "finalizers": after}}
    assert manifest["metadata"]["finalizers"] is before
