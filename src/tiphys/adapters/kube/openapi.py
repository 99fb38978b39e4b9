"""The types of a cluster's kinds, from its OpenAPI v3, one document for each group version.

The server names each document with a hash, so what did not change is not fetched again. It
publishes the type of a new or changed custom kind a moment after it serves the kind, so for a
while after a change the addresses are provisional.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from tiphys.adapters.kube.paths import group_version_path
from tiphys.adapters.kube.transport import Call, Transport
from tiphys.core.diff.schema import SchemaSet, TypeSchema
from tiphys.model.resource import GroupVersionKind

_AGAIN_SECONDS = 0.25
"""Provisional addresses are asked for no oftener than this."""
_SETTLING_SECONDS = 5.0
"""For so long after a change a document may still be the one from before."""
_MISSING_SECONDS = 60.0
"""For so long after a change a kind without a document may still get one."""


class OpenApi:
    """Fetches and compiles a document when the first of its kinds is asked for."""

    def __init__(
        self, transport: Transport, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._addresses: Mapping[str, str] | None = None
        self._asked = self._expired = clock()
        self._compiled: dict[str, tuple[str, SchemaSet]] = {}
        self._lock = asyncio.Lock()

    def expire(self) -> None:
        """The addresses are asked for again before the next answer."""
        self._addresses = None
        self._expired = self._clock()

    async def schema(self, kind: GroupVersionKind) -> TypeSchema | None:
        async with self._lock:
            if self._due(_SETTLING_SECONDS):
                self._addresses = None
            found = await self._find(kind)
            if found is None and self._due(_MISSING_SECONDS):
                self._addresses = None
                found = await self._find(kind)
            return found

    def _due(self, settling: float) -> bool:
        now = self._clock()
        return now - self._asked >= _AGAIN_SECONDS and now - self._expired < settling

    async def _find(self, kind: GroupVersionKind) -> TypeSchema | None:
        if self._addresses is None:
            self._asked = self._clock()
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
