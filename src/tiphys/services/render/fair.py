"""A renderer in which slow renders of one repository leave room for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tiphys.model.render import RenderRequest, RenderResult
from tiphys.services.render.ports import Renderer, TreeReader
from tiphys.services.turns.gate import FairGate


class FairRenderer:
    """Implements Renderer. `at_once` renders, as many as there are processors; a slow one gives
    its place to another repository's, whose commit tells it apart. `waited` hears of the seconds
    before a render.
    """

    def __init__(
        self,
        renderer: Renderer,
        *,
        at_once: int,
        slow_after: float = 2.0,
        waited: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._renderer = renderer
        self._waited = waited
        self._gate = FairGate(lambda: at_once, share=lambda: at_once, slow_after=slow_after)

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult:
        clock = asyncio.get_running_loop().time
        asked = clock()
        async with self._gate.turn(tree.commit):
            self._waited(clock() - asked)
            return await self._renderer.render(request, tree)
