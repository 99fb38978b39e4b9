"""The live objects of one application with their dependants, read for one look.

The controller keeps an index for this; a command that looks once reads only the kinds that
built-in controllers make from others, in the namespaces of the application's objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tiphys.core.health import judge
from tiphys.core.project import EffectiveProject, kind_permitted
from tiphys.model.application import Application, ResourceStatus
from tiphys.model.errors import KubeError, ObjectNotFoundError
from tiphys.model.resource import GroupVersionKind, Manifest, gvk_of, key_of
from tiphys.services.applications.health import healths_of
from tiphys.services.applications.values import TreeNode
from tiphys.services.live.judging import HealthScripts
from tiphys.services.live.ports import Discovery, KubeReader

_MADE_BY_OTHERS = (
    GroupVersionKind("apps", "v1", "ReplicaSet"),
    GroupVersionKind("apps", "v1", "ControllerRevision"),
    GroupVersionKind("batch", "v1", "Job"),
    GroupVersionKind("", "v1", "Pod"),
    GroupVersionKind("", "v1", "PersistentVolumeClaim"),
    GroupVersionKind("discovery.k8s.io", "v1", "EndpointSlice"),
)


async def live_tree(
    application: Application,
    reader: KubeReader,
    discovery: Discovery,
    scripts: HealthScripts | None = None,
) -> Sequence[TreeNode]:
    """Roots in the status' order, then dependants; what is not live is left out."""
    await discovery.refresh()
    resources = application.status.resources
    roots = await asyncio.gather(*(_root(item, reader, discovery) for item in resources))
    found = [manifest for manifest in roots if manifest is not None]
    namespaces = {key_of(manifest).namespace for manifest in found} - {""}
    lists = await asyncio.gather(
        *(
            _objects(kind, namespace, reader, discovery)
            for namespace in sorted(namespaces)
            for kind in _MADE_BY_OTHERS
        )
    )
    pairs = [(root, "") for root in found]
    pairs += _dependants(found, [item for some in lists for item in some])
    healths = await healths_of([manifest for manifest, _ in pairs], scripts)
    return [
        replace(node_of(manifest, parent), health=health)
        for (manifest, parent), health in zip(pairs, healths, strict=True)
    ]


def shown(nodes: Sequence[TreeNode], project: EffectiveProject) -> Sequence[TreeNode]:
    """Without the nodes of kinds that the project does not permit, and what is below them."""
    kept: dict[str, TreeNode] = {}
    for node in nodes:
        namespaced = bool(node.namespace)
        if not kind_permitted(project, node.key.group_kind, node.name, namespaced=namespaced):
            continue
        if not node.parent or node.parent in kept:
            kept[node.uid] = node
    return list(kept.values())


async def _root(item: ResourceStatus, reader: KubeReader, discovery: Discovery) -> Manifest | None:
    resource = discovery.find(GroupVersionKind(item.group, item.version, item.kind))
    if resource is None:
        return None
    namespace = item.namespace if resource.namespaced else ""
    try:
        return await reader.get(resource, namespace, item.name)
    except ObjectNotFoundError:
        return None


async def _objects(
    kind: GroupVersionKind, namespace: str, reader: KubeReader, discovery: Discovery
) -> Sequence[Manifest]:
    resource = discovery.find(kind)
    if resource is None:
        return ()
    try:
        return (await reader.list(resource, namespace=namespace)).items
    except KubeError:
        # Without the right to list a kind the tree is shown without it.
        return ()


def _dependants(
    roots: Sequence[Manifest], candidates: Iterable[Manifest]
) -> list[tuple[Manifest, str]]:
    """Each with its parent's uid, parents first."""
    known = {_uid(root) for root in roots}
    left = [item for item in candidates if _uid(item) not in known]
    found: list[tuple[Manifest, str]] = []
    while True:
        owned = [(item, parent) for item in left if (parent := _parent(item, known))]
        if not owned:
            return found
        found += owned
        known |= {_uid(item) for item, _ in owned}
        left = [item for item in left if _uid(item) not in known]


def node_of(manifest: Manifest, parent: str = "") -> TreeNode:
    key = key_of(manifest)
    return TreeNode(
        uid=_uid(manifest),
        group=key.group,
        version=gvk_of(manifest).version,
        kind=key.kind,
        namespace=key.namespace,
        name=key.name,
        parent=parent,
        created_at=str(manifest["metadata"].get("creationTimestamp") or ""),
        health=judge(manifest),
    )


def _uid(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("uid") or "")


def _parent(manifest: Manifest, known: set[str]) -> str:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner["uid"] in known), "")
