"""A config management plugin that is meant for some folders."""

from __future__ import annotations

from tiphys.model.render import PluginOptions, ReadSet, RenderRequest, RenderResult
from tiphys.model.resource import Manifest
from tiphys.services.render.ports import TreeReader


class FakePlugins:
    """One plugin, meant for the folders of `meant`, which makes `manifests` of all."""

    def __init__(self) -> None:
        self.there = True
        self.meant = {"web"}
        self.started = 1
        self.manifests: tuple[Manifest, ...] = ({"kind": "Made"},)
        self.asked: list[RenderRequest] = []
        self.rendered: list[RenderRequest] = []

    def present(self) -> bool:
        return self.there

    def identity(self, name: str) -> str:
        return f"{name} {self.started}"

    async def supports(self, request: RenderRequest, tree: TreeReader) -> bool:
        self.asked.append(request)
        return request.path in self.meant

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult:
        self.rendered.append(request)
        options = request.options
        assert isinstance(options, PluginOptions)
        return RenderResult(self.manifests, ReadSet(listings=frozenset({options.root})))
