"""Desired against live for one application; what was judged before is not judged again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tiphys.core.app.compare import Folded, Itself, fold
from tiphys.core.app.conditions import Condition
from tiphys.core.app.pairing import Live, Pair, Pairing, Traits, pair, traits_of
from tiphys.core.app.refresh import namespace_metadata_differs
from tiphys.core.app.spec import sync_policy
from tiphys.core.app.targets import Target
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.health import AppHealth
from tiphys.core.settings.clusters import not_managed
from tiphys.model.application import Application
from tiphys.model.errors import KubeError
from tiphys.model.live import LiveObject
from tiphys.model.resource import GroupKind, Manifest, ResourceKey
from tiphys.model.status import ConditionType, HealthCode, SyncCode
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.clusters.reaching import unreachable, view_of
from tiphys.services.compare import Ask
from tiphys.services.projects.rules import Permission, ProjectRules
from tiphys.services.reconcile.judging import Judging
from tiphys.services.reconcile.memory import AppMemory, Judged, SeenTraits
from tiphys.services.reconcile.stopwatch import timed
from tiphys.services.reconcile.wanted import Wanted

_BREATH = 50
"""After so many objects others get a turn: one application must not hold up the rest."""


@dataclass(frozen=True)
class Compared:
    """What was found. `conditions` are of the types that a comparison judges, not yet dated.

    `live_late`: the live state could not be read, which passes.
    """

    wanted: Wanted
    pairing: Pairing
    folded: Folded
    conditions: tuple[Condition, ...]
    load_failed: bool
    live_late: bool
    judged: dict[ResourceKey, Judged]

    def modified(self, found: Pair) -> bool:
        """Whether both sides of a pair differ; a side that is missing counts as a difference."""
        if found.target is None or found.live is None:
            return True
        known = self.judged.get(found.key)
        return known is None or known.modified

    def hidden(self) -> Iterator[tuple[ResourceKey, Sequence[FieldDifference]]]:
        """The objects of which rules hide differences, and those with their rules."""
        for key, known in self.judged.items():
            if known.hidden:
                yield key, known.hidden

    def reasons(self) -> Iterator[tuple[ResourceKey, Sequence[FieldDifference]]]:
        """The objects that are OutOfSync with the fields that make them so."""
        for found, resource in zip(self.pairing.pairs, self.folded.resources, strict=True):
            if resource.status == SyncCode.OUT_OF_SYNC:
                known = self.judged.get(found.key)
                yield found.key, known.differences if known else ()


class Comparer:
    """Compares on the cluster of each application's destination, what its project permits."""

    def __init__(self, clusters: Clusters, rules: ProjectRules, judging: Judging) -> None:
        self._clusters = clusters
        self._rules = rules
        self._judging = judging

    async def compare(
        self,
        app: Application,
        wanted: Wanted,
        memory: AppMemory,
        *,
        instance: str,
        health_inline: bool,
        hard: bool = False,
    ) -> Compared:
        """Never raises for what is wrong with one application: that becomes its conditions.

        Raises DestinationError, for an application that should not have come so far.
        """
        view = view_of(self._clusters, app.spec.destination)
        comparison = _Comparison(view, self._rules.permission(app), self._judging)
        return await comparison.compare(
            app, wanted, memory, instance=instance, health_inline=health_inline, hard=hard
        )

    async def respected(
        self, app: Application, memory: AppMemory, asks: Sequence[Ask]
    ) -> Sequence[Manifest]:
        """The desired objects with the live values of what ignore rules name.

        Raises EvaluationError and KubeError.
        """
        view = view_of(self._clusters, app.spec.destination)
        return await self._judging.respected(app, memory, asks, view)


