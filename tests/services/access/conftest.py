from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.services.access.world import Replica, World, make_world


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
async def replica(world: World) -> AsyncIterator[Replica]:
    async with world.replica() as found:
        found.enforcer.load()
        yield found
