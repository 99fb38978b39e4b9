"""Which manifests are hooks, in which phases they run, and when they are deleted.

Helm's hook annotation counts where the contract's own names no type of a sync. `Skip` alone
takes an object out of every sync; a hook of unknown type is a hook that never runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from tiphys.core.manifest.annotations import annotation, annotations_of, comma_list
from tiphys.model.names import (
    ANNOTATION_HELM_HOOK,
    ANNOTATION_HELM_HOOK_DELETE_POLICY,
    ANNOTATION_HOOK,
    ANNOTATION_HOOK_DELETE_POLICY,
    FINALIZER_HOOK,
)
from tiphys.model.resource import Manifest
from tiphys.model.status import HookDeletePolicy, HookType, SyncPhase

T = TypeVar("T")

_SYNC_TYPES = {
    hook.value: hook
    for hook in (
        HookType.PRE_SYNC,
        HookType.SYNC,
        HookType.POST_SYNC,
        HookType.SYNC_FAIL,
        HookType.SKIP,
    )
}
_HELM_SYNC_TYPES = {
    "pre-install": HookType.PRE_SYNC,
    "pre-upgrade": HookType.PRE_SYNC,
    "post-install": HookType.POST_SYNC,
    "post-upgrade": HookType.POST_SYNC,
}
_DELETE_TYPES = {hook.value: hook for hook in (HookType.PRE_DELETE, HookType.POST_DELETE)}
_HELM_DELETE_TYPES = {
    "pre-delete": HookType.PRE_DELETE,
    "post-delete": HookType.POST_DELETE,
}
_PHASES = {
    HookType.PRE_SYNC: SyncPhase.PRE_SYNC,
    HookType.SYNC: SyncPhase.SYNC,
    HookType.POST_SYNC: SyncPhase.POST_SYNC,
    HookType.SYNC_FAIL: SyncPhase.SYNC_FAIL,
}
_POLICIES = {policy.value: policy for policy in HookDeletePolicy}
_HELM_POLICIES = {
    "before-hook-creation": HookDeletePolicy.BEFORE_HOOK_CREATION,
    "hook-succeeded": HookDeletePolicy.HOOK_SUCCEEDED,
    "hook-failed": HookDeletePolicy.HOOK_FAILED,
}


def hook_types(manifest: Manifest) -> tuple[HookType, ...]:
    """The types that concern a sync, each once, in the annotation's order."""
    own = _known(manifest, ANNOTATION_HOOK, _SYNC_TYPES)
    return own or _known(manifest, ANNOTATION_HELM_HOOK, _HELM_SYNC_TYPES)


def delete_hook_types(manifest: Manifest) -> tuple[HookType, ...]:
    """PreDelete and PostDelete, whichever annotation names them."""
    own = _known(manifest, ANNOTATION_HOOK, _DELETE_TYPES)
    helm = _known(manifest, ANNOTATION_HELM_HOOK, _HELM_DELETE_TYPES)
    return tuple(dict.fromkeys([*own, *helm]))


def is_skipped(manifest: Manifest) -> bool:
    """Whether `Skip` is the only type: the object is neither applied nor a hook."""
    return hook_types(manifest) == (HookType.SKIP,)


def is_hook(manifest: Manifest) -> bool:
    """Whether an object is a hook of any kind, known or unknown."""
    if ANNOTATION_HOOK in annotations_of(manifest):
        return not is_skipped(manifest)
    helm = annotation(manifest, ANNOTATION_HELM_HOOK)
    return helm is not None and helm != "crd-install"


def is_delete_hook_only(manifest: Manifest) -> bool:
    """Whether an object runs at deletion and in no phase of a sync."""
    return bool(delete_hook_types(manifest)) and not hook_phases(manifest)


def hook_phases(manifest: Manifest) -> tuple[SyncPhase, ...]:
    """The phases in which the types of a hook run; empty where it never does."""
    return tuple(_PHASES[hook] for hook in hook_types(manifest) if hook in _PHASES)


def phases(manifest: Manifest) -> tuple[SyncPhase, ...]:
    """The phases of a sync in which an object is applied: Sync for one that is no hook."""
    if is_skipped(manifest):
        return ()
    return hook_phases(manifest) if is_hook(manifest) else (SyncPhase.SYNC,)


def delete_policies(manifest: Manifest) -> frozenset[HookDeletePolicy]:
    """Both annotations' policies together; BeforeHookCreation where neither names a known one."""
    own = _known(manifest, ANNOTATION_HOOK_DELETE_POLICY, _POLICIES)
    helm = _known(manifest, ANNOTATION_HELM_HOOK_DELETE_POLICY, _HELM_POLICIES)
    return frozenset([*own, *helm]) or frozenset([HookDeletePolicy.BEFORE_HOOK_CREATION])


def with_hook_name(
    manifest: Manifest, *, revision: str, phase: SyncPhase, started_at: datetime
) -> Manifest:
    """A hook that only has a generateName, with the name that this operation gives it.

    `revision` is the operation's, empty for several sources; seven characters of it are used
    unless it has fewer than eight. The name is the same however often it is asked for.
    """
    meta = manifest.get("metadata") or {}
    prefix = meta.get("generateName")
    if meta.get("name") or not prefix:
        return manifest
    short = revision[:7] if len(revision) >= 8 else revision
    suffix = f"{short}-{phase.value}-{int(started_at.timestamp())}".lower()
    return {**manifest, "metadata": {**meta, "name": f"{prefix}{suffix}"}}


def with_hook_finalizer(manifest: Manifest) -> Manifest:
    """The hook with the finalizer that keeps it until its result was seen."""
    meta = manifest.get("metadata") or {}
    before = meta.get("finalizers")
    finalizers = list(before) if isinstance(before, list) else []
    if FINALIZER_HOOK not in finalizers:
        finalizers.append(FINALIZER_HOOK)
    return {**manifest, "metadata": {**meta, "finalizers": finalizers}}


def _known(manifest: Manifest, name: str, values: Mapping[str, T]) -> tuple[T, ...]:
    """The items of an annotation's list that mean something, each once."""
    return tuple(
        dict.fromkeys(values[item] for item in comma_list(manifest, name) if item in values)
    )
