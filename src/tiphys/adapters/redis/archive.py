"""Renders on Redis. Implements RenderArchive: blocking, called from threads, never raises.

A Redis that fails is left alone for a while: its absence costs renders, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final, cast

import structlog
from redis.exceptions import RedisClusterException, RedisError

from tiphys.adapters.redis.clients import Client
from tiphys.adapters.redis.options import RedisOptions
from tiphys.adapters.redis.sealing import Sealer

_LARGEST: Final = 64 << 20
"""Bytes of an entry: more is neither written nor read."""
_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 60.0
_PREFIX: Final = "tiphys|render|"

log = structlog.get_logger()


class RedisArchive:
    """`lifetime` in seconds, from the last write of a group; `per_group` entries each.

    `asked` hears of each request: whether it failed, and its seconds.
    """

    def __init__(
        self,
        options: RedisOptions,
        sealer: Sealer,
        *,
        lifetime: float = 86_400.0,
        per_group: int = 32,
        clock: Callable[[], float] = time.monotonic,
        asked: Callable[[bool, float], None] = lambda _failed, _seconds: None,
    ) -> None:
        self._options = options
        self._sealer = sealer
        self._lifetime = max(int(lifetime), 1)
        self._per_group = per_group
        self._clock = clock
        self._asked = asked
        self._lock = Lock()
        self._client: Client | None = None
        self._rests_until = 0.0
        self._failures = 0

    def load(self, group: str) -> Sequence[bytes]:
        """The entries of a group, the longest unused first."""
        found: list[bytes] | None = self._try(lambda client: self._load(client, group))
        return found or []

    def keep(self, group: str, name: str, data: bytes) -> None:
        if len(data) <= _LARGEST:
            self._try(lambda client: self._keep(client, group, name, data))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _load(self, client: Client, group: str) -> list[bytes]:
        key = _PREFIX + group
        count = client.hlen(key)
        if count > 4 * self._per_group:
            # Nobody of ours writes so many.
            self._refuse(client, group, "")
            return []
        entries: list[tuple[int, bytes]] = []
        for field in cast("list[bytes]", client.hkeys(key)):
            name = field.decode("utf-8", "replace")
            if client.hstrlen(key, name) > _LARGEST:
                self._refuse(client, group, name)
                continue
            sealed = cast("bytes | None", client.hget(key, name))
            if sealed is None:
                continue
            opened = self._sealer.opened(f"{group}/{name}", sealed, limit=_LARGEST)
            if opened is None:
                self._refuse(client, group, name)
            else:
                entries.append(opened)
        return [data for _, data in sorted(entries, key=lambda entry: entry[0])]

    def _refuse(self, client: Client, group: str, name: str) -> None:
        log.warning(
            "security: an entry of the cache was not written by Tiphys, and is not used",
            security=3,
            group=group,
            entry=name,
        )
        key = _PREFIX + group
        if name:
            client.hdel(key, name)
        else:
            client.delete(key)

    def _keep(self, client: Client, group: str, name: str, data: bytes) -> None:
        key = _PREFIX + group
        sealed = self._sealer.sealed(f"{group}/{name}", data, now=time.time_ns())
        if client.hlen(key) >= 2 * self._per_group:
            # Rare: to begin anew costs fewer requests than to find the oldest.
            client.delete(key)
        client.hset(key, name, sealed)
        client.expire(key, self._lifetime)

    def _try(self, request: Callable[[Client], Any]) -> Any:
        """None where Redis rests, or begins to."""
        if self._clock() < self._rests_until:
            return None
        began = self._clock()
        try:
            answer = request(self._connected())
        except (RedisError, RedisClusterException, OSError, ValueError) as error:
            self._asked(True, self._clock() - began)
            self._rest(error)
            return None
        self._asked(False, self._clock() - began)
        if self._failures:
            log.info("the cache answers again", cache="redis")
            self._failures = 0
        return answer

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = self._options.connect()
            return self._client

    def _rest(self, error: Exception) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
        pause = min(_FIRST_REST * 2.0 ** min(self._failures, 10), _LONGEST_REST)
        self._rests_until = self._clock() + pause
        if not self._failures:
            # The type alone: what a server says may repeat what it was sent.
            log.warning(
                "the cache does not answer: renders are made again",
                cache="redis",
                error=type(error).__name__,
            )
        self._failures += 1
