"""Runs the hooks of a deletion on the application's cluster, and cleans up after them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from tiphys.core.app.deletehooks import (
    CreateHooks,
    DeleteHook,
    HooksDone,
    HookStep,
    LiveHook,
    RemoveHooks,
    delete_hooks,
    live_hook,
    next_cleanup,
    next_hooks,
)
from tiphys.core.app.spec import sync_policy
from tiphys.core.manifest.annotations import sync_options
from tiphys.core.manifest.hooks import delete_hook_types
from tiphys.core.manifest.tracking import names_itself
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import not_managed
from tiphys.core.sync.options import NO_VALIDATION, propagation
from tiphys.model.application import Application
from tiphys.model.errors import (
    ConflictError,
    KindNotFoundError,
    KubeError,
    ObjectExistsError,
    ObjectNotFoundError,
    TiphysError,
)
from tiphys.model.live import PatchKind
from tiphys.model.names import FINALIZER_HOOK
from tiphys.model.resource import ApiResource, GroupVersionKind, Manifest, ResourceKey, gvk_of
from tiphys.model.status import CompareLevel, HookType
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.projects.rules import Permission
from tiphys.services.reconcile.acting import Hands
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.memory import Memories

log = structlog.get_logger()

_TRIES = 5


class DeleteHookError(TiphysError):
    """The hooks of a deletion cannot be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a deletion works: the cluster, as whom, and what its project permits there."""

    app: Application
    view: ClusterView
    hands: Hands
    permission: Permission
    instance: str


class DeleteHooks:
    """Raises KubeError and DeleteHookError. `settings` are the present ones."""

    def __init__(
        self, desired: DesiredState, memories: Memories, settings: Callable[[], Settings]
    ) -> None:
        self._desired = desired
        self._memories = memories
        self._settings = settings

    async def step(self, ground: Ground, kind: HookType) -> HookStep:
        """What is to be done for the hooks of a type; what is to be created is created."""
        wanted = await self._wanted(ground, kind)
        live = [one for hook in wanted if (one := await self._named(ground, kind, hook))]
        step = next_hooks(kind, wanted, live)
        if isinstance(step, CreateHooks):
            await asyncio.gather(*(self._create(ground, hook) for hook in step.hooks))
        return step

    async def cleanup(self, ground: Ground, kind: HookType) -> RemoveHooks | HooksDone:
        """What is left to be done after the hooks of a type ran."""
        index, found = ground.view.index, []
        # A health that is not known yet would keep what is to be deleted.
        await index.judged([known.key for known in index.tracked(ground.instance)])
        for known in index.tracked(ground.instance):
            manifest = await index.manifest(known.key)
            if (
                manifest is not None
                and kind in delete_hook_types(manifest)
                # A copy of a hook has copied its id, and is nobody's.
                and names_itself(known.key, target=None, tracking=known.tracking_id)
                and ground.permission.live(known.key)
            ):
                found.append(live_hook(ground.app, kind, manifest, known.health))
        return next_cleanup(found)

    async def remove(self, ground: Ground, hooks: Sequence[LiveHook]) -> None:
        """Deletes hooks, and lets go of them."""
        await asyncio.gather(*(self._remove(ground, hook) for hook in hooks))

    async def release(self, ground: Ground, keys: Sequence[tuple[ResourceKey, str]]) -> None:
        """Takes our finalizer off the objects that still have these uids."""
        for key, uid in keys:
            known = ground.view.index.get(key)
            resource = ground.view.discovery.find(known.gvk) if known else None
            if resource is not None:
                await self._release(ground, resource, key, uid)

    # -- what is wanted -----------------------------------------------------------------------

    async def _wanted(self, ground: Ground, kind: HookType) -> tuple[DeleteHook, ...]:
        app = ground.app
        memory = self._memories.of(ground.instance)
        # Of the spec: what somebody once synced from a folder is not what it says.
        wanted = await self._desired.load(
            app, memory, self._settings(), level=CompareLevel.LATEST, local=()
        )
        if wanted.error:
            raise DeleteHookError(wanted.failure)
        manifests = [target.manifest for target in wanted.targets.delete_hooks]
        hooks = delete_hooks(app, manifests, kind)
        for hook in hooks:
            resource = self._resource(ground, gvk_of(hook.manifest))
            key, namespaced = hook.key, resource.namespaced
            refusal = ground.permission.refusal(key, namespaced)
            if refusal := refusal or not_managed(ground.view.cluster, key, namespaced=namespaced):
                raise DeleteHookError(refusal)
        return hooks

    def _resource(self, ground: Ground, gvk: GroupVersionKind) -> ApiResource:
        resource = ground.view.discovery.find(gvk)
        if resource is None:
            text = f"the cluster does not serve {gvk.api_version}, Kind={gvk.kind}"
            raise KindNotFoundError(text, status=404)
        if not ground.view.index.complete([gvk.group_kind]):
            raise KubeError(f"the list of {gvk.group_kind} is not complete")
        return resource

    # -- what is live -------------------------------------------------------------------------

    async def _named(self, ground: Ground, kind: HookType, hook: DeleteHook) -> LiveHook | None:
        known = ground.view.index.get(hook.key)
        manifest = await ground.view.index.manifest(hook.key) if known else None
        if known is None or manifest is None:
            return None
        if known.instance != ground.instance:
            raise DeleteHookError(_taken(hook.key))
        return live_hook(ground.app, kind, manifest, known.health)

    async def _create(self, ground: Ground, hook: DeleteHook) -> None:
        gvk = gvk_of(hook.manifest)
        resource = self._resource(ground, gvk)
        options = {*sync_policy(ground.app.spec).sync_options, *sync_options(hook.manifest)}
        validation = "Ignore" if NO_VALIDATION in options else "Strict"
        log.info("running a hook", application=ground.app.name, object=str(hook.key))
        try:
            made = await ground.hands.writer.create(
                resource,
                hook.manifest,
                validation=validation,
            )
        except ObjectExistsError:
            # Made before a reply was lost, most likely; the next look tells whose it is.
            made = await ground.hands.reader.get(resource, hook.key.namespace, hook.key.name)
        ground.view.index.observe(made)

    async def _remove(self, ground: Ground, hook: LiveHook) -> None:
        resource = self._resource(ground, hook.gvk)
        key = hook.key
        if not hook.deleting:
            log.info("deleting a hook", application=ground.app.name, object=str(key))
            options = frozenset(sync_policy(ground.app.spec).sync_options)
            try:
                await ground.hands.writer.delete(
                    resource,
                    key.namespace,
                    key.name,
                    uid=hook.uid,
                    propagation=propagation(options),
                )
            except (ObjectNotFoundError, ConflictError):
                # Gone, or another object has its name by now, which is none of ours.
                ground.view.index.forget(key, hook.uid)
                return
        await self._release(ground, resource, key, hook.uid)

    async def _release(
        self, ground: Ground, resource: ApiResource, key: ResourceKey, uid: str
    ) -> None:
        for attempt in range(_TRIES):
            try:
                live = await ground.hands.reader.get(resource, key.namespace, key.name)
                if not _is_held(live, uid):
                    ground.view.index.observe(live)
                    return
                answer = await ground.hands.writer.patch(
                    resource, key.namespace, key.name, PatchKind.MERGE, _without_hold(live)
                )
                self._observe(ground, key, uid, answer)
                return
            except ObjectNotFoundError:
                ground.view.index.forget(key, uid)
                return
            except ConflictError:
                if attempt == _TRIES - 1:
                    raise

    def _observe(self, ground: Ground, key: ResourceKey, uid: str, answer: Manifest) -> None:
        meta = answer["metadata"]
        # The last finalizer of a deleted object: this was the end of it.
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            ground.view.index.forget(key, uid)
        else:
            ground.view.index.observe(answer)


def _is_held(live: Manifest, uid: str) -> bool:
    meta = live.get("metadata") or {}
    return meta.get("uid") == uid and FINALIZER_HOOK in (meta.get("finalizers") or ())


def _without_hold(live: Manifest) -> dict[str, object]:
    """The versions make sure that no finalizer of others is dropped or put back."""
    meta = live["metadata"]
    return {
        "metadata": {
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
            "finalizers": [one for one in meta["finalizers"] if one != FINALIZER_HOOK],
        }
    }


def _taken(key: ResourceKey) -> str:
    where = f"{key.namespace}/{key.name}" if key.namespace else key.name
    return f"{key.kind} {where} is there already and does not belong to the application"
