"""The objects of an application, desired against live, read anew for one look.

The controller compares all the time and keeps no text of it; whoever asks pays for the answer.
What Secrets hold is masked on the way out, on both sides of a pair alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tiphys.core.app.targets import Targets
from tiphys.core.diff.compare import Comparison
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.diff.mask import SecretMask
from tiphys.core.diff.normalise import encode
from tiphys.core.diff.rules import CompareRules
from tiphys.core.manifest.hooks import is_hook, is_skipped
from tiphys.model.application import Application
from tiphys.model.errors import ObjectNotFoundError
from tiphys.model.resource import GroupVersionKind, Manifest, ResourceKey, gvk_of
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.values import Batches
from tiphys.services.compare import Ask, Comparisons

# One application's objects are not worth more of an API server's attention than this.
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Managed:
    """One object; a side that is missing is None. `target` and `live` are as they are stored.

    `predicted` is what the live object would become and `compared` what it is, in one spelling;
    both are None unless both sides are there. `differences` are theirs, `hidden` those that
    count for nothing, with the rule that says so.
    """

    key: ResourceKey
    target: Manifest | None
    live: Manifest | None
    hook: bool = False
    skipped: bool = False
    modified: bool = False
    predicted: Manifest | None = None
    compared: Manifest | None = None
    differences: tuple[FieldDifference, ...] = ()
    hidden: tuple[FieldDifference, ...] = ()


class Comparing:
    """Reads the live side and compares. `rules` are the application's."""

    def __init__(
        self, comparisons: Comparisons, rules: CompareRules, batches: Batches | None = None
    ) -> None:
        self._comparisons = comparisons
        self._rules = rules
        self._batches = batches or Batches()
        self.masked: Collection[str] = rules.masked

    async def managed(
        self,
        application: Application,
        targets: Targets,
        reached: Reached,
        *,
        only: Collection[ResourceKey] | None = None,
    ) -> Sequence[Managed]:
        """By group, kind, namespace and name: what is desired, and what the status knows besides.

        Raises KubeError and EvaluationError.
        """
        desired = desired_objects(targets, application)
        live = await self.live(application, targets, reached, only=only)
        compared = await self.compared(desired, live, reached)
        return [
            managed_of(key, desired.get(key), found, compared.get(key), self._rules.masked)
            for key, found in live.items()
            if found is not None or key in desired
        ]

    async def live(
        self,
        application: Application,
        targets: Targets,
        reached: Reached,
        *,
        only: Collection[ResourceKey] | None = None,
    ) -> Mapping[ResourceKey, Manifest | None]:
        """What is live of the targets, and of what the status knows; in the order of keys."""
        wanted_kinds = {
            key: gvk_of(one) for key, one in desired_objects(targets, application).items()
        }
        kinds = status_kinds(application) | wanted_kinds
        wanted = sorted((key for key in kinds if only is None or key in only), key=str)
        turn = asyncio.Semaphore(_AT_ONCE)

        async def read(key: ResourceKey) -> Manifest | None:
            async with turn:
                return await live_object(key, kinds[key], reached)

        return dict(zip(wanted, await asyncio.gather(*map(read, wanted)), strict=True))

    async def compared(
        self,
        desired: Mapping[ResourceKey, Manifest],
        live: Mapping[ResourceKey, Manifest | None],
        reached: Reached,
    ) -> Mapping[ResourceKey, Comparison]:
        """The objects of which both sides are there. Raises KubeError and EvaluationError."""
        asks = [
            Ask(key, desired[key], found)
            for key, found in live.items()
            if found is not None and key in desired
        ]
        turn = asyncio.Semaphore(self._batches.at_once or len(asks) or 1)

        async def batch(some: Sequence[Ask]) -> Sequence[tuple[ResourceKey, Comparison]]:
            async with turn:
                answers = await self._comparisons.compare(
                    some, self._rules, discovery=reached.discovery, writer=reached.writer
                )
            found = []
            for ask, answer in zip(some, answers, strict=True):
                if not isinstance(answer, Comparison):
                    raise answer
                found.append((ask.key, answer))
            return found

        parts = await asyncio.gather(*map(batch, _parts(asks, self._batches.size)))
        return {key: comparison for part in parts for key, comparison in part}


def desired_objects(targets: Targets, application: Application) -> Mapping[ResourceKey, Manifest]:
    """With the namespace that the application manages, once it has made it its own."""
    desired = {target.key: target.manifest for target in (*targets.objects, *targets.hooks)}
    namespace = targets.namespace
    if namespace is not None and namespace.key in status_kinds(application):
        desired.setdefault(namespace.key, namespace.manifest)
    return desired


def _parts(asks: Sequence[Ask], size: int) -> Sequence[Sequence[Ask]]:
    """Runs of objects that are together no larger than `size` bytes; a larger one goes alone."""
    if not size:
        return [asks]
    parts: list[list[Ask]] = []
    left = 0
    for ask in asks:
        own = len(encode(ask.desired)) + len(encode(ask.live))
        if not parts or own > left:
            parts.append([])
            left = size
        parts[-1].append(ask)
        left -= own
    return parts


def status_kinds(application: Application) -> dict[ResourceKey, GroupVersionKind]:
    """The objects that the status names."""
    return {
        ResourceKey(one.group, one.kind, one.namespace, one.name): GroupVersionKind(
            one.group, one.version, one.kind
        )
        for one in application.status.resources
    }


async def live_object(
    key: ResourceKey, kind: GroupVersionKind, reached: Reached
) -> Manifest | None:
    """None where it is absent, or its kind is not served."""
    resource = reached.discovery.find(kind)
    if resource is None:
        return None
    namespace = key.namespace if resource.namespaced else ""
    try:
        return await reached.reader.get(resource, namespace, key.name)
    except ObjectNotFoundError:
        return None


def managed_of(
    key: ResourceKey,
    target: Manifest | None,
    live: Manifest | None,
    found: Comparison | None,
    masked: Collection[str],
) -> Managed:
    """As it may be shown: what Secrets hold is masked alike on all sides."""
    mask = SecretMask(target, live, annotations=masked)
    either = target or live or {}
    one = Managed(
        key,
        None if target is None else mask.manifest(target),
        None if live is None else mask.manifest(live),
        hook=is_hook(either),
        skipped=is_skipped(either),
        modified=True,
    )
    if found is None:
        return one
    return replace(
        one,
        modified=found.modified,
        predicted=mask.manifest(found.predicted or {}),
        compared=mask.manifest(found.live or {}),
        differences=found.differences,
        hidden=found.hidden,
    )
