"""Redis as a cache: what it holds saves time, and may be lost, stale, or written by others."""

from tiphys.adapters.redis.archive import RedisArchive
from tiphys.adapters.redis.options import RedisLogin, RedisOptions, RedisTls
from tiphys.adapters.redis.sealing import Sealer

__all__ = ["RedisArchive", "RedisLogin", "RedisOptions", "RedisTls", "Sealer"]
