"""Objects in an application's namespace that belong to no application, read for one look."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from tiphys.core.project import EffectiveProject, may_be_orphaned
from tiphys.model.application import Application
from tiphys.model.errors import KubeError
from tiphys.model.resource import ApiResource, Manifest, ResourceKey, key_of
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.tree import node_of
from tiphys.services.applications.values import TreeNode

_AT_ONCE = 10
_EVENTS = "Event"


async def orphans(
    application: Application,
    project: EffectiveProject,
    others: Iterable[Application],
    reached: Reached,
) -> Sequence[TreeNode]:
    """By group, kind and name. `others` are all applications: what one of them has is no orphan."""
    namespace = application.spec.destination.namespace
    if not namespace:
        return ()
    await reached.discovery.refresh()
    wanted = {key for other in (application, *others) for key in _keys(other)}
    kinds = [
        one
        for one in reached.discovery.preferred()
        if one.namespaced and "list" in one.verbs and one.kind != _EVENTS
    ]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def listed(kind: ApiResource) -> Sequence[Manifest]:
        async with turn:
            try:
                return (await reached.reader.list(kind, namespace=namespace)).items
            except KubeError:
                # Without the right to list a kind there is nothing to be told of it.
                return ()

    found = [item for items in await asyncio.gather(*map(listed, kinds)) for item in items]
    lonely = [
        item
        for item in found
        if not item["metadata"].get("ownerReferences")
        and key_of(item) not in wanted
        and may_be_orphaned(project, key_of(item))
    ]
    return [node_of(item) for item in sorted(lonely, key=lambda item: str(key_of(item)))]


def _keys(application: Application) -> Iterable[ResourceKey]:
    for one in application.status.resources:
        yield ResourceKey(one.group, one.kind, one.namespace, one.name)
