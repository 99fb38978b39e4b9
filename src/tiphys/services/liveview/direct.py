"""What is live, looked up on the cluster whenever somebody asks: where no controller is at hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from tiphys.model.application import Application
from tiphys.services.applications.managed import Managed
from tiphys.services.applications.values import (
    AppEvent,
    AppName,
    Asked,
    AtRevision,
    EventKind,
    TreeNode,
)
from tiphys.services.liveview.managed import resource_diff


class Applications(Protocol):
    """The use cases that are needed. They raise ApiError and KubeError."""

    async def get(self, name: AppName) -> Application: ...

    async def tree(self, application: Application) -> Sequence[TreeNode]: ...

    async def orphans(self, application: Application) -> Sequence[TreeNode]: ...

    async def managed(self, application: Application, asked: Asked) -> Sequence[Managed]: ...

    def watch(self, name: AppName, resource_version: str) -> AsyncIterator[AppEvent]: ...


class DirectView:
    """Implements LiveView. A tree is told again when the controller has said something new."""

    def __init__(self, applications: Applications) -> None:
        self._applications = applications

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        application = await self._applications.get(AppName(namespace, name))
        return await self._tree(application)

    async def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        where = AppName(namespace, name)
        application = await self._applications.get(where)
        version = application.metadata.resource_version
        async for event in self._applications.watch(where, version):
            if event.kind is not EventKind.DELETED:
                yield await self._tree(event.application)

    async def managed(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]] | None:
        application = await self._applications.get(AppName(namespace, name))
        found = await self._applications.managed(application, AtRevision())
        return [resource_diff(one) for one in found if not one.skipped]

    async def cluster_info(self, server: str) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Nobody counts what is on a cluster."""
        return None

    async def _tree(self, application: Application) -> Mapping[str, Any]:
        nodes = _shown(await self._applications.tree(application))
        orphans = _shown(await self._applications.orphans(application))
        return {"nodes": nodes, **({"orphanedNodes": orphans} if orphans else {})}


def _shown(nodes: Sequence[TreeNode]) -> list[Mapping[str, Any]]:
    by_uid = {node.uid: node for node in nodes}
    return [_node(node, by_uid) for node in nodes]


def _node(node: TreeNode, by_uid: Mapping[str, TreeNode]) -> Mapping[str, Any]:
    parent = by_uid.get(node.parent) if node.parent else None
    shown: dict[str, Any] = {
        **_reference(node),
        "parentRefs": [] if parent is None else [_reference(parent)],
        "createdAt": node.created_at,
    }
    if node.health is not None:
        health = {"status": node.health.status.value, "message": node.health.message}
        shown["health"] = {key: one for key, one in health.items() if one}
    return {key: one for key, one in shown.items() if one}


def _reference(node: TreeNode) -> Mapping[str, Any]:
    found = {
        "group": node.group,
        "version": node.version,
        "kind": node.kind,
        "namespace": node.namespace,
        "name": node.name,
        "uid": node.uid,
    }
    return {key: one for key, one in found.items() if one}
