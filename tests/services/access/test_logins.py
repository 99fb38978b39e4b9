"""Login by password: in one time and in few words, and not too often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.access.world import Replica, World, settled
from tiphys.model.errors import ApiCode, ApiError, KubeUnreachableError

WRONG = "Invalid username or password"


async def refused(replica: Replica, name: str, password: str, **more: Any) -> str:
    with pytest.raises(ApiError) as caught:
        await replica.logins.login(name, password, **more)
    assert caught.value.code is ApiCode.UNAUTHENTICATED
    return str(caught.value)


async def test_a_password_that_is_right(replica: Replica) -> None:
    token = await replica.logins.login("alice", "alice's")
    assert (await replica.sessions.caller(token))[0].subject == "alice"
    assert replica.counted == [True]


@pytest.mark.parametrize(
    ("name", "password", "token", "text"),
    [
        ("admin", "wrong", "", WRONG),
        ("nobody", "password", "", WRONG),
        ("admin", "", "", "no credentials supplied"),
        ("", "password", "", "no credentials supplied"),
        ("robot", "robot's", "", "Account robot does not have login capability"),
        (
            "admin",
            "password",
            "a.b.c",
            "token-based session creation no longer supported. please upgrade argocd cli to v0.7+",
        ),
    ],
)
async def test_refusals(replica: Replica, name: str, password: str, token: str, text: str) -> None:
    assert await refused(replica, name, password, token=token) == text
    assert replica.counted == [False]


async def test_an_account_that_is_disabled(world: World, replica: Replica) -> None:
    world.general(**{"admin.enabled": "false"})
    await settled()
    assert await refused(replica, "admin", "password") == "Account admin is disabled"
    assert await refused(replica, "admin", "wrong") == WRONG


async def test_an_account_without_a_password(world: World, replica: Replica) -> None:
    world.general(**{"accounts.new": "login"})
    await settled()
    assert await refused(replica, "new", "") == "no credentials supplied"
    assert await refused(replica, "new", "x") == WRONG


async def test_a_name_that_is_too_long(replica: Replica) -> None:
    with pytest.raises(ApiError, match=r"^Username is too long \(32 bytes max\)$") as caught:
        await replica.logins.login("é" * 17, "x")
    assert caught.value.code is ApiCode.INVALID_ARGUMENT
    assert await refused(replica, "é" * 16, "x") == WRONG


@pytest.mark.parametrize(("spread", "whole"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
async def test_every_attempt_takes_as_long(
    world: World, replica: Replica, spread: float, whole: float
) -> None:
    world.spread = spread
    await replica.logins.login("admin", "password")
    for name, password in (("admin", "wrong"), ("nobody", "x"), ("x" * 40, "x")):
        with pytest.raises(ApiError):
            await replica.logins.login(name, password)
    assert world.clock.slept == [whole] * 4


async def test_a_name_that_there_is_not_costs_a_hash(replica: Replica) -> None:
    await refused(replica, "nobody", "x")
    await refused(replica, "admin", "x")
    assert [stored[:4] for stored in replica.passwords.checked] == ["$2a$", "hash"]


async def test_five_failures_are_enough(world: World, replica: Replica) -> None:
    for _ in range(5):
        await refused(replica, "admin", "wrong")
    asked = len(replica.passwords.checked)
    assert await refused(replica, "admin", "password") == WRONG
    assert len(replica.passwords.checked) == asked
    await replica.logins.login("alice", "alice's")
    world.clock.on(301)
    await replica.logins.login("admin", "password")


async def test_refused_attempts_do_not_make_it_longer(world: World, replica: Replica) -> None:
    for _ in range(5):
        await refused(replica, "admin", "wrong")
    for _ in range(3):
        world.clock.on(100)
        await refused(replica, "admin", "wrong")
    world.clock.on(1)
    await replica.logins.login("admin", "password")


async def test_a_success_begins_anew(replica: Replica) -> None:
    for _ in range(3):
        for _ in range(4):
            await refused(replica, "admin", "wrong")
        await replica.logins.login("admin", "password")


async def test_a_success_without_failures_writes_nothing(world: World, replica: Replica) -> None:
    world.cluster.calls.clear()
    await replica.logins.login("admin", "password", peer="192.0.2.1")
    assert [verb for verb, _ in world.cluster.calls if verb not in ("list", "watch")] == []


async def test_an_address_that_tries_name_after_name(world: World, replica: Replica) -> None:
    for number in range(100):
        await refused(replica, f"user-{number}", "x", peer="192.0.2.1")
    assert await refused(replica, "admin", "password", peer="192.0.2.1") == WRONG
    await replica.logins.login("admin", "password", peer="192.0.2.2")


async def test_no_more_than_so_many_at_once(world: World) -> None:
    world.at_once = 2
    going = asyncio.Event()

    async def wait(_seconds: float) -> None:
        await going.wait()

    async with world.replica() as replica:
        object.__setattr__(replica.logins._pace, "sleep", wait)
        first = [asyncio.create_task(replica.logins.login("admin", "password")) for _ in "12"]
        await settled()
        assert await refused(replica, "admin", "password") == WRONG
        going.set()
        await asyncio.gather(*first)
        await replica.logins.login("admin", "password")


async def test_failures_count_while_the_cluster_is_away(world: World, replica: Replica) -> None:
    world.cluster.fail = lambda verb, key: KubeUnreachableError("away")
    for _ in range(5):
        await refused(replica, "admin", "wrong")
    assert await refused(replica, "admin", "password") == WRONG
    world.cluster.fail = lambda verb, key: None
    await refused(replica, "alice", "wrong")
    async with world.replica() as second:
        assert await refused(second, "admin", "password") == WRONG


async def test_failures_at_two_replicas_add_up(world: World, replica: Replica) -> None:
    async with world.replica() as second:
        await asyncio.gather(
            *(refused(which, "admin", "wrong") for which in (replica, second) for _ in range(2))
        )
        await settled()
        await refused(second, "admin", "wrong")
        await settled()
        assert await refused(replica, "admin", "password") == WRONG
