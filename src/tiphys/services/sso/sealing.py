"""Seals with a key that is made once for a secret of the server, apart from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tiphys.core.sso import sealing
from tiphys.services.sso.ports import ByteCache


class Seals:
    def __init__(self, secret: Callable[[], bytes], randomness: Callable[[int], bytes]) -> None:
        self._secret = secret
        self._randomness = randomness
        self._made: tuple[bytes, bytes] = (b"", b"")
        self._lock = asyncio.Lock()

    async def sealed(self, data: bytes, place: str = "") -> bytes:
        nonce = self._randomness(sealing.NONCE_BYTES)
        return sealing.sealed(await self._key(), data, nonce=nonce, place=place)

    async def opened(self, data: bytes, place: str = "") -> bytes | None:
        return sealing.opened(await self._key(), data, place=place)

    async def _key(self) -> bytes:
        secret = self._secret()
        async with self._lock:
            if self._made[0] != secret or not self._made[1]:
                self._made = (secret, await asyncio.to_thread(sealing.sealing_key, secret))
            return self._made[1]


class SealedCache:
    """A cache whose owner can neither read an entry, nor change it, nor put it elsewhere."""

    def __init__(self, cache: ByteCache, seals: Seals) -> None:
        self._cache = cache
        self._seals = seals

    async def get(self, key: str) -> bytes | None:
        found = await self._cache.get(key)
        return None if found is None else await self._seals.opened(found, key)

    async def put(self, key: str, data: bytes, *, seconds: float) -> None:
        if seconds > 0:
            await self._cache.put(key, await self._seals.sealed(data, key), seconds=seconds)

    async def drop(self, key: str) -> None:
        await self._cache.drop(key)
