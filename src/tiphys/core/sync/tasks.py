"""Turns pairs and hooks into tasks, still without their turn, and finds what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tiphys.core.manifest.annotations import wave, with_annotation
from tiphys.core.manifest.hooks import (
    delete_policies,
    hook_phases,
    is_hook,
    is_skipped,
    with_hook_name,
)
from tiphys.core.manifest.images import container_images
from tiphys.core.sync import options, wording
from tiphys.core.sync.manner import Manner, manner_of
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest, listed
from tiphys.core.sync.task import Problem, SyncTask, TaskId, live_facts
from tiphys.core.sync.turns import defined_kind
from tiphys.model.names import ANNOTATION_OPERATION, ANNOTATION_SYNC_OPTIONS, FINALIZER_HOOK
from tiphys.model.operation import ManagedNamespaceMetadata
from tiphys.model.resource import GroupKind, Manifest, ResourceKey, gvk_of, key_of
from tiphys.model.status import SyncPhase


def hook_targets(request: SyncRequest, manifests: Iterable[Manifest]) -> tuple[HookTarget, ...]:
    """The hooks that run in this operation, one entry a phase, by their final names.

    Whoever makes the plan looks up what is live of them. A selective sync has none.
    """
    if request.skip_hooks or request.resources:
        return ()
    started = datetime.fromisoformat(request.started_at)
    return tuple(
        HookTarget(
            phase,
            with_hook_name(manifest, revision=request.revision, phase=phase, started_at=started),
        )
        for manifest in manifests
        for phase in hook_phases(manifest)
    )


def object_tasks(request: SyncRequest, pairs: Sequence[SyncPair]) -> tuple[SyncTask, ...]:
    tasks = (_object_task(request, pair) for pair in pairs)
    return tuple(task for task in tasks if task is not None)


def _object_task(request: SyncRequest, pair: SyncPair) -> SyncTask | None:
    """None for what no sync touches: hooks, what is skipped, what is not asked for or ours."""
    manifest = pair.target if pair.target is not None else pair.live
    if manifest is None or is_hook(manifest) or is_skipped(manifest):
        return None
    key = key_of(manifest)
    if not pair.own or not listed(request, key):
        return None
    if pair.target is None:
        return _prune_task(request, manifest, key, pair.instance)
    return SyncTask(
        id=TaskId(SyncPhase.SYNC, _shown(request, key)),
        key=key,
        gvk=gvk_of(manifest),
        wave=wave(manifest),
        target=manifest,
        live=live_facts(pair.live) if pair.live is not None else None,
        changed=pair.modified,
        manner=_manner(request, manifest, pair.live),
        validate=not options.asked(options.NO_VALIDATION, request.options, manifest),
        images=container_images(manifest),
    )


def _prune_task(request: SyncRequest, live: Manifest, key: ResourceKey, instance: str) -> SyncTask:
    return SyncTask(
        id=TaskId(SyncPhase.SYNC, key),
        key=key,
        gvk=gvk_of(live),
        wave=wave(live),
        live=live_facts(live),
        keep=options.kept(live, request.options, prune=request.prune),
        last=options.asked(options.PRUNE_LAST, request.options, live),
        confirm=options.confirmed_only(live, request.options),
        instance=instance,
        images=container_images(live),
    )


def hook_tasks(request: SyncRequest, hooks: Iterable[HookTarget]) -> tuple[SyncTask, ...]:
    return tuple(_hook_task(request, hook) for hook in hooks)


def _hook_task(request: SyncRequest, hook: HookTarget) -> SyncTask:
    manifest, key = hook.manifest, key_of(hook.manifest)
    stamp = request.stamp(hook.phase)
    return SyncTask(
        id=TaskId(hook.phase, _shown(request, key)),
        key=key,
        gvk=gvk_of(manifest),
        wave=wave(manifest),
        target=with_annotation(_held(manifest), ANNOTATION_OPERATION, stamp),
        live=live_facts(hook.live) if hook.live is not None else None,
        hook=True,
        policies=delete_policies(manifest),
        stamp=stamp,
        manner=_manner(request, manifest, hook.live),
        validate=not options.asked(options.NO_VALIDATION, request.options, manifest),
        images=container_images(manifest),
    )


def _manner(request: SyncRequest, target: Manifest, live: Manifest | None) -> Manner:
    return manner_of(
        target,
        live,
        application=request.options,
        forced=request.forced,
        migrate=request.migrate,
    )


def _held(manifest: Manifest) -> Manifest:
    """The hook with the finalizer that keeps it until its result was seen."""
    metadata: Mapping[str, object] = manifest.get("metadata") or {}
    before = metadata.get("finalizers")
    finalizers = list(before) if isinstance(before, list) else []
    if FINALIZER_HOOK not in finalizers:
        finalizers.append(FINALIZER_HOOK)
    return {**manifest, "metadata": {**metadata, "finalizers": finalizers}}


def namespace_task(request: SyncRequest, tasks: Iterable[SyncTask]) -> SyncTask | None:
    """The task of CreateNamespace=true, tracked by nobody; None where nothing has to be done.

    A namespace that is there is only touched for the metadata that the application manages.
    """
    name, live = request.namespace, request.namespace_object
    if options.CREATE_NAMESPACE not in request.options or not name:
        return None
    # Without the live one nobody could tell what of it is ours.
    if request.namespace_live and (request.namespace_metadata is None or live is None):
        return None
    key = ResourceKey("", "Namespace", "", name)
    if any(task.key == key and not task.hook and not task.prune for task in tasks):
        return None
    target = namespace_manifest(name, request.namespace_metadata)
    return SyncTask(
        id=TaskId(SyncPhase.PRE_SYNC, key),
        key=key,
        gvk=gvk_of(target),
        target=target,
        live=live_facts(live) if live is not None else None,
        manner=_manner(request, target, live),
    )


def namespace_manifest(name: str, metadata: ManagedNamespaceMetadata | None) -> Manifest:
    """A namespace with the metadata that is managed, if any.

    That is applied by the server, so that the labels and annotations of others stay.
    """
    meta: dict[str, object] = {"name": name}
    if metadata is not None:
        meta["labels"] = dict(metadata.labels)
        meta["annotations"] = _applied_by_server(metadata.annotations)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _applied_by_server(annotations: Mapping[str, str]) -> dict[str, str]:
    asked = annotations.get(ANNOTATION_SYNC_OPTIONS)
    wishes = f"{asked},{options.SERVER_SIDE}" if asked else options.SERVER_SIDE
    return {**annotations, ANNOTATION_SYNC_OPTIONS: wishes}


def problems_of(request: SyncRequest, task: SyncTask) -> tuple[Problem, ...]:
    """What keeps a task from being run at all."""
    served = request.kinds.get(task.gvk)
    if served is None or served.version != task.gvk.version:
        if task.skip_dry_run:
            return ()
        version = served.version if served else ""
        return (Problem(task.id, wording.unknown_kind(task.gvk, task.id.shown, version)),)
    refusal = request.permits(task.key, served.namespaced)
    return (Problem(task.id, refusal),) if refusal else ()


def may_skip_dry_run(request: SyncRequest, task: SyncTask, brought: frozenset[GroupKind]) -> bool:
    """Whether a kind that is not served is no fault: it is brought along, or said to come."""
    served = request.kinds.get(task.gvk)
    if task.prune or (served and served.version == task.gvk.version):
        return False
    return task.key.group_kind in brought or options.asked(
        options.SKIP_DRY_RUN, request.options, task.target
    )


def brought_kinds(tasks: Iterable[SyncTask]) -> frozenset[GroupKind]:
    """The kinds of the CustomResourceDefinitions among the tasks."""
    kinds = (defined_kind(task.target) for task in tasks)
    return frozenset(kind for kind in kinds if kind is not None)


def _shown(request: SyncRequest, key: ResourceKey) -> ResourceKey:
    return key._replace(namespace=key.namespace or request.namespace)
