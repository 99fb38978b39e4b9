"""One engine for all tests that need no limits of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

import pytest

from tests.adapters.engine.trees import Table, TableTree
from tiphys.adapters.engine import EngineRenderer, LaneOptions
from tiphys.model.render import Remote, RenderRequest, RenderResult, ToolOptions


class Mounted(Protocol):
    async def __call__(
        self,
        table: Table,
        path: str,
        options: ToolOptions,
        beside: Mapping[str, Table],
        remotes: Mapping[Remote, str] | None = None,
    ) -> RenderResult: ...


Render = Callable[[Table, str, ToolOptions], Awaitable[RenderResult]]


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[EngineRenderer]:
    renderer = EngineRenderer(options=LaneOptions(size=1))
    yield renderer
    await renderer.close()


@pytest.fixture
def mounted(engine: EngineRenderer) -> Mounted:
    """Renders with trees beside the main one, by their names, and what led to them."""

    async def run(
        table: Table,
        path: str,
        options: ToolOptions,
        beside: Mapping[str, Table],
        remotes: Mapping[Remote, str] | None = None,
    ) -> RenderResult:
        tree = TableTree(table, beside)
        return await engine.render(RenderRequest(path, options, mounts=remotes or {}), tree)

    return run


@pytest.fixture
def render(engine: EngineRenderer) -> Render:
    async def run(table: Table, path: str, options: ToolOptions) -> RenderResult:
        return await engine.render(RenderRequest(path, options), TableTree(table))

    return run
