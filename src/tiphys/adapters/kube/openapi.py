"""The types of a cluster's kinds, from its OpenAPI v3, one document for each group version.

The server names each document with a hash, so what did not change is not fetched again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from tiphys.adapters.kube.paths import group_version_path
from tiphys.adapters.kube.transport import Call, Transport
from tiphys.core.diff.schema import SchemaSet, TypeSchema
from tiphys.model.resource import GroupVersionKind


class OpenApi:
    """Fetches and compiles a document when the first of its kinds is asked for."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._addresses: Mapping[str, str] | None = None
        self._compiled: dict[str, tuple[str, SchemaSet]] = {}
        self._lock = asyncio.Lock()

    def expire(self) -> None:
        """The addresses are asked for again before the next answer."""
        self._addresses = None

    async def schema(self, kind: GroupVersionKind) -> TypeSchema | None:
        async with self._lock:
            if self._addresses is None:
                self._addresses = await self._fetch_addresses()
            path = group_version_path(kind.group, kind.version).lstrip("/")
            address = self._addresses.get(path)
            if address is None:
                return None
            kept = self._compiled.get(path)
            if kept is None or kept[0] != address:
                kept = (address, await self._compile(address))
                self._compiled[path] = kept
            return kept[1].find(kind)

    async def _fetch_addresses(self) -> Mapping[str, str]:
        answer = await self._transport.json(Call("GET", "/openapi/v3"))
        return {
            str(path): str(entry.get("serverRelativeURL") or f"/openapi/v3/{path}")
            for path, entry in (answer.get("paths") or {}).items()
        }

    async def _compile(self, address: str) -> SchemaSet:
        parts = urlsplit(address)
        document = await self._transport.json(Call("GET", parts.path, dict(parse_qsl(parts.query))))
        return SchemaSet.from_openapi(document)
