"""Renders on a real Redis: kept, believed only with our seal, and never waited for."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import redis
from structlog.testing import capture_logs

from tests.fixtures.authority import Authority
from tests.fixtures.redisserver import RedisServer
from tiphys.adapters.redis import RedisArchive, RedisLogin, RedisOptions, RedisTls, Sealer

KEY = "tiphys|render|group"
GROUP = "group"


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


def archive(
    server: RedisServer,
    *,
    secret: bytes = b"secret",
    password: str = "",
    clock: Clock | None = None,
) -> RedisArchive:
    options = RedisOptions(server.address, login=lambda: RedisLogin(password=password))
    return RedisArchive(options, Sealer(secret, purpose="renders"), clock=clock or Clock())


def formed(node: RedisServer) -> bool:
    """Each node finds out by itself that all slots are served."""
    said = subprocess.run(
        ["redis-cli", "-p", str(node.port), "cluster", "info"],
        check=True,
        capture_output=True,
        text=True,
    )
    return "cluster_state:ok" in said.stdout


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def raw(server: RedisServer, password: str | None = None) -> redis.Redis:
    return redis.Redis(port=server.port, password=password)


def test_what_was_kept_is_there_for_another_process(server: RedisServer) -> None:
    first = archive(server)
    first.keep(GROUP, "a", b"one")
    first.keep(GROUP, "b", b"two")
    first.keep(GROUP, "a", b"three")
    first.keep("other", "a", b"else")
    assert archive(server).load(GROUP) == [b"two", b"three"]
    assert 86_000 < raw(server).ttl(KEY) <= 86_400


@pytest.mark.parametrize("compress", [True, False])
def test_entries_are_packed_where_asked(server: RedisServer, compress: bool) -> None:
    sealer = Sealer(b"secret", purpose="renders", compress=compress)
    kept = RedisArchive(RedisOptions(server.address), sealer)
    kept.keep(GROUP, "a", b"x" * 100_000)
    size = raw(server).hstrlen(KEY, "a")
    assert (size < 1_000) is compress
    # Whoever reads need not know how it was written.
    assert archive(server).load(GROUP) == [b"x" * 100_000]


@pytest.mark.parametrize("forged", ["content", "moved", "renamed", "foreign key", "short"])
def test_what_others_wrote_is_refused_and_said(server: RedisServer, forged: str) -> None:
    kept = archive(server)
    kept.keep(GROUP, "a", b"true")
    kept.keep("other", "a", b"of another group")
    direct = raw(server)
    match forged:
        case "content":
            sealed = bytearray(cast("bytes", direct.hget(KEY, "a")))
            sealed[-1] ^= 1
            direct.hset(KEY, "a", bytes(sealed))
        case "moved":
            direct.hset(KEY, "a", direct.hget("tiphys|render|other", "a") or b"")
        case "renamed":
            direct.hset(KEY, "b", direct.hget(KEY, "a") or b"")
            direct.hdel(KEY, "a")
        case "foreign key":
            archive(server, secret=b"guessed").keep(GROUP, "a", b"forged")
        case "short":
            direct.hset(KEY, "a", b"x")
    with capture_logs() as logs:
        assert kept.load(GROUP) == []
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert "security" in logs[0]
    assert not direct.exists(KEY)


def test_more_than_was_written_is_not_read(server: RedisServer) -> None:
    kept = archive(server)
    kept.keep(GROUP, "a", b"true")
    raw(server).hset(KEY, mapping={f"x{number}": b"y" for number in range(500)})
    assert kept.load(GROUP) == []
    assert not raw(server).exists(KEY)


def test_a_group_does_not_grow_without_end(server: RedisServer) -> None:
    kept = archive(server)
    for number in range(100):
        kept.keep(GROUP, f"n{number}", b"x")
    assert 0 < raw(server).hlen(KEY) <= 64
    assert b"x" in kept.load(GROUP)


def test_a_flush_costs_nothing_but_time(server: RedisServer) -> None:
    kept = archive(server)
    kept.keep(GROUP, "a", b"x")
    raw(server).flushall()
    assert kept.load(GROUP) == []
    kept.keep(GROUP, "a", b"x")
    assert kept.load(GROUP) == [b"x"]


def test_one_that_is_gone_is_left_alone_and_found_again(server: RedisServer) -> None:
    clock = Clock()
    requests: list[bool] = []
    options = RedisOptions(server.address)
    kept = RedisArchive(
        options,
        Sealer(b"secret", purpose="renders"),
        clock=clock,
        asked=lambda failed, _seconds: requests.append(failed),
    )
    server.stop()
    with capture_logs() as logs:
        kept.keep(GROUP, "a", b"x")
        assert kept.load(GROUP) == []
        assert kept.load(GROUP) == []
        assert requests == [True]
        clock.now += 1.5
        assert kept.load(GROUP) == []
        assert requests == [True, True]
        server.start()
        clock.now += 3
        kept.keep(GROUP, "a", b"x")
        assert kept.load(GROUP) == [b"x"]
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]


def test_a_cluster_that_is_away_costs_renders_alone() -> None:
    requests: list[bool] = []
    kept = RedisArchive(
        RedisOptions("127.0.0.1:1,127.0.0.1:2"),
        Sealer(b"secret", purpose="renders"),
        clock=Clock(),
        asked=lambda failed, _seconds: requests.append(failed),
    )
    kept.keep(GROUP, "a", b"x")
    assert kept.load(GROUP) == []
    assert requests == [True]


def test_the_password_may_change(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, "--requirepass", "first")
    server.start()
    try:
        password, clock = ["first"], Clock()
        options = RedisOptions(server.address, login=lambda: RedisLogin(password=password[0]))
        kept = RedisArchive(options, Sealer(b"secret", purpose="renders"), clock=clock)
        kept.keep(GROUP, "a", b"x")
        assert kept.load(GROUP) == [b"x"]
        direct = raw(server, "first")
        direct.config_set("requirepass", "second")
        subprocess.run(
            [
                "redis-cli",
                "-p",
                str(server.port),
                "-a",
                "second",
                "client",
                "kill",
                "type",
                "normal",
            ],
            check=True,
            capture_output=True,
        )
        with capture_logs() as logs:
            assert kept.load(GROUP) == []
        assert "first" not in str(logs)
        password[0] = "second"
        clock.now += 5
        assert kept.load(GROUP) == [b"x"]
    finally:
        server.stop()


def test_tls_with_a_client_certificate(tmp_path: Path) -> None:
    authority = Authority()
    ours, theirs = authority.issue("client", client=True), authority.issue()
    for name, text in {
        "ca": authority.pem,
        "crt": theirs.certificate,
        "key": theirs.key,
        "client.crt": ours.certificate,
        "client.key": ours.key,
    }.items():
        (tmp_path / name).write_text(text)
    server = RedisServer(tmp_path / "redis")
    flags = {"port": "0", "tls-port": server.port, "tls-cert-file": tmp_path / "crt"}
    flags |= {"tls-key-file": tmp_path / "key", "tls-ca-cert-file": tmp_path / "ca"}
    server.start([word for name, value in flags.items() for word in (f"--{name}", str(value))])
    try:
        known = RedisTls(certificate=str(tmp_path / "client.crt"), key=str(tmp_path / "client.key"))
        good = replace(known, ca=str(tmp_path / "ca"))
        sealer = Sealer(b"secret", purpose="renders")
        kept = RedisArchive(RedisOptions(server.address, tls=good), sealer)
        kept.keep(GROUP, "a", b"x")
        assert kept.load(GROUP) == [b"x"]
        # Neither who does not trust the server nor whom it does not know.
        for wrong in (known, RedisTls(ca=str(tmp_path / "ca"))):
            refused = RedisArchive(RedisOptions(server.address, tls=wrong), sealer)
            assert refused.load(GROUP) == []
        trusting = RedisArchive(
            RedisOptions(server.address, tls=replace(known, insecure=True)), sealer
        )
        assert trusting.load(GROUP) == [b"x"]
    finally:
        server.stop()


def test_sentinels_say_where_it_is(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    server.start()
    watch = f"sentinel monitor main 127.0.0.1 {server.port} 1"
    sentinel = RedisServer(tmp_path / "sentinel", sentinel=watch)
    sentinel.start()
    try:
        options = RedisOptions(sentinels=(sentinel.address,), master="main")
        kept = RedisArchive(options, Sealer(b"secret", purpose="renders"))
        kept.keep(GROUP, "a", b"x")
        assert kept.load(GROUP) == [b"x"]
        assert raw(server).exists(KEY)
    finally:
        sentinel.stop()
        server.stop()


def test_a_cluster_of_nodes(tmp_path: Path) -> None:
    nodes = [RedisServer(tmp_path / str(number), "--cluster-enabled", "yes") for number in range(3)]
    for node in nodes:
        node.start()
    try:
        subprocess.run(
            ["redis-cli", "--cluster-yes", "--cluster", "create", *(one.address for one in nodes)],
            check=True,
            capture_output=True,
            timeout=60,
        )
        until(lambda: all(formed(node) for node in nodes))
        options = RedisOptions(",".join(node.address for node in nodes))
        kept = RedisArchive(options, Sealer(b"secret", purpose="renders"))
        for number in range(20):
            kept.keep(f"g{number}", "a", b"x")
        assert [list(kept.load(f"g{number}")) for number in range(20)] == [[b"x"]] * 20
        assert all(raw(node).dbsize() for node in nodes)
    finally:
        for node in nodes:
            node.stop()


@pytest.mark.parametrize("address", ["", "host:port", "host:0", ":6379"])
def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(ValueError, match="host:port is expected"):
        RedisOptions(address).connect()
