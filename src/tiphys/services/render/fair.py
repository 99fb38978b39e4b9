"""A renderer in which slow renders of one repository leave room for the others."""

from __future__ import annotations

from tiphys.model.render import RenderRequest, RenderResult
from tiphys.services.render.ports import Renderer, TreeReader
from tiphys.services.turns.gate import FairGate


class FairRenderer:
    """Implements Renderer. `at_once` renders, as many as there are processors; a slow one gives
    its place to another repository's, whose commit tells it apart.
    """

    def __init__(self, renderer: Renderer, *, at_once: int, slow_after: float = 2.0) -> None:
        self._renderer = renderer
        self._gate = FairGate(lambda: at_once, share=lambda: at_once, slow_after=slow_after)

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult:
        async with self._gate.turn(tree.commit):
            return await self._renderer.render(request, tree)
