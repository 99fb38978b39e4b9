"""One engine for all tests that need no limits of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.adapters.engine.trees import Table, TableTree
from tiphys.adapters.engine import EngineRenderer, LaneOptions
from tiphys.model.render import RenderRequest, RenderResult, ToolOptions

Render = Callable[[Table, str, ToolOptions], Awaitable[RenderResult]]


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[EngineRenderer]:
    renderer = EngineRenderer(options=LaneOptions(size=1))
    yield renderer
    await renderer.close()


@pytest.fixture
def render(engine: EngineRenderer) -> Render:
    async def run(table: Table, path: str, options: ToolOptions) -> RenderResult:
        return await engine.render(RenderRequest(path, options), TableTree(table))

    return run
