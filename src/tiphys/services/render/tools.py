"""One renderer for all tools: plugins run beside, everything else is the engine's."""

from __future__ import annotations

from tiphys.model.render import PluginOptions, RenderRequest, RenderResult
from tiphys.services.render.ports import Plugins, Renderer, TreeReader


class ToolRenderer:
    """Implements Renderer."""

    def __init__(self, engine: Renderer, plugins: Plugins) -> None:
        self._engine = engine
        self._plugins = plugins

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult:
        own = isinstance(request.options, PluginOptions)
        return await (self._plugins if own else self._engine).render(request, tree)
