"""Takes an application's objects away before the application goes, wave by wave.

Its PreDelete hooks run before, its PostDelete hooks after. Asked again whenever one of the objects
changes. Each object is deleted with its uid as precondition, and only from a complete and current
list of its kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, assert_never

import structlog

from tiphys.core.app.conditions import Condition, set_conditions
from tiphys.core.app.deletehooks import CreateHooks, HooksDone, HookStep, RemoveHooks, WaitForHooks
from tiphys.core.app.deletion import (
    Candidate,
    Cascade,
    CascadeDone,
    CleanUpHooks,
    DeleteObjects,
    DeletionBlocked,
    DropFinalizers,
    NothingAsked,
    RunHooks,
    WaitForDeletion,
    candidate,
    decide_deletion,
    next_deletions,
)
from tiphys.core.app.events import deletion_failed
from tiphys.core.app.spec import project_name
from tiphys.core.app.validate import Place, foreign_namespace, invalid, missing_project
from tiphys.core.settings import Settings
from tiphys.core.settings.settings import TrackingMethod
from tiphys.model.application import Application
from tiphys.model.errors import (
    ConflictError,
    DestinationError,
    InvalidObjectError,
    KubeError,
    ManifestDecodeError,
    ObjectNotFoundError,
)
from tiphys.model.live import LiveObject, Propagation
from tiphys.model.resource import GroupKind
from tiphys.model.status import ConditionType, HookType
from tiphys.model.structs import encode
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.clusters.reaching import is_connecting, unreachable, view_of
from tiphys.services.live.kinds import watchable
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.acting import NoAccountError, hands_for
from tiphys.services.reconcile.again import Again
from tiphys.services.reconcile.deletehooks import DeleteHookError, DeleteHooks, Ground
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.events import EventRecorder
from tiphys.services.reconcile.memory import Memories
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()

_RETRY = 5.0
"""Seconds until a deletion that failed is tried again, and until a silent one is looked at."""
_CONNECTING = 5.0
_UNREACHABLE = 60.0
"""The same while a cluster is away; the controller hears at once when it is back."""
_AFTER_CONFLICT = 0.2
_TYPES = frozenset({ConditionType.DELETION_ERROR})


class Deleter:
    """`rules` are the projects', `settings` the present ones."""

    def __init__(
        self,
        store: ApplicationStore,
        clusters: Clusters,
        desired: DesiredState,
        memories: Memories,
        rules: ProjectRules,
        events: EventRecorder,
        *,
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._clusters = clusters
        self._instance = desired.instance
        self._rules = rules
        self._events = events
        self._settings = settings
        self._now = now
        self._hooks = DeleteHooks(desired, memories, settings)

    async def delete(self, app: Application) -> Again | None:
        """One step of the deletion of an application that carries a deletionTimestamp."""
        resolvable = not isinstance(self._rules.resolved(app.spec.destination), str)
        decision = decide_deletion(app, refused=self._refusal(app), resolvable=resolvable)
        match decision:
            case NothingAsked():
                return None
            case DeletionBlocked(message):
                await self._failed(app, message)
                return None
            case DropFinalizers(finalizers):
                if problem := self._unusable(app):
                    await self._failed(app, problem)
                    return Again(_UNREACHABLE)
                return await self._drop(app, finalizers)
            case RunHooks() | Cascade() | CleanUpHooks():
                return await self._on_cluster(app, decision)
            case _:
                assert_never(decision)

    def _refusal(self, app: Application) -> str:
        """What is wrong with the project, so that it is not known what may be touched."""
        name = project_name(app.spec)
        try:
            project = self._rules.of(app)
        except ManifestDecodeError as error:
            return f"project '{name}' cannot be read: {error}"
        if project is None:
            return missing_project(app.spec).message
        place = Place(app.name, app.namespace, self._rules.control_plane)
        foreign = foreign_namespace(project, place)
        return foreign.message if foreign else ""

    def _unusable(self, app: Application) -> str:
        """What is wrong with a cluster that is known: its objects are there, so nothing is let
        go of. Empty for one that is gone.
        """
        try:
            self._clusters.resolve(app.spec.destination)
        except DestinationError as error:
            return str(error) if error.exists else ""
        return ""

    async def _on_cluster(
        self, app: Application, decision: RunHooks | Cascade | CleanUpHooks
    ) -> Again | None:
        prefix = ""
        try:
            view = view_of(self._clusters, app.spec.destination)
            if is_connecting(view):
                return Again(_CONNECTING)
            if problem := unreachable(view):
                await self._failed(app, problem)
                return Again(_UNREACHABLE)
            ground = self._ground(app, view)
            match decision:
                case RunHooks(kind, finalizer):
                    if kind is HookType.PRE_DELETE:
                        prefix = "error executing pre-delete hooks: "
                    self._require_valid(app, view)
                    return await self._run_hooks(ground, kind, finalizer, prefix)
                case CleanUpHooks(kind, finalizer):
                    return await self._clean_up(ground, kind, finalizer)
                case Cascade(propagation, finalizers):
                    return await self._cascade(ground, propagation, finalizers)
                case _:
                    assert_never(decision)
        except (KubeError, DeleteHookError, NoAccountError) as error:
            await self._failed(app, f"{prefix}{error}")
            return Again(_RETRY)

    def _require_valid(self, app: Application, view: ClusterView) -> None:
        """What may not be synced has no hooks that may be run."""
        place = Place(app.name, app.namespace, self._rules.control_plane)
        if found := invalid(app.spec, self._rules.of(app), place, view.cluster):
            raise DeleteHookError("; ".join(one.message for one in found))

    def _ground(self, app: Application, view: ClusterView) -> Ground:
        hands = hands_for(app, view, self._rules, self._settings(), enforce=False)
        permission = self._rules.permission(app)
        if permission is None:
            raise DeleteHookError("it is not known what the project permits")
        return Ground(app, view, hands, permission, self._instance(app))

    # -- hooks --------------------------------------------------------------------------------

    async def _run_hooks(
        self, ground: Ground, kind: HookType, finalizer: str, prefix: str
    ) -> Again | None:
        step: HookStep = await self._hooks.step(ground, kind)
        match step:
            case CreateHooks() | WaitForHooks():
                return Again(_RETRY)
            case RemoveHooks(hooks, error):
                if error:
                    await self._failed(ground.app, f"{prefix}{error}")
                await self._hooks.remove(ground, hooks)
                return Again(_RETRY)
            case HooksDone(hooks):
                log.info("hooks have ended", application=ground.app.name, type=kind.value)
                # They are kept until it is stored that they ran: none runs again.
                again = await self._drop(ground.app, (finalizer,))
                if again is None:
                    await self._hooks.release(ground, [(hook.key, hook.uid) for hook in hooks])
                return again
            case _:
                assert_never(step)

    async def _clean_up(self, ground: Ground, kind: HookType, finalizer: str) -> Again | None:
        if late := self._late(ground):
            raise KubeError(f"the list of {', '.join(late)} is not complete")
        step = await self._hooks.cleanup(ground, kind)
        if isinstance(step, RemoveHooks):
            await self._hooks.remove(ground, step.hooks)
            return Again(_RETRY)
        await self._hooks.release(ground, [(hook.key, hook.uid) for hook in step.hooks])
        return await self._drop(ground.app, (finalizer,))

    # -- objects ------------------------------------------------------------------------------

    async def _cascade(
        self, ground: Ground, propagation: Propagation, finalizers: Sequence[str]
    ) -> Again | None:
        if late := self._late(ground):
            raise KubeError(f"the list of {', '.join(late)} is not complete")
        step = next_deletions(ground.app, await self._candidates(ground))
        match step:
            case WaitForDeletion(release):
                await self._hooks.release(ground, [(one.key, one.uid) for one in release])
                return Again(_RETRY)
            case CascadeDone():
                log.info("all objects are gone", application=ground.app.name)
                return await self._drop(ground.app, finalizers)
            case DeleteObjects(objects):
                done = await asyncio.gather(
                    *(self._remove(ground, one, propagation) for one in objects)
                )
                # What was deleted is often gone by now; if not, its change comes back here.
                return Again(0.0 if any(done) else _RETRY)
            case _:
                assert_never(step)

    def _late(self, ground: Ground) -> list[str]:
        """Kinds of the application's objects of which it is not known what is live."""
        app, view = ground.app, ground.view
        kinds = {found.key.group_kind for found in self._tracked(ground)}
        kinds |= {GroupKind(entry.group, entry.kind) for entry in app.status.resources}
        state = app.status.operation_state
        result = state.sync_result if state else None
        # Hooks are only named there.
        kinds |= {GroupKind(one.group, one.kind) for one in (result.resources if result else ())}
        # Of a kind that is never watched, such as Lease, no list will come: what there is stays.
        excludes, server = self._settings().resources.excludes, view.server
        listed = watchable(view.discovery.preferred(), lambda kind: excludes(kind, server))
        awaited = [kind for kind in sorted(kinds) if kind in listed]
        return [str(kind) for kind in awaited if not view.index.complete([kind])]

    def _tracked(self, ground: Ground) -> list[LiveObject]:
        """What the project does not permit is not there."""
        found = ground.view.index.tracked(ground.instance)
        return [one for one in found if ground.permission.live(one.key)]

    async def _candidates(self, ground: Ground) -> list[Candidate]:
        labelled = self._settings().tracking is TrackingMethod.LABEL
        found = []
        for live in self._tracked(ground):
            manifest = await ground.view.index.manifest(live.key)
            if manifest is not None:
                found.append(candidate(ground.app, manifest, labelled=labelled))
        return found

    async def _remove(self, ground: Ground, gone: Candidate, propagation: Propagation) -> bool:
        """Whether anything came of it. Another application of the name may own the object."""
        app, index = ground.app, ground.view.index
        live = index.get(gone.key)
        resource = ground.view.discovery.find(live.gvk) if live is not None else None
        if live is None or resource is None or self._store.same(app) is None:
            return False
        log.info("deleting", application=app.name, object=str(gone.key))
        key = gone.key
        try:
            await ground.hands.writer.delete(
                resource, key.namespace, key.name, uid=gone.uid, propagation=propagation
            )
            # Most objects go at once. One that lingers is marked, and the watch tells the rest.
            index.observe(await ground.hands.reader.get(resource, key.namespace, key.name))
        except (ObjectNotFoundError, ConflictError):
            # Gone, or another object has its name by now, which is none of ours.
            index.forget(key, gone.uid)
        return True

    # -- the Application ----------------------------------------------------------------------

    async def _drop(self, app: Application, finalizers: Sequence[str]) -> Again | None:
        """Removes finalizers, testing that they are where they were seen."""
        present = list(app.metadata.finalizers)
        operations: list[dict[str, Any]] = []
        for index in reversed(range(len(present))):
            if present[index] in finalizers:
                path = f"/metadata/finalizers/{index}"
                operations.append({"op": "test", "path": path, "value": present[index]})
                operations.append({"op": "remove", "path": path})
        try:
            await self._store.json_patch(app, operations)
        except InvalidObjectError:
            return Again(_AFTER_CONFLICT)
        return None

    async def _failed(self, app: Application, message: str) -> None:
        log.warning("deletion is held up", application=app.name, error=message)
        found = [Condition(ConditionType.DELETION_ERROR, message)]
        conditions = set_conditions(app.status.conditions, found, _TYPES, self._now())
        if conditions == app.status.conditions:
            return
        await self._store.patch_status(
            app, {"conditions": [encode(condition) for condition in conditions]}
        )
        self._events.record(app, deletion_failed(message))
