"""Finds objects in the trees of applications for callers, and what is known of them.

What is not in the tree, has no uid there, or is not permitted by the project is answered alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.core.pods.chosen import TreePart
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.resource import ResourceKey
from tiphys.model.status import ConditionType
from tiphys.services.applications.objects import not_part_of
from tiphys.services.applications.values import AppName, TreeNode
from tiphys.services.live.view import LiveView
from tiphys.services.projects.rules import ProjectRules

_BROKEN = (ConditionType.COMPARISON_ERROR, ConditionType.INVALID_SPEC_ERROR)

Refresh = Callable[[AppName], Awaitable[object]]
"""Asks for a comparison and waits until it is done."""


@dataclass(frozen=True, slots=True)
class Which:
    """What is asked for; empty fields match anything."""

    group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""

    def matches(self, item: Mapping[str, Any]) -> bool:
        return all(
            wanted in ("", item.get(field) or "")
            for field, wanted in (
                ("group", self.group),
                ("kind", self.kind),
                ("namespace", self.namespace),
                ("name", self.name),
            )
        )


class Finder:
    """All raise ApiError."""

    def __init__(self, view: LiveView, refresh: Refresh, rules: ProjectRules) -> None:
        self._view = view
        self._refresh = refresh
        self._rules = rules

    async def tree(self, application: Application) -> Mapping[str, Any]:
        """One that was never compared is compared for this."""
        found = await self._view.tree(application.namespace, application.name)
        if found is None:
            await self._compare(application)
            found = await self._view.tree(application.namespace, application.name)
        return found or {}

    async def managed(self, application: Application) -> Sequence[Mapping[str, Any]]:
        found = await self._view.managed(application.namespace, application.name)
        if found is None:
            await self._compare(application)
            found = await self._view.managed(application.namespace, application.name)
        return found or ()

    async def node(self, application: Application, key: ResourceKey) -> TreeNode:
        """An object of the application, orphans aside."""
        tree = await self.tree(application)
        for item in tree.get("nodes") or ():
            if key_of_node(item) == key and item.get("uid"):
                self._require_permitted(application, key)
                return _tree_node(item)
        raise not_part_of(application, key)

    async def any_node(
        self, application: Application, name: str, namespace: str, uid: str
    ) -> TreeNode | None:
        """Among orphans too."""
        tree = await self.tree(application)
        for item in (*(tree.get("nodes") or ()), *(tree.get("orphanedNodes") or ())):
            node = _tree_node(item)
            if uid and (node.uid, node.name, node.namespace) == (uid, name, namespace):
                return node
        return None

    async def _compare(self, application: Application) -> None:
        broken = [
            f"{one.type}: {one.message}"
            for one in application.status.conditions
            if one.type in _BROKEN
        ]
        if broken:
            text = f"error getting cached app resource tree: {';'.join(broken)}"
            raise ApiError(ApiCode.UNKNOWN, text)
        await self._refresh(AppName(application.namespace, application.name))

    def _require_permitted(self, application: Application, key: ResourceKey) -> None:
        permission = self._rules.permission(application)
        if permission is None or not permission.live(key):
            raise not_part_of(application, key)


def key_of_node(item: Mapping[str, Any]) -> ResourceKey:
    return ResourceKey(
        item.get("group") or "",
        item.get("kind") or "",
        item.get("namespace") or "",
        item.get("name") or "",
    )


def tree_parts(items: Iterable[Mapping[str, Any]]) -> list[TreePart]:
    return [
        TreePart(
            key_of_node(item),
            item.get("uid") or "",
            tuple(one.get("uid") or "" for one in item.get("parentRefs") or ()),
        )
        for item in items
    ]


def _tree_node(item: Mapping[str, Any]) -> TreeNode:
    key = key_of_node(item)
    return TreeNode(
        uid=item.get("uid") or "",
        group=key.group,
        version=item.get("version") or "",
        kind=key.kind,
        namespace=key.namespace,
        name=key.name,
    )
