"""Prepares one attempt of an operation: compares, plans, and hands the plan to the sync engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tiphys.core.app.conditions import Condition
from tiphys.core.app.spec import effective_source
from tiphys.core.settings import Settings
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest, request_for
from tiphys.core.sync.task import Plan
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.application import (
    Application,
    ApplicationSource,
    OperationState,
    SyncOperation,
    SyncOperationResult,
)
from tiphys.model.resource import (
    ApiResource,
    GroupVersionKind,
    Manifest,
    ResourceKey,
    gvk_of,
    key_of,
)
from tiphys.model.status import CompareLevel, ConditionType, OperationPhase
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.clusters.reaching import require_answering, view_of
from tiphys.services.live.ports import Discovery
from tiphys.services.reconcile.comparison import Compared, Comparer
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.reconcile.memory import AppMemory
from tiphys.services.sync.ports import OperationStore
from tiphys.services.sync.runner import RunningSync, SyncRunner
from tiphys.services.sync.runners import SyncRunners

_LIVE_TRIES = 20
_LIVE_PAUSE = 0.5
"""A watch that is disturbed for a moment must not end an operation."""
_FATAL = (ConditionType.COMPARISON_ERROR, ConditionType.INVALID_SPEC_ERROR)
_NAMESPACE = GroupVersionKind("", "v1", "Namespace")


@dataclass(frozen=True, slots=True)
class NotReady:
    """The attempt cannot begin; the state says why."""

    state: OperationState


@dataclass(frozen=True, slots=True)
class Ready:
    """What will be done, and from which state on."""

    runner: SyncRunner
    plan: Plan
    state: OperationState

    def begin(self, store: OperationStore) -> RunningSync:
        return self.runner.begin(self.plan, self.state, store)


class Attempts:
    """`settings` are the present ones."""

    def __init__(
        self,
        desired: DesiredState,
        comparer: Comparer,
        clusters: Clusters,
        runners: SyncRunners,
        settings: Callable[[], Settings],
        *,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._desired = desired
        self._comparer = comparer
        self._clusters = clusters
        self._runners = runners
        self._settings = settings
        self._wait = wait

    async def prepare(
        self, app: Application, memory: AppMemory, state: OperationState
    ) -> Ready | NotReady:
        """Compares at the revision that the operation names, or that the target has now.

        Raises KubeUnreachableError for a cluster that does not answer, and DestinationError.
        """
        view = view_of(self._clusters, app.spec.destination)
        require_answering(view)
        sync = state.operation.sync
        if sync is None:
            text = "Invalid operation request: no operation specified"
            return NotReady(_ended(state, OperationPhase.ERROR, text))
        source = sync.source or effective_source(app.spec)
        state = _with_result(state, source, _revision(state, sync))
        compared = await self._compare(app, memory, state, source, view)
        state = _with_result(state, source, compared.wanted.revision)
        fatal = [found for found in compared.conditions if found.type in _FATAL]
        if fatal:
            return NotReady(_ended(state, OperationPhase.ERROR, _joined(fatal)))
        prepared = await self._plan(app, compared, state, view)
        return Ready(self._runners.of(view), prepared, state)

    async def _compare(
        self,
        app: Application,
        memory: AppMemory,
        state: OperationState,
        source: ApplicationSource,
        view: ClusterView,
    ) -> Compared:
        settings = self._settings()
        asked = state.sync_result.revision if state.sync_result else ""
        wanted = await self._desired.load(
            app,
            memory,
            settings,
            level=CompareLevel.FORCE_RESOLVE,
            source=source,
            revision=asked,
        )
        for count in range(_LIVE_TRIES):
            if count:
                await self._wait(_LIVE_PAUSE)
                require_answering(view)
            compared = await self._comparer.compare(
                app,
                wanted,
                memory,
                instance=self._desired.instance(app),
                health_inline=settings.health_inline,
            )
            if not compared.live_late:
                break
        return compared

    async def _plan(
        self, app: Application, compared: Compared, state: OperationState, view: ClusterView
    ) -> Plan:
        namespace = app.spec.destination.namespace
        kinds = _kinds(compared)
        request = request_for(
            state,
            namespace=namespace,
            revision=compared.wanted.revision,
            namespace_live=await _is_live(view, ResourceKey("", "Namespace", "", namespace)),
            kinds={
                kind: found
                for kind in kinds
                if (found := _served(view.discovery, kind)) is not None
            },
            wave_delay=self._settings().wave_delay,
        )
        pairs = await self._pairs(compared, view)
        return plan(request, pairs, await self._hooks(request, compared, view))

    async def _pairs(self, compared: Compared, view: ClusterView) -> list[SyncPair]:
        pairs = []
        for found in compared.pairing.pairs:
            live: Manifest | None = None
            if found.live is not None:
                version = found.target.version if found.target else ""
                live = await view.index.manifest(found.live.object.key, version)
            target = found.target.manifest if found.target else None
            if target is None and live is None:
                continue
            pairs.append(SyncPair(target, live, modified=compared.modified(found), own=found.own))
        return pairs

    async def _hooks(
        self, request: SyncRequest, compared: Compared, view: ClusterView
    ) -> Sequence[HookTarget]:
        hooks = []
        for hook in hook_targets(request, [one.manifest for one in compared.wanted.targets.hooks]):
            live = await view.index.manifest(key_of(hook.manifest), gvk_of(hook.manifest).version)
            hooks.append(HookTarget(hook.phase, hook.manifest, live))
        return hooks


async def _is_live(view: ClusterView, key: ResourceKey) -> bool:
    if not key.name or view.index.get(key) is not None:
        return True
    return await view.index.manifest(key) is not None


def _served(discovery: Discovery, kind: GroupVersionKind) -> ApiResource | None:
    """This version where it is served, else the one that is."""
    exact = discovery.find(kind)
    if exact is not None:
        return exact
    served = discovery.preferred()
    return next((one for one in served if one.group_kind == kind.group_kind), None)


def _kinds(compared: Compared) -> set[GroupVersionKind]:
    targets = compared.wanted.targets
    kinds = {gvk_of(target.manifest) for target in (*targets.objects, *targets.hooks)}
    kinds |= {found.live.object.gvk for found in compared.pairing.pairs if found.live}
    return kinds | {_NAMESPACE}


def _revision(state: OperationState, sync: SyncOperation) -> str:
    """Resumed attempts stay with the revision that they began with."""
    known = state.sync_result.revision if state.sync_result else ""
    return known or sync.revision


def _with_result(state: OperationState, source: ApplicationSource, revision: str) -> OperationState:
    before = state.sync_result
    if before is not None:
        return replace(state, sync_result=replace(before, revision=revision, source=source))
    return replace(state, sync_result=SyncOperationResult(revision=revision, source=source))


def _ended(state: OperationState, phase: OperationPhase, message: str) -> OperationState:
    return replace(state, phase=phase.value, message=message)


def _joined(conditions: Sequence[Condition]) -> str:
    return ";".join(f"{found.type}: {found.message}" for found in conditions)
