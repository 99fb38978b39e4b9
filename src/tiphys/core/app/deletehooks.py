"""Hooks that run when an application is deleted: PreDelete before its objects go, PostDelete after.

All hooks of a type run at once, whatever their wave. Each carries a stamp from its creation, the
time of the deletion and the type, and our finalizer, so that what became of it is seen even
where it would vanish by itself: none runs twice. One that failed is deleted and made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tiphys.core.app.times import parse_rfc3339
from tiphys.core.health import worse
from tiphys.core.manifest.annotations import annotation, with_annotation
from tiphys.core.manifest.hooks import delete_hook_types, delete_policies, with_hook_finalizer
from tiphys.core.manifest.tracking import renamed, tracking_key
from tiphys.model.application import Application
from tiphys.model.names import ANNOTATION_OPERATION, FINALIZER_HOOK
from tiphys.model.resource import GroupVersionKind, Manifest, ResourceKey, gvk_of, key_of
from tiphys.model.status import HealthCode, HealthStatus, HookDeletePolicy, HookType


@dataclass(frozen=True, slots=True)
class DeleteHook:
    """A hook as it is to be created."""

    key: ResourceKey
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHook:
    """A live object of the application that is a delete hook, or has the name of one.

    `ours`: it was made by this deletion. `held`: our finalizer keeps it from going. `health` None:
    its kind has no judgement.
    """

    key: ResourceKey
    gvk: GroupVersionKind
    uid: str
    ours: bool = True
    held: bool = False
    deleting: bool = False
    health: HealthCode | None = None
    policies: frozenset[HookDeletePolicy] = frozenset()

    @property
    def code(self) -> HealthCode:
        return self.health or HealthCode.HEALTHY

    @property
    def ended(self) -> bool:
        return self.code is not HealthCode.PROGRESSING

    def __str__(self) -> str:
        return f"{self.key.namespace}/{self.key.name}"


@dataclass(frozen=True, slots=True)
class CreateHooks:
    hooks: tuple[DeleteHook, ...]


@dataclass(frozen=True, slots=True)
class RemoveHooks:
    """These are deleted, and let go of, before it goes on. `error` says what failed, if any."""

    hooks: tuple[LiveHook, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class WaitForHooks:
    """They run, or go; an event will tell."""


@dataclass(frozen=True, slots=True)
class HooksDone:
    """`hooks` have ended, and are kept from going by our finalizer alone."""

    hooks: tuple[LiveHook, ...] = ()


HookStep = CreateHooks | RemoveHooks | WaitForHooks | HooksDone


def hook_stamp(app: Application, kind: HookType) -> str:
    return f"{app.metadata.deletion_timestamp}/{kind}"


def delete_hooks(
    app: Application, manifests: Iterable[Manifest], kind: HookType
) -> tuple[DeleteHook, ...]:
    """The hooks of a type, stamped already, as they are created in this deletion."""
    return tuple(
        _as_created(app, manifest, kind)
        for manifest in manifests
        if kind in delete_hook_types(manifest)
    )


def _as_created(app: Application, manifest: Manifest, kind: HookType) -> DeleteHook:
    named = _named(app, manifest, kind)
    if named is not manifest:
        named = renamed(named, tracking_key(named, app.spec.destination.namespace))
    made = with_hook_finalizer(with_annotation(named, ANNOTATION_OPERATION, hook_stamp(app, kind)))
    return DeleteHook(key_of(made), made)


def live_hook(
    app: Application, kind: HookType, manifest: Manifest, health: HealthStatus | None
) -> LiveHook:
    """What a live manifest says of itself."""
    meta = manifest.get("metadata") or {}
    return LiveHook(
        key=key_of(manifest),
        gvk=gvk_of(manifest),
        uid=str(meta.get("uid") or ""),
        ours=annotation(manifest, ANNOTATION_OPERATION) == hook_stamp(app, kind),
        held=FINALIZER_HOOK in (meta.get("finalizers") or ()),
        deleting=bool(meta.get("deletionTimestamp")),
        health=health.status if health else None,
        policies=delete_policies(manifest),
    )


def next_hooks(kind: HookType, hooks: Sequence[DeleteHook], live: Sequence[LiveHook]) -> HookStep:
    """What to do now. `live` are the tracked objects that have the names of the hooks."""
    by_key = {found.key: found for found in live}
    # What an earlier sync or deletion left has to go where the hook says so.
    before = HookDeletePolicy.BEFORE_HOOK_CREATION
    if old := [found for found in live if not found.ours and before in found.policies]:
        return RemoveHooks(tuple(old))
    # Deleted by somebody before it ended: it goes, and is made again.
    if broken := [found for found in live if found.deleting and not found.ended]:
        return RemoveHooks(tuple(broken))
    if failed := [found for found in live if found.code is HealthCode.DEGRADED]:
        names = ", ".join(str(found) for found in failed)
        return RemoveHooks(tuple(failed), f"{kind} hook(s) failed: {names}")
    if missing := [hook for hook in hooks if hook.key not in by_key]:
        return CreateHooks(tuple(missing))
    if any(not found.ended for found in live):
        return WaitForHooks()
    return HooksDone(tuple(found for found in live if found.held))


def next_cleanup(live: Sequence[LiveHook]) -> RemoveHooks | HooksDone:
    """What is left to remove of the hooks that ran. `live` are all tracked hooks of the type.

    Those whose policy does not ask for their removal stay in the cluster.
    """
    worst = HealthCode.HEALTHY
    for found in live:
        worst = worse(worst, found.code)
    policy = {
        HealthCode.DEGRADED: HookDeletePolicy.HOOK_FAILED,
        HealthCode.HEALTHY: HookDeletePolicy.HOOK_SUCCEEDED,
    }.get(worst)
    if going := tuple(found for found in live if policy in found.policies or found.deleting):
        return RemoveHooks(going)
    return HooksDone(tuple(found for found in live if found.held))


def _named(app: Application, manifest: Manifest, kind: HookType) -> Manifest:
    """A generated name would be another one each time it is asked for."""
    meta = manifest.get("metadata") or {}
    prefix = meta.get("generateName")
    if meta.get("name") or not prefix:
        return manifest
    deleted = parse_rfc3339(app.metadata.deletion_timestamp)
    second = int(deleted.timestamp()) if deleted else 0
    return {**manifest, "metadata": {**meta, "name": f"{prefix}{kind.lower()}-{second}"}}
