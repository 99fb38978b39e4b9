"""Small entries on a real Redis, sealed by who puts them there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import redis

from tests.fixtures.redisserver import RedisServer
from tiphys.adapters.redis import RedisOptions
from tiphys.adapters.redis.entries import RedisEntries
from tiphys.services.sso.sealing import SealedCache, Seals


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path / "redis")
    made.start()
    yield made
    made.stop()


def stored(server: RedisServer) -> redis.Redis:
    return redis.Redis(port=server.port)


async def test_an_entry_is_shared_until_its_time_is_over(server: RedisServer) -> None:
    one, other = (RedisEntries(RedisOptions(server.address)) for _ in range(2))
    await one.put("a", b"1", seconds=0.3)
    await one.put("b", b"2", seconds=60)
    assert await other.get("a") == b"1"
    await asyncio.sleep(0.5)
    assert await other.get("a") is None
    await other.drop("b")
    assert await one.get("b") is None
    one.close()
    other.close()


async def test_without_a_redis_there_is_nothing_and_it_rests(server: RedisServer) -> None:
    clock = Clock()
    entries = RedisEntries(RedisOptions(server.address), clock=clock)
    await entries.put("a", b"1", seconds=60)
    server.stop()
    clock.now = 1
    assert await entries.get("a") is None
    server.start()
    assert await entries.get("a") is None
    clock.now = 7
    await entries.put("a", b"2", seconds=60)
    assert await entries.get("a") == b"2"
    entries.close()


async def test_who_writes_to_redis_writes_nothing_that_is_believed(server: RedisServer) -> None:
    entries = RedisEntries(RedisOptions(server.address))
    cache = SealedCache(entries, Seals(lambda: b"the server's", os.urandom))
    await cache.put("groups of ann", b"admins", seconds=60)
    assert await cache.get("groups of ann") == b"admins"
    raw = cast("bytes", stored(server).get("tiphys|entry|groups of ann"))
    assert b"admins" not in raw
    stored(server).set("tiphys|entry|groups of bob", raw)
    stored(server).set("tiphys|entry|groups of cat", b"admins")
    for name in ("groups of bob", "groups of cat", "groups of nobody"):
        assert await cache.get(name) is None
    await cache.put("ended", b"x", seconds=0)
    assert await cache.get("ended") is None
    entries.close()
