"""How an application that is being deleted goes away, and what it takes with it.

Its PreDelete hooks run first. Then its objects go wave by wave, the highest first, each wave only
when the one before is gone. Then its PostDelete hooks run. core.app.deletehooks has the hooks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tiphys.core.app.confirmation import (
    approved_since,
    asks_first,
    removal_options,
    wishes,
)
from tiphys.core.app.spec import sync_policy
from tiphys.core.manifest.annotations import annotation, wave
from tiphys.core.manifest.tracking import names_itself, parse_tracking_id
from tiphys.model.application import Application
from tiphys.model.live import Propagation
from tiphys.model.names import (
    ANNOTATION_HELM_RESOURCE_POLICY,
    ANNOTATION_TRACKING_ID,
    API_GROUP,
    FINALIZER_HOOK,
    FINALIZER_POST_DELETE,
    FINALIZER_PRE_DELETE,
    FINALIZER_RESOURCES,
    FINALIZER_RESOURCES_BACKGROUND,
    FINALIZER_RESOURCES_FOREGROUND,
)
from tiphys.model.resource import GroupKind, Manifest, ResourceKey, key_of
from tiphys.model.status import HookType

_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_CASCADE = (FINALIZER_RESOURCES, FINALIZER_RESOURCES_FOREGROUND, FINALIZER_RESOURCES_BACKGROUND)
_CLEANUP = "/cleanup"
_FINALIZER_OF = {
    HookType.PRE_DELETE: FINALIZER_PRE_DELETE,
    HookType.POST_DELETE: FINALIZER_POST_DELETE,
}
_HOOKS = tuple(
    name + stage
    for name in (FINALIZER_PRE_DELETE, FINALIZER_POST_DELETE)
    for stage in ("", _CLEANUP)
)


@dataclass(frozen=True, slots=True)
class DeletionBlocked:
    """It cannot go on until somebody changes something; a DeletionError says why."""

    message: str


@dataclass(frozen=True, slots=True)
class DropFinalizers:
    """Nothing is left to do, or nothing can be done: these are removed."""

    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cascade:
    """Delete the application's objects, then remove the finalizers that asked for it."""

    propagation: Propagation
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunHooks:
    """Run the hooks of this type to their end, then remove the finalizer."""

    type: HookType
    finalizer: str


@dataclass(frozen=True, slots=True)
class CleanUpHooks:
    """Delete the hooks of this type whose policy asks for it, then remove the finalizer."""

    type: HookType
    finalizer: str


@dataclass(frozen=True, slots=True)
class NothingAsked:
    """No finalizer of ours is left: the objects stay, the API server removes the Application."""


Deletion = DeletionBlocked | DropFinalizers | RunHooks | Cascade | CleanUpHooks | NothingAsked


def decide_deletion(app: Application, *, refused: str, resolvable: bool) -> Deletion:
    """The first rung that holds decides.

    `refused` says what is wrong with the project, such as that it is gone, or is empty.
    `resolvable`: the destination is a cluster that is known, reachable or not.
    """
    finalizers = app.metadata.finalizers
    cascade = tuple(name for name in finalizers if name in _CASCADE)
    hooks = tuple(name for name in finalizers if name in _HOOKS)
    if not cascade and not hooks:
        return NothingAsked()
    # Without its project nobody knows what the application was allowed to touch.
    if refused:
        return DeletionBlocked(refused)
    # The cluster is not known, so there is nothing that could be deleted.
    if not resolvable:
        return DropFinalizers((*cascade, *hooks))
    if FINALIZER_PRE_DELETE in hooks:
        return RunHooks(HookType.PRE_DELETE, FINALIZER_PRE_DELETE)
    if cascade:
        background = cascade[0] == FINALIZER_RESOURCES_BACKGROUND
        return Cascade(Propagation.BACKGROUND if background else Propagation.FOREGROUND, cascade)
    if FINALIZER_POST_DELETE in hooks:
        return RunHooks(HookType.POST_DELETE, FINALIZER_POST_DELETE)
    if FINALIZER_PRE_DELETE + _CLEANUP in hooks:
        return CleanUpHooks(HookType.PRE_DELETE, FINALIZER_PRE_DELETE + _CLEANUP)
    return CleanUpHooks(HookType.POST_DELETE, FINALIZER_POST_DELETE + _CLEANUP)


