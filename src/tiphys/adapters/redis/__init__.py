"""Redis as a cache: what it holds saves time, and may be lost, stale, or written by others.

redis-py is loaded by whoever uses a Redis, not by who only says where one is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiphys.adapters.redis.options import RedisLogin, RedisOptions, RedisTls
from tiphys.adapters.redis.sealing import Sealer

if TYPE_CHECKING:
    from tiphys.adapters.redis.archive import RedisArchive

__all__ = ["RedisArchive", "RedisLogin", "RedisOptions", "RedisTls", "Sealer"]


def __getattr__(name: str) -> Any:
    if name == "RedisArchive":
        from tiphys.adapters.redis.archive import RedisArchive

        return RedisArchive
    raise AttributeError(name)
