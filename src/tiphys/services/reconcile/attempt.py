"""Prepares one attempt of an operation: compares, plans, and hands the plan to the sync engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_value

from msgspec.structs import replace

from tiphys.core.app.asking import Asking, asked_by_operation, is_pinned
from tiphys.core.app.conditions import Condition
from tiphys.core.app.confirmation import approved_since
from tiphys.core.app.spec import sync_policy
from tiphys.core.settings import Settings
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest, request_for
from tiphys.core.sync.task import Plan
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.application import (
    Application,
    OperationState,
    SyncOperationResult,
)
from tiphys.model.errors import (
    DestinationError,
    EvaluationError,
    KubeError,
    KubeUnreachableError,
    RenderError,
    RepositoryError,
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
from tiphys.services.compare import Ask
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.acting import NoAccountError, hands_for
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
_RESPECT = "RespectIgnoreDifferences=true"
_SHARED = "FailOnSharedResource=true"
_SHARED_TYPES = (ConditionType.SHARED_RESOURCE_WARNING,)
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
    acting: tuple[KubeReader, KubeWriter] | None = None

    def begin(self, store: OperationStore) -> RunningSync:
        return self.runner.begin(self.plan, self.state, store, acting=self.acting)


class Attempts:
    """`settings` are the present ones."""

    def __init__(
        self,
        desired: DesiredState,
        comparer: Comparer,
        clusters: Clusters,
        runners: SyncRunners,
        rules: ProjectRules,
        settings: Callable[[], Settings],
        *,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._desired = desired
        self._comparer = comparer
        self._clusters = clusters
        self._runners = runners
        self._rules = rules
        self._settings = settings
        self._wait = wait

    async def prepare(
        self, app: Application, memory: AppMemory, state: OperationState
    ) -> Ready | NotReady:
        """Compares at the revision that the operation names, or that the target has now.

        Raises KubeUnreachableError for a cluster that does not answer.
        """
        try:
            view = view_of(self._clusters, app.spec.destination)
        except DestinationError as error:
            text = f"Failed to get destination cluster: {error}"
            return NotReady(_ended(state, OperationPhase.ERROR, text))
        require_answering(view)
        sync = state.operation.sync
        if sync is None:
            text = "Invalid operation request: no operation specified"
            return NotReady(_ended(state, OperationPhase.ERROR, text))
        # Resumed attempts stay with the revisions that they began with.
        asking = asked_by_operation(app.spec, sync, state.sync_result)
        if state.sync_result is None:
            state = _with_result(app, state, asking, sync.revision, sync.revisions)
        compared = await self._compare(app, memory, state, asking, view)
        wanted = compared.wanted
        memory.attempted = wanted.commits
        resolved = wanted.listed or (state.sync_result.revisions if state.sync_result else ())
        state = _with_result(app, state, asking, wanted.revision, resolved)
        if _SHARED in sync.sync_options and (shared := _found(compared, _SHARED_TYPES)):
            text = f"Shared resource found: {shared[0].message}"
            return NotReady(_ended(state, OperationPhase.FAILED, text))
        if fatal := _found(compared, _FATAL):
            return NotReady(_ended(state, OperationPhase.ERROR, _joined(fatal)))
        try:
            hands = hands_for(app, view, self._rules, self._settings(), enforce=True)
        except NoAccountError as error:
            return NotReady(_ended(state, OperationPhase.ERROR, str(error)))
        pairs = await self._pairs(compared, view)
        if _RESPECT in sync.sync_options:
            try:
                pairs = await self._respecting(app, memory, pairs)
            except KubeUnreachableError:
                raise
            except (EvaluationError, KubeError) as error:
                text = f"Failed to normalize target resources: {error}"
                return NotReady(_ended(state, OperationPhase.ERROR, text))
        planned = await self._plan(app, compared, state, view, pairs)
        acting = (hands.reader, hands.writer) if hands.account else None
        return Ready(self._runners.of(view), planned, state, acting)

    async def superseded(self, app: Application, memory: AppMemory, state: OperationState) -> bool:
        """Whether a newer commit is known than the one of the last attempt."""
        sync, result = state.operation.sync, state.sync_result
        if sync is None or sync.manifests:
            return False
        # After a restart, what could not be rendered is not known any more: it waits its time.
        asking = asked_by_operation(app.spec, sync, None)
        known = (result.revisions if asking.several else (result.revision,)) if result else ()
        tried = memory.attempted or known
        if len(tried) != len(asking.sources) or not all(map(is_pinned, asking.sources, tried)):
            return False
        try:
            return await self._desired.newest(app, asking) != tried
        except (RepositoryError, RenderError):
            return False

    async def _compare(
        self,
        app: Application,
        memory: AppMemory,
        state: OperationState,
        asking: Asking,
        view: ClusterView,
    ) -> Compared:
        settings = self._settings()
        wanted = await self._desired.load(
            app,
            memory,
            settings,
            level=CompareLevel.FORCE_RESOLVE,
            asking=asking,
            local=state.operation.sync.manifests if state.operation.sync else (),
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
        self,
        app: Application,
        compared: Compared,
        state: OperationState,
        view: ClusterView,
        pairs: Sequence[SyncPair],
    ) -> Plan:
        namespace = app.spec.destination.namespace
        kinds = _kinds(compared)
        permission = self._rules.permission(app)
        metadata = sync_policy(app.spec).managed_namespace_metadata
        space = await _space(view, namespace, whole=metadata is not None)
        request = request_for(
            state,
            namespace=namespace,
            revision=compared.wanted.revision,
            namespace_live=space.live,
            namespace_object=space.manifest,
            namespace_metadata=metadata,
            namespace_error=space.error,
            annotations=app.metadata.annotations,
            confirmed=approved_since(app.metadata.annotations, state.started_at),
            permits=permission.refusal if permission else _nothing,
            kinds={
                kind: found
                for kind in kinds
                if (found := _served(view.discovery, kind)) is not None
            },
            wave_delay=self._settings().wave_delay,
        )
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
            pairs.append(
                SyncPair(
                    target,
                    live,
                    modified=compared.modified(found),
                    own=found.own,
                    instance=found.live.object.instance if found.live else "",
                )
            )
        return pairs

    async def _respecting(
        self, app: Application, memory: AppMemory, pairs: Sequence[SyncPair]
    ) -> list[SyncPair]:
        """Leaves alone what ignore rules name, of what is there already."""
        asks = [
            Ask(key_of(one.live), one.target, one.live)
            for one in pairs
            if one.target is not None and one.live is not None
        ]
        answers = iter(await self._comparer.respected(app, memory, asks))
        return [
            one
            if one.target is None or one.live is None
            else replace_value(one, target=next(answers))
            for one in pairs
        ]

    async def _hooks(
        self, request: SyncRequest, compared: Compared, view: ClusterView
    ) -> Sequence[HookTarget]:
        hooks = []
        for hook in hook_targets(request, [one.manifest for one in compared.wanted.targets.hooks]):
            live = await view.index.manifest(key_of(hook.manifest), gvk_of(hook.manifest).version)
            hooks.append(HookTarget(hook.phase, hook.manifest, live))
        return hooks


@dataclass(frozen=True, slots=True)
class _Space:
    """The destination namespace; `error` says why nobody knows whether it is there."""

    live: bool
    manifest: Manifest | None = None
    error: str = ""


async def _space(view: ClusterView, name: str, *, whole: bool) -> _Space:
    """`whole`: the manifest is wanted too."""
    key = ResourceKey("", "Namespace", "", name)
    if not name or (not whole and view.index.get(key) is not None):
        return _Space(live=True)
    try:
        manifest = await view.index.manifest(key)
    except KubeUnreachableError:
        raise
    except KubeError as error:
        return _Space(live=True, error=str(error))
    return _Space(manifest is not None, manifest)


def _nothing(_key: ResourceKey, _namespaced: bool) -> str:
    return "it is not known what the project permits"


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


def _with_result(
    app: Application,
    state: OperationState,
    asking: Asking,
    revision: str,
    revisions: tuple[str, ...],
) -> OperationState:
    before = state.sync_result or SyncOperationResult(revision=revision)
    result = replace(
        before,
        revision=revision,
        revisions=revisions,
        source=asking.source,
        sources=asking.listed,
        managed_namespace_metadata=sync_policy(app.spec).managed_namespace_metadata,
    )
    return replace(state, sync_result=result)


def _found(compared: Compared, types: Collection[ConditionType]) -> list[Condition]:
    return [found for found in compared.conditions if found.type in types]


def _ended(state: OperationState, phase: OperationPhase, message: str) -> OperationState:
    return replace(state, phase=phase.value, message=message)


def _joined(conditions: Sequence[Condition]) -> str:
    return ";".join(f"{found.type}: {found.message}" for found in conditions)