def delete_finalizers(
    finalizers: Sequence[str], types: Collection[HookType]
) -> tuple[str, ...] | None:
    """The finalizers of an application whose manifests hold delete hooks of these types.

    None where they are as they should be. Whoever asks is not deleting the application.
    """
    wanted = [
        name + stage
        for hook, name in _FINALIZER_OF.items()
        for stage in ("", _CLEANUP)
        if hook in types
    ]
    kept = [name for name in finalizers if name not in _HOOKS or name in wanted]
    after = (*kept, *(name for name in wanted if name not in kept))
    return None if after == tuple(finalizers) else after


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An ownerless live object that is tracked by the application. `kept`: it outlives it.

    `held`: it is a hook that our finalizer keeps from going.
    """

    key: ResourceKey
    uid: str
    wave: int = 0
    deleting: bool = False
    kept: bool = False
    confirm: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class WaitForDeletion:
    """Objects are going, or a person's approval is awaited; an event will tell.

    `release` are hooks on their way out that only our finalizer still holds.
    """

    release: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteObjects:
    """To be deleted side by side, each with its uid as precondition."""

    objects: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class CascadeDone:
    """Only what is kept is left."""


CascadeStep = WaitForDeletion | DeleteObjects | CascadeDone


def candidate(app: Application, manifest: Manifest, *, labelled: bool = False) -> Candidate:
    """`labelled`: objects are tracked by their label alone, which names no object."""
    key = key_of(manifest)
    meta = manifest.get("metadata") or {}
    options = sync_policy(app.spec).sync_options
    return Candidate(
        key=key,
        uid=str(meta.get("uid") or ""),
        wave=wave(manifest),
        deleting=bool(meta.get("deletionTimestamp")),
        kept=_is_kept(app, key, manifest) or not (labelled or _is_own(key, manifest)),
        confirm=asks_first(removal_options(manifest), options),
        held=FINALIZER_HOOK in (meta.get("finalizers") or ()),
    )


def next_deletions(app: Application, candidates: Sequence[Candidate]) -> CascadeStep:
    """What to delete now. Asked again whenever one of the objects changes or is gone."""
    leaving = [found for found in candidates if found.deleting]
    if leaving:
        return WaitForDeletion(tuple(found for found in leaving if found.held))
    going = [found for found in candidates if not found.kept]
    if not going:
        return CascadeDone()
    flagged = _flagged(app)
    asking = any(found.confirm or found.key in flagged for found in going)
    meta = app.metadata
    if asking and not approved_since(meta.annotations, meta.deletion_timestamp):
        return WaitForDeletion()
    last = max(found.wave for found in going)
    return DeleteObjects(tuple(found for found in going if found.wave == last))


def _is_kept(app: Application, key: ResourceKey, manifest: Manifest) -> bool:
    # Deleting a definition would delete every object of its kind, whoever owns it.
    if key.group_kind == _CRD:
        return True
    if key == ResourceKey(API_GROUP, "Application", app.namespace, app.name):
        return True
    if annotation(manifest, ANNOTATION_HELM_RESOURCE_POLICY) == "keep":
        return True
    options = sync_policy(app.spec).sync_options
    return wishes("Delete", "false", removal_options(manifest), options)


def _is_own(key: ResourceKey, manifest: Manifest) -> bool:
    """A copied annotation makes no owner."""
    tracking = annotation(manifest, ANNOTATION_TRACKING_ID) or ""
    readable = parse_tracking_id(tracking) is not None
    return readable and names_itself(key, target=None, tracking=tracking)


def _flagged(app: Application) -> frozenset[ResourceKey]:
    """Of which the last comparison found that a person is to be asked, perhaps by Git alone."""
    return frozenset(
        ResourceKey(entry.group, entry.kind, entry.namespace, entry.name)
        for entry in app.status.resources
        if entry.requires_deletion_confirmation
    )
