"""Small entries on Redis, each until its time is over. Implements ByteCache.

They are sealed by whoever puts them there. A Redis that fails is left alone for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, cast

import structlog
from redis.exceptions import RedisClusterException, RedisError

from tiphys.adapters.redis.clients import Client, connect
from tiphys.adapters.redis.options import RedisOptions

_PREFIX: Final = "tiphys|entry|"
_LARGEST: Final = 1 << 20
_REST: Final = 5.0

log = structlog.get_logger()


class RedisEntries:
    def __init__(
        self, options: RedisOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._clock = clock
        self._client: Client | None = None
        self._rests_until = 0.0

    async def get(self, key: str) -> bytes | None:
        found = await self._try(lambda client: client.get(_PREFIX + key))
        data = cast("bytes | None", found)
        return data if data is None or len(data) <= _LARGEST else None

    async def put(self, key: str, data: bytes, *, seconds: float) -> None:
        life = max(int(seconds * 1000), 1)
        if len(data) <= _LARGEST:
            await self._try(lambda client: client.set(_PREFIX + key, data, px=life))

    async def drop(self, key: str) -> None:
        await self._try(lambda client: client.delete(_PREFIX + key))

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _try(self, request: Callable[[Client], Any]) -> Any:
        """None where Redis rests, or begins to."""
        if self._clock() < self._rests_until:
            return None
        try:
            return await asyncio.to_thread(self._ask, request)
        except (RedisError, RedisClusterException, OSError, ValueError) as error:
            self._rests_until = self._clock() + _REST
            self.close()
            # The type alone: what a server says may repeat what it was sent.
            log.warning("the cache does not answer", cache="redis", error=type(error).__name__)
            return None

    def _ask(self, request: Callable[[Client], Any]) -> Any:
        if self._client is None:
            self._client = connect(self._options)
        return request(self._client)
