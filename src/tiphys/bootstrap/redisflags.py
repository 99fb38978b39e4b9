"""The flags and variables by which the contract's programs are told of their Redis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tiphys.adapters.redis import RedisLogin, RedisOptions, RedisTls
from tiphys.bootstrap.serverflags import Given, GoKind, ServerFlag
from tiphys.cli.errors import UsageError

_MOUNTED = "REDIS_CREDS_DIR_PATH"
_COMPRESSIONS = ("gzip", "none", "")

REDIS_FLAGS = (
    ServerFlag(
        "redis",
        GoKind.STRING,
        env="REDIS_SERVER",
        help="host:port of Redis, or of several nodes of a cluster; empty keeps renders on disk",
    ),
    ServerFlag("redis-ca-certificate", GoKind.STRING, help="A file with the CA of Redis"),
    ServerFlag("redis-client-certificate", GoKind.STRING, help="A file with our certificate"),
    ServerFlag("redis-client-key", GoKind.STRING, help="A file with the certificate's key"),
    ServerFlag(
        "redis-compress", GoKind.STRING, "gzip", env="REDIS_COMPRESSION", help="gzip or none"
    ),
    ServerFlag("redis-insecure-skip-tls-verify", GoKind.BOOL, help="Trust any certificate"),
    ServerFlag("redis-use-tls", GoKind.BOOL, help="Speak TLS with Redis"),
    ServerFlag("redisdb", GoKind.INT, env="REDISDB", help="The number of the database"),
    ServerFlag(
        "sentinel",
        GoKind.STRING_ARRAY,
        env="REDIS_SENTINEL_HOSTS",
        help="host:port of a Sentinel; may be repeated",
    ),
    ServerFlag(
        "sentinelmaster",
        GoKind.STRING,
        "master",
        env="REDIS_SENTINEL_MASTER",
        help="What the Sentinels call the Redis",
    ),
)


def redis_options(given: Given, environment: Mapping[str, str]) -> RedisOptions | None:
    """None where nobody names a Redis. Raises UsageError."""
    texts = given.texts
    sentinels = tuple(
        one.strip() for text in given.lists["sentinel"] for one in text.split(",") if one.strip()
    )
    if texts["redis-compress"] not in _COMPRESSIONS:
        raise UsageError(f"--redis-compress: {texts['redis-compress']} is not one of gzip, none")
    if not texts["redis"] and not sentinels:
        return None
    options = RedisOptions(
        address=texts["redis"],
        sentinels=sentinels,
        master=texts["sentinelmaster"],
        database=given.number("redisdb"),
        tls=_tls(given),
        login=lambda: _login(environment, ""),
        sentinel_login=lambda: _login(environment, "SENTINEL_"),
    )
    try:
        options.check()
    except ValueError as error:
        raise UsageError(f"Redis cannot be used: {error}") from None
    return options


def compresses(given: Given) -> bool:
    return given.texts["redis-compress"] == "gzip"


def _tls(given: Given) -> RedisTls | None:
    texts = given.texts
    if not given.yes("redis-use-tls"):
        return None
    return RedisTls(
        ca=texts["redis-ca-certificate"],
        certificate=texts["redis-client-certificate"],
        key=texts["redis-client-key"],
        insecure=given.yes("redis-insecure-skip-tls-verify"),
    )


def _login(environment: Mapping[str, str], role: str) -> RedisLogin:
    """Files of a mounted Secret are read each time, so that a password may change."""
    folder = environment.get(_MOUNTED, "")
    if not folder:
        return RedisLogin(
            environment.get(f"REDIS_{role}USERNAME", ""),
            environment.get(f"REDIS_{role}PASSWORD", ""),
        )
    prefix = role.lower()
    return RedisLogin(
        _text(Path(folder) / f"{prefix}auth_username"), _text(Path(folder) / f"{prefix}auth")
    )


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
