"""Where a Redis is and how it is spoken to, and the client that follows from it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379

Client = redis.Redis | RedisCluster


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
            _place(one, _PORT)

    def connect(self) -> Client:
        """A client; of a cluster, one that has found its nodes. Raises ValueError for an address
        that is none, and what redis-py raises where a cluster is away.
        """
        common = self._common()
        if self.sentinels:
            asked = Sentinel(  # type: ignore[no-untyped-call]
                [_place(one, _SENTINEL_PORT) for one in self.sentinels],
                sentinel_kwargs={
                    **self._common(),
                    "credential_provider": _Provider(self.sentinel_login),
                },
                **common,
            )
            found: redis.Redis = asked.master_for(  # type: ignore[no-untyped-call]
                self.master, db=self.database
            )
            return found
        nodes = [_place(one, _PORT) for one in self.address.split(",")]
        if len(nodes) > 1:
            return RedisCluster(
                startup_nodes=[
                    ClusterNode(host, port)  # type: ignore[no-untyped-call]
                    for host, port in nodes
                ],
                require_full_coverage=False,
                **common,
            )
        host, port = nodes[0]
        return redis.Redis(host=host, port=port, db=self.database, **common)

    def _common(self) -> dict[str, Any]:
        common: dict[str, Any] = {
            "credential_provider": _Provider(self.login),
            "socket_timeout": self.timeout,
            "socket_connect_timeout": self.timeout,
            "retry": Retry(NoBackoff(), 1),
        }
        if self.tls is None:
            return common
        tls = self.tls
        return common | {
            "ssl": True,
            "ssl_cert_reqs": ssl.CERT_NONE if tls.insecure else ssl.CERT_REQUIRED,
            "ssl_check_hostname": not tls.insecure,
            "ssl_ca_certs": tls.ca or None,
            "ssl_certfile": tls.certificate or None,
            "ssl_keyfile": tls.key or None,
        }


class _Provider(redis.CredentialProvider):
    """Whoever connects logs in with what holds now."""

    def __init__(self, login: Callable[[], RedisLogin]) -> None:
        self._login = login

    def get_credentials(self) -> tuple[str, str] | tuple[str]:
        login = self._login()
        if not login.password:
            return ()  # type: ignore[return-value] # as redis-py takes it: no login
        return (login.username, login.password) if login.username else (login.password,)


def _place(text: str, port: int) -> tuple[str, int]:
    """`host`, `host:port`, `[address]:port`."""
    host, colon, number = text.strip().rpartition(":")
    if not colon or text.strip().endswith("]"):
        host, number = text.strip(), str(port)
    if not host.strip("[]") or not number.isdigit() or not 0 < int(number) < 65536:
        raise ValueError(f"{text.strip()!r} is no address of a Redis: host:port is expected")
    return host.strip("[]"), int(number)
