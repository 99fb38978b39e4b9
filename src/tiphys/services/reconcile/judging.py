"""Desired against live, object by object; what was judged before is not judged again.

An answer holds for one desired hash, one live version, one type and the same rules. On the way
that most objects go nobody is asked; what needs the sandbox or the server is asked in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tiphys.core.app.pairing import Pair
from tiphys.core.app.targets import Target
from tiphys.core.diff.compare import Comparison
from tiphys.core.diff.rules import CompareRules, compare_rules
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.manifest.annotations import split_list
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.errors import KubeError
from tiphys.model.live import LiveObject
from tiphys.model.names import ANNOTATION_COMPARE_OPTIONS
from tiphys.model.resource import GroupVersionKind, Manifest, ResourceKey, gvk_of
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.compare import Ask, Comparisons, respected
from tiphys.services.reconcile.desired import Wanted
from tiphys.services.reconcile.memory import AppMemory, Judged

_AT_ONCE = 200
"""So many objects are asked about together: their manifests are in memory for so long."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """An object that has to be judged."""

    key: ResourceKey
    target: Target
    target_hash: str
    live: LiveObject
    manifest: Manifest
    schema: TypeSchema | None


class Judging:
    """`settings` are the present ones."""

    def __init__(self, comparisons: Comparisons, settings: Callable[[], Settings]) -> None:
        self._comparisons = comparisons
        self._settings = settings

    def rules(self, app: Application, memory: AppMemory) -> CompareRules:
        """The application's rules; the same value for as long as they are equal."""
        options = split_list(app.metadata.annotations.get(ANNOTATION_COMPARE_OPTIONS, ""))
        rules = compare_rules(app.spec, frozenset(options), self._settings())
        if memory.rules != rules:
            memory.rules = rules
        return memory.rules

    async def respected(
        self, app: Application, memory: AppMemory, asks: Sequence[Ask], view: ClusterView
    ) -> Sequence[Manifest]:
        """What is to be applied where ignored fields are left alone, in the order of the asks.

        Raises EvaluationError and KubeError.
        """
        rules, eraser = self.rules(app, memory), self._comparisons.eraser
        return await respected(asks, rules, discovery=view.discovery, eraser=eraser)

    async def judge_all(
        self,
        pairs: Sequence[Pair],
        wanted: Wanted,
        memory: AppMemory,
        rules: CompareRules,
        view: ClusterView,
    ) -> str:
        """Brings memory.judged up to date; answers why that was not possible."""
        work = _Work(self._comparisons, rules, view)
        for found in pairs:
            if found.target is None or found.live is None:
                continue
            known = memory.judged.get(found.key)
            target_hash = wanted.hashes[found.target.key]
            try:
                await work.take(found.key, found.target, target_hash, found.live.object, known)
            except KubeError as error:
                work.problem = work.problem or str(error)
        await work.ask()
        memory.judged = work.judged
        return work.problem


class _Work:
    """One pass over an application's objects."""

    def __init__(self, comparisons: Comparisons, rules: CompareRules, view: ClusterView) -> None:
        self.judged: dict[ResourceKey, Judged] = {}
        self.problem = ""
        self._comparisons = comparisons
        self._rules = rules
        self._view = view
        self._types: dict[GroupVersionKind, TypeSchema | None] = {}
        self._waiting: list[_Fresh] = []

    async def take(
        self,
        key: ResourceKey,
        target: Target,
        target_hash: str,
        live: LiveObject,
        known: Judged | None,
    ) -> None:
        kind = gvk_of(target.manifest)
        if kind not in self._types:
            self._types[kind] = await self._view.discovery.schema(kind)
        schema = self._types[kind]
        if known is not None and _holds(known, target_hash, live, schema, self._rules):
            self.judged[key] = known
            return
        manifest = await self._view.index.manifest(live.key, target.version)
        if manifest is None:
            return
        self._waiting.append(_Fresh(key, target, target_hash, live, manifest, schema))
        if len(self._waiting) == _AT_ONCE:
            await self.ask()

    async def ask(self) -> None:
        """Judges what is waiting."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        asks = [Ask(one.live.key, one.target.manifest, one.manifest) for one in waiting]
        answers = await self._comparisons.compare(
            asks, self._rules, discovery=self._view.discovery, writer=self._view.writer
        )
        for one, answer in zip(waiting, answers, strict=True):
            if isinstance(answer, Comparison):
                self.judged[one.key] = self._remembered(one, answer)
            else:
                self.problem = self.problem or str(answer)

    def _remembered(self, one: _Fresh, answer: Comparison) -> Judged:
        # The manifest may be newer than the facts that led to it: it says itself what it is.
        version = str((one.manifest.get("metadata") or {}).get("resourceVersion") or "")
        return Judged(
            one.target_hash,
            one.live.uid,
            version,
            one.schema,
            answer.modified,
            answer.differences,
            self._rules,
            answer.hidden,
        )


def _holds(
    known: Judged,
    target_hash: str,
    live: LiveObject,
    schema: TypeSchema | None,
    rules: CompareRules,
) -> bool:
    return (
        known.target_hash == target_hash
        and known.schema is schema
        and known.rules is rules
        and known.uid == live.uid
        and known.resource_version == live.resource_version
    )
