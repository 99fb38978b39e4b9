"""Which kinds an API server serves, remembered until asked again.

Aggregated discovery answers everything in two requests; servers without it are asked group by
group. While the server behind an APIService is down its groups stay as they were last seen, for
a kind that cannot be asked for is not a kind that does not exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.adapters.kube.catalogue import (
    Catalogue,
    GroupVersion,
    aggregated,
    legacy_group_versions,
    legacy_resources,
)
from tiphys.adapters.kube.openapi import OpenApi
from tiphys.adapters.kube.paths import group_version_path
from tiphys.adapters.kube.transport import Call, Transport
from tiphys.core.diff.schema import TypeSchema
from tiphys.model.errors import KubeError, ObjectNotFoundError
from tiphys.model.resource import ApiResource, GroupKind, GroupVersionKind

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.9"
)


class KubeDiscovery:
    """Implements the Discovery of services.live; empty until the first `refresh`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._catalogue = Catalogue(())
        self._openapi = OpenApi(transport)
        self._server_version = ""
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        async with self._lock:
            known = {found.name: found for found in self._catalogue.versions}
            core, groups, version = await asyncio.gather(
                self._ask("/api"), self._ask("/apis"), self._transport.json(Call("GET", "/version"))
            )
            found = [*await self._read(core, known), *await self._read(groups, known)]
            self._catalogue = Catalogue(tuple(found))
            self._server_version = str(version.get("gitVersion") or "")
            self._openapi.expire()

    def preferred(self) -> Sequence[ApiResource]:
        return self._catalogue.preferred

    def find(self, kind: GroupVersionKind) -> ApiResource | None:
        return self._catalogue.by_kind.get(kind)

    def scope(self, kind: GroupKind) -> bool | None:
        return self._catalogue.scopes.get(kind)

    def versions(self) -> Sequence[str]:
        return self._catalogue.names

    @property
    def server_version(self) -> str:
        return self._server_version

    async def schema(self, kind: GroupVersionKind) -> TypeSchema | None:
        if kind not in self._catalogue.by_kind:
            return None
        return await self._openapi.schema(kind)

    async def _ask(self, path: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = await self._transport.json(
            Call("GET", path, accept=_AGGREGATED)
        )
        return answer

    async def _read(
        self, answer: Mapping[str, Any], known: Mapping[str, GroupVersion]
    ) -> Sequence[GroupVersion]:
        if answer.get("kind") == "APIGroupDiscoveryList":
            return aggregated(answer, known)
        names = legacy_group_versions(answer)
        return [await self._legacy(group, version, known) for group, version in names]

    async def _legacy(
        self, group: str, version: str, known: Mapping[str, GroupVersion]
    ) -> GroupVersion:
        try:
            answer = await self._transport.json(Call("GET", group_version_path(group, version)))
        except ObjectNotFoundError:
            return GroupVersion(group, version, ())
        except KubeError:
            empty = GroupVersion(group, version, ())
            return known.get(empty.name, empty)
        return legacy_resources(group, version, answer)
