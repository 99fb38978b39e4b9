"""Who can write to the cache: CVE-2024-31989. An entry that others wrote decides nothing.

Each attack is tried twice: it fails against what there is, and it is noticed where the seal is
not looked at.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
import redis
from structlog.testing import capture_logs

from tests.fixtures.redisserver import RedisServer
from tiphys.adapters.redis import RedisArchive, RedisOptions, Sealer

GROUP = "group"
TRUE, FALSE = b'{"manifests": "true"}', b'{"manifests": "false"}'


class Cache:
    """A Redis that another pod can write to, and what Tiphys reads of it."""

    def __init__(self, server: RedisServer) -> None:
        self.direct = redis.Redis(port=server.port)
        self.archive = RedisArchive(
            RedisOptions(server.address), Sealer(b"ours", purpose="renders")
        )
        self.archive.keep(GROUP, "a", TRUE)
        self.archive.keep("other", "a", FALSE)

    def raw(self, group: str, name: str) -> bytes:
        return cast("bytes", self.direct.hget(f"tiphys|render|{group}", name))

    def write(self, name: str, data: bytes) -> None:
        self.direct.hset(f"tiphys|render|{GROUP}", name, data)


def rewritten(cache: Cache) -> None:
    """Valid in form, newer, with a seal that was made up."""
    body = struct.pack(">BQ", 1, time.time_ns()) + zlib.compress(FALSE)
    cache.write("a", cache.raw("other", "a")[:32] + body)


def replayed(cache: Cache) -> None:
    """A true entry of another place."""
    cache.write("a", cache.raw("other", "a"))


def of_another_key(cache: Cache) -> None:
    guessed = Sealer(b"guessed", purpose="renders")
    cache.write("a", guessed.sealed(f"{GROUP}/a", FALSE, now=time.time_ns()))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    server = RedisServer(tmp_path)
    server.start()
    yield Cache(server)
    server.stop()


@pytest.mark.parametrize("attack", [rewritten, replayed, of_another_key])
def test_cve_2024_31989_an_entry_of_others_is_refused(
    cache: Cache, attack: Callable[[Cache], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    attack(cache)
    with capture_logs() as logs:
        assert cache.archive.load(GROUP) == []
    assert [entry["security"] for entry in logs] == [3]
    with monkeypatch.context() as off:
        off.setattr("hmac.compare_digest", lambda _one, _other: True)
        attack(cache)
        assert cache.archive.load(GROUP) == [FALSE]
