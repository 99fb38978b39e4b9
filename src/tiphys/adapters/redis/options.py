"""Where a Redis is and how it is spoken to. What speaks to it is loaded when it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tiphys.adapters.redis.clients import Client

PORT: Final = 6379
SENTINEL_PORT: Final = 26379


@dataclass(frozen=True, slots=True)
class RedisLogin:
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RedisTls:
    """Files in PEM form. `ca` empty: the system's authorities; `insecure`: any certificate."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """`address` is `host:port`; several with commas are nodes of a Redis Cluster. With `sentinels`
    the address is theirs to say. The logins are asked for at each new connection, so that a
    password may change. `timeout` in seconds: whoever waits longer does the work itself.
    """

    address: str = ""
    sentinels: tuple[str, ...] = ()
    master: str = "master"
    database: int = 0
    tls: RedisTls | None = None
    login: Callable[[], RedisLogin] = RedisLogin
    sentinel_login: Callable[[], RedisLogin] = RedisLogin
    timeout: float = 2.0

    def check(self) -> None:
        """Raises ValueError for an address that is none; asks nobody."""
        for one in self.sentinels or self.address.split(","):
            place(one, PORT)

    def connect(self) -> Client:
        """A client; of a cluster, one that has found its nodes. Raises ValueError for an address
        that is none, and what redis-py raises where a cluster is away.
        """
        from tiphys.adapters.redis.clients import connect

        return connect(self)


def place(text: str, port: int) -> tuple[str, int]:
    """`host`, `host:port`, `[address]:port`."""
    host, colon, number = text.strip().rpartition(":")
    if not colon or text.strip().endswith("]"):
        host, number = text.strip(), str(port)
    if not host.strip("[]") or not number.isdigit() or not 0 < int(number) < 65536:
        raise ValueError(f"{text.strip()!r} is no address of a Redis: host:port is expected")
    return host.strip("[]"), int(number)
