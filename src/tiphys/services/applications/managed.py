"""The objects of an application, desired against live, read anew for one look.

The controller compares all the time and keeps no text of it; whoever asks pays for the answer.
What Secrets hold is masked on the way out, on both sides of a pair alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tiphys.core.app.targets import Target, Targets
from tiphys.core.diff.compare import compare
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.diff.mask import SecretMask
from tiphys.core.manifest.hooks import is_hook, is_skipped
from tiphys.model.application import Application
from tiphys.model.errors import ObjectNotFoundError
from tiphys.model.resource import GroupVersionKind, Manifest, ResourceKey, gvk_of
from tiphys.services.applications.destinations import Reached

# One application's objects are not worth more of an API server's attention than this.
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Managed:
    """One object; a side that is missing is None. `target` and `live` are as they are stored.

    `predicted` is what the live object would become and `compared` what it is, in one spelling;
    both are None unless both sides are there. `differences` are theirs.
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


async def managed(
    application: Application,
    targets: Targets,
    reached: Reached,
    *,
    only: Collection[ResourceKey] | None = None,
) -> Sequence[Managed]:
    """By group, kind, namespace and name: what is desired, and what the status knows besides."""

    def wanted(key: ResourceKey) -> bool:
        return only is None or key in only

    desired = {
        target.key: target for target in (*targets.objects, *targets.hooks) if wanted(target.key)
    }
    kinds = {target.key: gvk_of(target.manifest) for target in desired.values()}
    known = {key: kind for key, kind in status_kinds(application).items() if wanted(key)}
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(key: ResourceKey, kind: GroupVersionKind) -> Managed | None:
        async with turn:
            live = await live_object(key, kind, reached)
        return await _managed(key, desired.get(key), live, reached)

    found = await asyncio.gather(*(one(*item) for item in {**known, **kinds}.items()))
    there = [item for item in found if item is not None]
    return sorted(there, key=lambda item: str(item.key))


def status_kinds(application: Application) -> Mapping[ResourceKey, GroupVersionKind]:
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


async def _managed(
    key: ResourceKey, target: Target | None, live: Manifest | None, reached: Reached
) -> Managed | None:
    desired = None if target is None else target.manifest
    if desired is None and live is None:
        return None
    mask = SecretMask(desired, live)
    either = desired or live or {}
    result = Managed(
        key,
        None if desired is None else mask.manifest(desired),
        None if live is None else mask.manifest(live),
        hook=is_hook(either),
        skipped=is_skipped(either),
        modified=True,
    )
    if desired is None or live is None:
        return result
    schema = await reached.discovery.schema(gvk_of(desired))
    comparison = compare(desired, live, schema=schema)
    return Managed(
        key,
        result.target,
        result.live,
        hook=result.hook,
        skipped=result.skipped,
        modified=comparison.modified,
        predicted=mask.manifest(comparison.predicted or {}),
        compared=mask.manifest(comparison.live or {}),
        differences=comparison.differences,
    )
