"""The two clusters that the contract tests run on: the real API server, and the kept fake."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tiphys.model.errors import KubeError
from tiphys.model.resource import ApiResource, GroupVersionKind, Manifest
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter


class Client(KubeReader, KubeWriter, Protocol):
    """What is under test."""


OURS = "made-by=tests"
"""The label of Backend.config_map: controllers put other ConfigMaps into every namespace."""


@dataclass(frozen=True)
class Backend:
    """`restricted` is a client without any rights; `namespace` is empty and its test's alone."""

    client: Client
    restricted: Client
    discovery: Discovery
    namespace: str
    forgotten: Callable[[], Awaitable[tuple[ApiResource, str]]]
    """A kind, and a version of it that the server has no history of any more."""

    def resource(self, api_version: str, kind: str) -> ApiResource:
        group, _, version = api_version.rpartition("/")
        found = self.discovery.find(GroupVersionKind(group, version, kind))
        assert found is not None
        return found

    def config_map(self, name: str, **data: str) -> dict[str, Any]:
        labels = {"made-by": "tests"}
        metadata = {"name": name, "namespace": self.namespace, "labels": labels}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def definition(group: str) -> Manifest:
    names = {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


async def appears(reader: KubeReader, discovery: Discovery, kind: GroupVersionKind) -> bool:
    """Whether the kind is announced and answers within some seconds."""
    for _ in range(100):
        await discovery.refresh()
        resource = discovery.find(kind)
        if resource is not None:
            try:
                await reader.list(resource)
            except KubeError:
                continue
            return True
        await asyncio.sleep(0.1)
    return False


async def disappears(discovery: Discovery, kind: GroupVersionKind) -> bool:
    for _ in range(100):
        await discovery.refresh()
        if discovery.find(kind) is None:
            return True
        await asyncio.sleep(0.1)
    return False
