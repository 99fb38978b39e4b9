"""The resource tree of an application, from what the index holds in memory.

Only what the project permits is in it, and what is hidden hides what is below it. An object that
names an owner is believed only where such an owner could have it: by all that it says of the
owner, and in the owner's namespace. Who may write into a cluster could claim anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from tiphys.core.manifest.tracking import instance_name
from tiphys.core.settings import Settings
from tiphys.core.tree import nodes
from tiphys.model.application import Application
from tiphys.model.errors import DestinationError, ManifestDecodeError
from tiphys.model.live import LiveObject
from tiphys.model.resource import GroupVersionKind, OwnerReference, ResourceKey
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.clusters.reaching import view_of
from tiphys.services.live.ports import LiveIndex
from tiphys.services.live.store import owner_key
from tiphys.services.projects.rules import Permission, ProjectRules
from tiphys.services.reconcile.orphans import Orphans
from tiphys.services.reconcile.store import ApplicationStore

_BREATH = 200
"""After so many nodes others get a turn."""


class Trees:
    """`settings` are the present ones."""

    def __init__(
        self,
        store: ApplicationStore,
        clusters: Clusters,
        rules: ProjectRules,
        orphans: Orphans,
        settings: Callable[[], Settings],
    ) -> None:
        self._store = store
        self._clusters = clusters
        self._rules = rules
        self._orphans = orphans
        self._settings = settings

    def key(self, namespace: str, name: str) -> str:
        """The application as the store knows it."""
        return instance_name(namespace or self._store.namespace, name, self._store.namespace)

    async def tree(self, key: str) -> dict[str, Any] | None:
        """ApplicationTree; None while the application was never compared."""
        app = self._store.get(key)
        if app is None or not (app.raw.get("status") or {}).get("sync"):
            return None
        try:
            view, permission = view_of(self._clusters, app.spec.destination), self._permission(app)
        except (DestinationError, ManifestDecodeError):
            return {}
        if permission is None:
            return {}
        roots, missing = self._roots(app, key, view.index)
        found = await _below(roots, view.index, permission)
        shown = await _shown(found, view.index)
        tree: dict[str, Any] = {"nodes": [*shown, *missing]}
        lonely = self._orphans.nodes(app)
        if lonely:
            tree["orphanedNodes"] = await _shown(lonely, view.index)
        hosts = self._hosts(found, view)
        return {**tree, "hosts": hosts} if hosts else tree

    def _permission(self, app: Application) -> Permission | None:
        return self._rules.permission(app)

    def _roots(
        self, app: Application, key: str, index: LiveIndex
    ) -> tuple[list[LiveObject], list[nodes.Node]]:
        """What is tracked, and what the status names besides; of that, what is missing."""
        tracked = {found.key: found for found in index.tracked(key)}
        missing = []
        for one in app.status.resources:
            at = ResourceKey(one.group, one.kind, one.namespace, one.name)
            known = tracked.get(at) or index.get(at)
            if known is not None:
                tracked[at] = known
            elif not one.hook:
                kind = GroupVersionKind(one.group, one.version, one.kind)
                missing.append(nodes.missing(kind, at))
        return list(tracked.values()), missing

    def _hosts(self, found: Iterable[LiveObject], view: ClusterView) -> list[nodes.Node]:
        pods: dict[str, list[LiveObject]] = {}
        for one in found:
            if one.node:
                pods.setdefault(one.node, []).append(one)
        hosts = []
        for name, own in sorted(pods.items()):
            node = view.index.get(ResourceKey("", "Node", "", name))
            if node is not None:
                asked = view.index.requested(name)
                hosts.append(nodes.host(name, node, own, asked, self._settings().node_labels))
        return hosts


def owned(owner: LiveObject, index: LiveIndex) -> list[LiveObject]:
    """What is below an object by rights."""
    return [one for one in index.dependants(owner.uid) if _could_own(owner, one)]


def _could_own(owner: LiveObject, one: LiveObject) -> bool:
    if owner.key.namespace and owner.key.namespace != one.key.namespace:
        return False
    return any(
        reference.uid in ("", owner.uid)
        and (reference.group, reference.kind, reference.name)
        == (owner.key.group, owner.key.kind, owner.key.name)
        for reference in one.owners
    )


async def _below(
    roots: Iterable[LiveObject], index: LiveIndex, permission: Permission
) -> list[LiveObject]:
    seen: dict[ResourceKey, LiveObject] = {}
    waiting = list(reversed(list(roots)))
    while waiting:
        one = waiting.pop()
        if one.key in seen or not permission.live(one.key):
            continue
        seen[one.key] = one
        waiting += reversed(owned(one, index))
        if len(seen) % _BREATH == 0:
            await asyncio.sleep(0)
    return list(seen.values())


async def _shown(found: Iterable[LiveObject], index: LiveIndex) -> list[nodes.Node]:
    def owner(one: LiveObject, reference: OwnerReference) -> LiveObject | None:
        at = owner_key(one.key, reference)
        above = index.get(at) or index.get(at._replace(namespace=""))
        return above if above is not None and reference.uid in ("", above.uid) else None

    shown = []
    for count, one in enumerate(found, 1):
        shown.append(nodes.node(one, owner))
        if count % _BREATH == 0:
            await asyncio.sleep(0)
    return shown
