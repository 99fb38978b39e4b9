"""How an application that is being deleted goes away, and what it takes with it.

Its objects go wave by wave, the highest first, each wave only when the one before is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiphys.core.app.spec import has_option, is_in_cluster, project_name
from tiphys.core.app.times import parse_rfc3339
from tiphys.core.manifest.annotations import annotation, sync_options, wave
from tiphys.core.manifest.tracking import names_itself, parse_tracking_id
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.live import Propagation
from tiphys.model.names import (
    ANNOTATION_HELM_RESOURCE_POLICY,
    ANNOTATION_TRACKING_ID,
    API_GROUP,
    FINALIZER_POST_DELETE,
    FINALIZER_PRE_DELETE,
    FINALIZER_RESOURCES,
    FINALIZER_RESOURCES_BACKGROUND,
    FINALIZER_RESOURCES_FOREGROUND,
)
from tiphys.model.resource import GroupKind, Manifest, ResourceKey, key_of

_ANNOTATION_APPROVED = "argocd.argoproj.io/deletion-approved"
_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_CASCADE = (FINALIZER_RESOURCES, FINALIZER_RESOURCES_FOREGROUND, FINALIZER_RESOURCES_BACKGROUND)
_HOOKS = tuple(
    name + stage
    for name in (FINALIZER_PRE_DELETE, FINALIZER_POST_DELETE)
    for stage in ("", "/cleanup")
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
class NothingAsked:
    """No finalizer of ours is left: the objects stay, the API server removes the Application."""


Deletion = DeletionBlocked | DropFinalizers | Cascade | NothingAsked


def decide_deletion(app: Application, project: AppProject | None) -> Deletion:
    """The first rung that holds decides. `project` is the one that the spec names, if any."""
    finalizers = app.metadata.finalizers
    cascade = tuple(name for name in finalizers if name in _CASCADE)
    hooks = tuple(name for name in finalizers if name in _HOOKS)
    if not cascade and not hooks:
        return NothingAsked()
    # Without its project nobody knows what the application was allowed to touch.
    if project is None:
        name = project_name(app.spec)
        return DeletionBlocked(f"Application referencing project {name} which does not exist")
    # The cluster is not known, so there is nothing that could be deleted.
    if not is_in_cluster(app.spec):
        return DropFinalizers((*cascade, *hooks))
    if hooks:
        return DeletionBlocked(f"finalizer {hooks[0]} is not supported by this version of Tiphys")
    background = cascade[0] == FINALIZER_RESOURCES_BACKGROUND
    return Cascade(Propagation.BACKGROUND if background else Propagation.FOREGROUND, cascade)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An ownerless live object that is tracked by the application. `kept`: it outlives it."""

    key: ResourceKey
    uid: str
    wave: int = 0
    deleting: bool = False
    kept: bool = False
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class WaitForDeletion:
    """Objects are going, or a person's approval is awaited; an event will tell."""


@dataclass(frozen=True, slots=True)
class DeleteObjects:
    """To be deleted side by side, each with its uid as precondition."""

    objects: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class CascadeDone:
    """Only what is kept is left."""


CascadeStep = WaitForDeletion | DeleteObjects | CascadeDone


def candidate(app: Application, manifest: Manifest) -> Candidate:
    key = key_of(manifest)
    meta = manifest.get("metadata") or {}
    return Candidate(
        key=key,
        uid=str(meta.get("uid") or ""),
        wave=wave(manifest),
        deleting=bool(meta.get("deletionTimestamp")),
        kept=_is_kept(app, key, manifest),
        confirm=_needs_approval(app, manifest),
    )


def next_deletions(app: Application, candidates: Sequence[Candidate]) -> CascadeStep:
    """What to delete now. Asked again whenever one of the objects changes or is gone."""
    if any(found.deleting for found in candidates):
        return WaitForDeletion()
    going = [found for found in candidates if not found.kept]
    if not going:
        return CascadeDone()
    if any(found.confirm for found in going) and not _is_approved(app):
        return WaitForDeletion()
    last = max(found.wave for found in going)
    return DeleteObjects(tuple(found for found in going if found.wave == last))


def _is_kept(app: Application, key: ResourceKey, manifest: Manifest) -> bool:
    # Deleting a definition would delete every object of its kind, whoever owns it.
    if key.group_kind == _CRD:
        return True
    if key == ResourceKey(API_GROUP, "Application", app.namespace, app.name):
        return True
    # A copied annotation makes no owner.
    tracking = annotation(manifest, ANNOTATION_TRACKING_ID) or ""
    readable = parse_tracking_id(tracking) is not None
    if not readable or not names_itself(key, target=None, tracking=tracking):
        return True
    if annotation(manifest, ANNOTATION_HELM_RESOURCE_POLICY) == "keep":
        return True
    return _asked(app, manifest, "Delete", "false")


def _needs_approval(app: Application, manifest: Manifest) -> bool:
    # Whoever wants to be asked before a prune wants to be asked before the end as well.
    return any(_asked(app, manifest, option, "confirm") for option in ("Delete", "Prune"))


def _asked(app: Application, manifest: Manifest, option: str, value: str) -> bool:
    """What the object says of an option holds over what the application says."""
    own = [text for text in sync_options(manifest) if text.startswith(f"{option}=")]
    wish = f"{option}={value}"
    return wish in own if own else has_option(app.spec, wish)


def _is_approved(app: Application) -> bool:
    """Approval counts from the deletion on: an older one was given for something else."""
    approved = parse_rfc3339(app.metadata.annotations.get(_ANNOTATION_APPROVED))
    deleted = parse_rfc3339(app.metadata.deletion_timestamp)
    return approved is not None and deleted is not None and approved >= deleted
