"""Sources and the engine for one command: a folder of its own, and one engine process at most."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiphys.adapters.engine import EngineRenderer
from tiphys.bootstrap.fetching import Fetching
from tiphys.bootstrap.folders import WithCheckout, checkout, with_path
from tiphys.bootstrap.tools import Tools
from tiphys.core.app.asking import Asking
from tiphys.core.source.places import place_of
from tiphys.model.repository import Asked
from tiphys.model.source import ApplicationSource
from tiphys.services.applications.values import LocalFiles
from tiphys.services.render.around import Around, Looked
from tiphys.services.render.looks import Looks
from tiphys.services.render.service import RenderService
from tiphys.services.repositories.ports import Repositories


class EngineDocuments:
    """Reads YAML in the engine, as everything is read that a user wrote."""

    def __init__(self) -> None:
        self._engine = EngineRenderer()

    async def decode(self, data: bytes) -> Sequence[Mapping[str, Any]]:
        return await self._engine.decode_yaml(data)

    async def close(self) -> None:
        await self._engine.close()


class CommandSources:
    """Implements SourceCheck of services.applications."""

    def __init__(self, fetching: Fetching, tools: Tools, repositories: Repositories) -> None:
        self._fetching = fetching
        self._tools = tools
        self._repositories = repositories

    async def reachable(self, source: ApplicationSource, project: str) -> None:
        place = place_of(source, self._repositories.find(source.repo_url, project))
        asked = Asked(source.target_revision, source.tag_prefix)
        await self._fetching.upstream.list(place, [asked])

    async def resolve(self, asking: Asking, project: str) -> tuple[str, ...]:
        return await self._looks().resolve(asking, project)

    async def render(
        self, asking: Asking, around: Around, files: LocalFiles | None = None
    ) -> Looked:
        looks = self._looks()
        if files is None:
            return await looks.render(asking, around)
        places = looks.places(asking, around.project.name)
        found = checkout(files, asking, places)
        upstream, engine = WithCheckout(self._fetching.upstream, found), self._tools.engine
        here = Looks(
            self._fetching.refs,
            # No plugin: it would be sent all that lies around the folder.
            RenderService(upstream, engine, engine, self._fetching.remotes),
            self._repositories,
            found.stands_for,
        )
        # What lies around the folder is none of its business, and may be all of a disk.
        tools = replace(around.tools, allow_oob_symlinks=True)
        return await here.render(with_path(files, asking, places), replace(around, tools=tools))

    def _looks(self) -> Looks:
        fetching, tools = self._fetching, self._tools
        render = RenderService(
            fetching.upstream,
            tools.renderer,
            tools.engine,
            fetching.remotes,
            plugins=tools.plugins,
        )
        return Looks(fetching.refs, fetching.modules.around(render), self._repositories)


@asynccontextmanager
async def open_sources(repositories: Repositories) -> AsyncIterator[CommandSources]:
    """Nothing is started or fetched until it is asked for."""
    with tempfile.TemporaryDirectory(prefix="tiphys-") as folder:
        fetching = Fetching(Path(folder), find=repositories.find)
        tools = Tools(logins=fetching.tokens)
        try:
            yield CommandSources(fetching, tools, repositories)
        finally:
            await tools.close()
            await fetching.aclose()
