"""The client that follows from what is said of a Redis."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from tiphys.adapters.redis.options import PORT, SENTINEL_PORT, RedisLogin, RedisOptions, place

Client = redis.Redis | RedisCluster


def connect(options: RedisOptions) -> Client:
    """Raises ValueError for an address that is none, and what redis-py raises."""
    common = _common(options)
    if options.sentinels:
        asked = Sentinel(  # type: ignore[no-untyped-call]
            [place(one, SENTINEL_PORT) for one in options.sentinels],
            sentinel_kwargs={
                **_common(options),
                "credential_provider": _Provider(options.sentinel_login),
            },
            **common,
        )
        found: redis.Redis = asked.master_for(  # type: ignore[no-untyped-call]
            options.master, db=options.database
        )
        return found
    nodes = [place(one, PORT) for one in options.address.split(",")]
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
    return redis.Redis(host=host, port=port, db=options.database, **common)


def _common(options: RedisOptions) -> dict[str, Any]:
    common: dict[str, Any] = {
        "credential_provider": _Provider(options.login),
        "socket_timeout": options.timeout,
        "socket_connect_timeout": options.timeout,
        "retry": Retry(NoBackoff(), 1),
    }
    if options.tls is None:
        return common
    tls = options.tls
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