class _Comparison:
    """Reads the live side from the index of one cluster.

    What the project does not permit counts as absent: then it is never pruned.
    """

    def __init__(self, view: ClusterView, permission: Permission | None, judging: Judging) -> None:
        self._view = view
        self._judging = judging
        self._permission = permission
        self._index = view.index
        self._discovery = view.discovery

    async def compare(
        self,
        app: Application,
        wanted: Wanted,
        memory: AppMemory,
        *,
        instance: str,
        health_inline: bool,
        hard: bool = False,
    ) -> Compared:
        conditions = list(wanted.targets.conditions)
        if wanted.unsupported:
            conditions.append(Condition(ConditionType.INVALID_SPEC_ERROR, wanted.error))
        elif wanted.error:
            conditions.append(Condition(ConditionType.COMPARISON_ERROR, wanted.failure))
        conditions += [Condition(ConditionType.COMPARISON_ERROR, text) for text in wanted.problems]
        # The contract has no type of its own for what never renders the same twice.
        conditions += [
            Condition(ConditionType.REPEATED_RESOURCE_WARNING, text) for text in wanted.warnings
        ]
        if hard:
            memory.forget_comparisons()
        failed = bool(wanted.error)
        late = False
        try:
            with timed("live"):
                live = await self._live(instance, wanted, memory)
        except KubeError as error:
            text = f"Failed to load live state: {error}"
            conditions.append(Condition(ConditionType.COMPARISON_ERROR, text))
            failed, late, live = True, True, []
        paired = pair(wanted.targets, live, instance=instance, qualified_name=app.qualified_name)
        conditions += paired.conditions
        rules = self._judging.rules(app, memory)
        with timed("diff"):
            problem = await self._judging.judge_all(paired.pairs, wanted, memory, rules, self._view)
        if problem:
            text = f"Failed to compare desired state to live state: {problem}"
            conditions.append(Condition(ConditionType.COMPARISON_ERROR, text))
            failed = True
        judged = memory.judged
        with timed("health"):
            folded = fold(
                paired.pairs,
                lambda found: (known := judged.get(found.key)) is None or known.modified,
                itself=Itself(app.uid, app.namespace, app.name),
                load_failed=failed,
                health_inline=health_inline,
                options=sync_policy(app.spec).sync_options,
                metadata_differs=namespace_metadata_differs(app),
                permitted=self._kind_permitted,
            )
        if late:
            # What was not seen is neither missing nor healthy.
            unseen = AppHealth(HealthCode.UNKNOWN, "", folded.health.resources)
            folded = replace(folded, health=unseen)
        return Compared(wanted, paired, folded, tuple(conditions), failed, late, dict(judged))

    def _kind_permitted(self, found: Pair) -> bool:
        """A kind of unknown scope is taken for a cluster's."""
        if self._permission is None:
            return False
        namespaced = self._discovery.scope(found.key.group_kind) is True
        return self._permission.kind(found.key, namespaced=namespaced)

    async def _live(self, instance: str, wanted: Wanted, memory: AppMemory) -> list[Live]:
        """All that is tracked by the application, and all that its targets name."""
        if problem := unreachable(self._view):
            raise KubeError(problem)
        permission = self._permission
        if permission is None:
            raise KubeError("it is not known what the project permits")
        tracked = self._index.tracked(instance)
        found = {known.key: known for known in tracked if permission.live(known.key)}
        targets = (*wanted.targets.objects, *wanted.targets.hooks)
        self._require_managed(targets)
        self._require_complete(found, targets)
        for target in targets:
            for key in _spellings(target):
                known = await self._named(key, target.version)
                if known is not None and permission.live(key):
                    found[key] = known
        # A version whose health is still being judged is neither Healthy nor anything else.
        await self._index.judged(found)
        entries = []
        for count, seen in enumerate(found.values(), 1):
            known = self._index.get(seen.key) or seen
            traits = await self._traits(known, memory)
            if traits is not None:
                entries.append(Live(known, traits))
            if count % _BREATH == 0:
                await asyncio.sleep(0)
        memory.traits = {key: memory.traits[key] for key in found if key in memory.traits}
        return entries

    def _require_managed(self, targets: Sequence[Target]) -> None:
        """Of a cluster of which only some namespaces are managed the others are out of bounds."""
        for target in targets:
            known = target.namespaced
            namespaced = bool(target.key.namespace) if known is None else known
            problem = not_managed(self._view.cluster, target.key, namespaced=namespaced)
            if problem:
                raise KubeError(problem)

    def _require_complete(
        self, tracked: dict[ResourceKey, LiveObject], targets: Sequence[Target]
    ) -> None:
        """Of a kind whose list is partial or old it is not known what is live."""
        kinds = {target.key.group_kind for target in targets}
        kinds |= {key.group_kind for key in tracked}
        late = [kind for kind in sorted(kinds) if self._is_late(kind)]
        if late:
            names = ", ".join(str(kind) for kind in late)
            raise KubeError(f"the list of {names} is not complete")

    def _is_late(self, kind: GroupKind) -> bool:
        """A kind that is watched but not listed. One that is not served yet has no objects, and
        of one that is not watched each object is asked for.
        """
        return (
            self._discovery.scope(kind) is not None
            and self._index.awaits(kind)
            and not self._index.complete([kind])
        )

    async def _named(self, key: ResourceKey, version: str) -> LiveObject | None:
        known = self._index.get(key)
        if known is not None or self._index.complete([key.group_kind]):
            return known
        manifest = await self._index.manifest(key, version)
        return None if manifest is None else await self._index.facts(key, manifest)

    async def _traits(self, known: LiveObject, memory: AppMemory) -> Traits | None:
        """None where the object is gone by now."""
        seen = memory.traits.get(known.key)
        if (
            seen is not None
            and seen.uid == known.uid
            and seen.resource_version == known.resource_version
        ):
            return seen.traits
        manifest = await self._index.manifest(known.key)
        if manifest is None:
            return None
        traits = traits_of(manifest)
        memory.traits[known.key] = SeenTraits(known.uid, known.resource_version, traits)
        return traits


def _spellings(target: Target) -> tuple[ResourceKey, ...]:
    """Under which keys a target may be live: a kind of unknown scope may have no namespace."""
    if target.namespaced is None and target.key.namespace:
        return target.key, target.key._replace(namespace="")
    return (target.key,)
