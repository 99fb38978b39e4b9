"""The plan of a sync: what it would do, in its order, and why. Nothing is written.

It is the plan that a sync itself follows, of the application as its sources and its cluster are
now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tiphys.core.app.asking import Asking, asked_by_spec
from tiphys.core.app.pairing import Live, Pair, pair, traits_of
from tiphys.core.app.spec import sync_policy
from tiphys.core.app.targets import Targets
from tiphys.core.app.times import rfc3339
from tiphys.core.manifest.tracking import Tracking
from tiphys.core.project import EffectiveProject
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest, request_for
from tiphys.core.sync.task import Plan, SyncTask
from tiphys.core.sync.tasks import hook_targets
from tiphys.core.tree.facts import live_object
from tiphys.model.application import Application, OperationState
from tiphys.model.resource import (
    ApiResource,
    GroupVersionKind,
    Manifest,
    ResourceKey,
    gvk_of,
    key_of,
)
from tiphys.model.status import OperationPhase
from tiphys.services.applications.desired import Desired, require_source
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.managed import (
    Comparing,
    Managed,
    desired_objects,
    managed_of,
)
from tiphys.services.applications.managed import (
    live_object as read_live,
)
from tiphys.services.applications.values import SyncCommand
from tiphys.services.applications.writing import operation_of
from tiphys.services.projects.rules import Permission

_NAMESPACE = GroupVersionKind("", "v1", "Namespace")


class Action(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    PRUNE = "prune"
    KEEP = "keep"
    RUN = "run"
    """A hook."""


@dataclass(frozen=True, slots=True)
class Step:
    """`reason` says why this and nothing else is done. `managed` is how both sides differ, as it
    may be shown; None for a hook and for a namespace that only the sync wants.
    """

    task: SyncTask
    action: Action
    reason: str
    managed: Managed | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """`problems` are why the sync would not begin; `revisions` what it would sync to."""

    steps: tuple[Step, ...]
    problems: tuple[str, ...]
    revisions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """All raise ApiError, RenderError, RepositoryError and KubeError."""

    desired: Desired
    comparing: Comparing
    tracking: Tracking
    reached: Reached
    project: EffectiveProject

    async def plan(self, application: Application, command: SyncCommand, now: datetime) -> Planned:
        require_source(application)
        asking = await self._asking(application, command)
        targets = await self.desired.targets(application, asking, self.reached)
        wanted = desired_objects(targets, application)
        live = await self.comparing.live(application, targets, self.reached)
        compared = await self.comparing.compared(wanted, live, self.reached)
        managed = {
            key: managed_of(key, wanted.get(key), one, compared.get(key), self.comparing.masked)
            for key, one in live.items()
        }
        instance = self.desired.instance(application)
        paired = pair(
            targets,
            self._ours(live, set(wanted), instance),
            instance=instance,
            qualified_name=application.qualified_name,
        )
        pairs = [_sync_pair(found, live, managed) for found in paired.pairs]
        made = await self._made(application, command, asking, targets, pairs, now)
        steps = tuple(_step(made, task, managed.get(task.key)) for task in made.tasks)
        problems = tuple(problem.text for problem in made.problems)
        return Planned(steps, problems, asking.revisions)

    async def _asking(self, application: Application, command: SyncCommand) -> Asking:
        asking = asked_by_spec(application.spec)
        named = tuple(command.revisions.get(at) or one for at, one in enumerate(asking.revisions))
        wanted = replace(asking, revisions=named)
        return replace(wanted, revisions=await self.desired.revisions(application, wanted))

    def _ours(
        self,
        live: Mapping[ResourceKey, Manifest | None],
        wanted: set[ResourceKey],
        instance: str,
    ) -> list[Live]:
        """What is wanted by any name, and of the rest what says that it is the application's."""
        found = []
        for key, manifest in live.items():
            if manifest is not None:
                facts = live_object(key, manifest, None, self.tracking)
                if key in wanted or facts.instance == instance:
                    found.append(Live(facts, traits_of(manifest)))
        return found

    async def _made(
        self,
        application: Application,
        command: SyncCommand,
        asking: Asking,
        targets: Targets,
        pairs: list[SyncPair],
        now: datetime,
    ) -> Plan:
        space = await self._live("", "Namespace", application.spec.destination.namespace)
        state = OperationState(
            operation=operation_of(application, command, asking),
            phase=OperationPhase.RUNNING,
            started_at=rfc3339(now),
        )
        kinds = {gvk_of(one.manifest) for one in (*targets.objects, *targets.hooks)}
        kinds |= {gvk_of(one.live) for one in pairs if one.live is not None} | {_NAMESPACE}
        request = request_for(
            state,
            namespace=application.spec.destination.namespace,
            revision=asking.revisions[0] if not asking.several else "",
            namespace_live=space is not None or not application.spec.destination.namespace,
            namespace_object=space,
            namespace_metadata=sync_policy(application.spec).managed_namespace_metadata,
            annotations=application.metadata.annotations,
            permits=Permission(self.project, self.reached.cluster).refusal,
            kinds={kind: found for kind in kinds if (found := self._served(kind)) is not None},
        )
        return plan(request, pairs, await self._hooks(request, targets))

    async def _hooks(self, request: SyncRequest, targets: Targets) -> list[HookTarget]:
        found = []
        for hook in hook_targets(request, [one.manifest for one in targets.hooks]):
            key, kind = key_of(hook.manifest), gvk_of(hook.manifest)
            live = await read_live(key, kind, self.reached)
            found.append(HookTarget(hook.phase, hook.manifest, live))
        return found

    async def _live(self, group: str, kind: str, name: str) -> Manifest | None:
        if not name:
            return None
        return await read_live(ResourceKey(group, kind, "", name), _NAMESPACE, self.reached)

    def _served(self, kind: GroupVersionKind) -> ApiResource | None:
        """This version where it is served, else the one that is."""
        exact = self.reached.discovery.find(kind)
        if exact is not None:
            return exact
        served = self.reached.discovery.preferred()
        return next((one for one in served if one.group_kind == kind.group_kind), None)


def _sync_pair(
    found: Pair,
    live: Mapping[ResourceKey, Manifest | None],
    managed: Mapping[ResourceKey, Managed],
) -> SyncPair:
    known = managed.get(found.key)
    return SyncPair(
        found.target.manifest if found.target else None,
        live.get(found.key) if found.live else None,
        modified=known is None or known.modified,
        own=found.own,
        instance=found.live.object.instance if found.live else "",
    )


def _step(made: Plan, task: SyncTask, managed: Managed | None) -> Step:
    if task.hook:
        return Step(task, Action.RUN, f"it is a hook of {task.phase}")
    if task.prune:
        if task.keep:
            return Step(task, Action.KEEP, task.keep, managed)
        asks = task.confirm and not made.confirmed
        reason = "nobody wants it any more"
        return Step(
            task,
            Action.PRUNE,
            f"{reason}, and somebody has to agree first" if asks else reason,
            managed,
        )
    if task.live is None:
        reason = "it is not there yet"
        if task.id == made.namespace:
            reason = "the destination namespace is not there yet"
        return Step(task, Action.CREATE, reason, managed)
    if task.changed:
        return Step(task, Action.CHANGE, "it differs from what is wanted", managed)
    if not made.needed(task):
        return Step(task, Action.UNCHANGED, "only what differs is applied", managed)
    return Step(task, Action.UNCHANGED, "it is as it is wanted, and is applied again", managed)
