"""What a first start makes."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack

import pytest

from tests.fakes.kube import SECRETS
from tests.services.access.world import NAMESPACE, World, encoded, named
from tiphys.model.errors import ObjectNotFoundError
from tiphys.services.access.beginning import INITIAL


async def test_admin_gets_a_password_and_tokens_a_key() -> None:
    world = World()
    world.general()
    async with world.replica() as replica:
        await replica.beginning.prepare()
        password = world.stored(INITIAL)["password"]
        assert re.fullmatch("[0-9A-Za-z-]{16}", password)
        stored = world.stored("argocd-secret")
        assert stored["admin.password"] == f"hash of {password}"
        assert stored["admin.passwordMtime"] == "2026-01-01T12:00:00Z"
        assert len(stored["server.secretkey"]) == 44
        await replica.logins.login("admin", password)


async def test_a_password_that_is_there_stays(world: World) -> None:
    async with world.replica() as replica:
        await replica.beginning.prepare()
        with pytest.raises(ObjectNotFoundError):
            await world.cluster.get(SECRETS, NAMESPACE, INITIAL)
        assert world.stored("argocd-secret")["admin.password"] == "hash of password"


async def test_a_disabled_admin_gets_none() -> None:
    world = World()
    world.general(**{"admin.enabled": "false"})
    async with world.replica() as replica:
        await replica.beginning.prepare()
        assert "admin.password" not in world.stored("argocd-secret")


async def test_accounts_that_cannot_be_read_get_none() -> None:
    world = World()
    world.general(**{"accounts.x.enabled": "maybe"})
    async with world.replica() as replica:
        await replica.beginning.prepare()
        assert "admin.password" not in world.stored("argocd-secret")


async def test_an_old_secret_is_given_a_new_password() -> None:
    world = World()
    world.general()
    world.secret()
    world.put(named("Secret", INITIAL, encoded(password="known-to-many", more="x")))
    async with world.replica() as replica:
        await replica.beginning.prepare()
        password = world.stored(INITIAL)["password"]
        assert password != "known-to-many"
        assert world.stored("argocd-secret")["admin.password"] == f"hash of {password}"


async def test_passwords_differ() -> None:
    found = set()
    for _ in range(3):
        world = World()
        world.general()
        async with world.replica() as replica:
            await replica.beginning.prepare()
            found.add(world.stored(INITIAL)["password"])
    assert len(found) == 3


async def test_several_that_start_together_agree() -> None:
    world = World()
    world.general()
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(world.replica()) for _ in range(4)]
        await asyncio.gather(*(replica.beginning.prepare() for replica in replicas))
        password = world.stored(INITIAL)["password"]
        assert world.stored("argocd-secret")["admin.password"] == f"hash of {password}"
        for replica in replicas:
            await replica.logins.login("admin", password)
