"""Plugins as real processes, beside a renderer that finds them by their sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.engine.trees import Table, TableTree
from tests.fakes.decoder import FakeDecoder
from tiphys.adapters.plugin.renderer import PluginRenderer
from tiphys.adapters.plugin.sockets import sockets
from tiphys.model.render import PluginOptions, RenderRequest, RenderResult
from tiphys.model.repository import Repository

PROGRAM = Path(sys.executable).parent / "tiphys"


class ContentTree(TableTree):
    """Folders have ids of what is in them, as in Git."""

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        return {path: self._oid(path) for path in paths}

    def _oid(self, path: str) -> str | None:
        inside = {name: entry.data.hex() for name, entry in self.walk(path).items()}
        text = json.dumps(inside, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest() if inside else None


def shell(script: str) -> dict[str, Any]:
    """A command that a plugin.yaml may hold."""
    return {"command": ["sh", "-c"], "args": [script]}


class Plugins:
    """Starts plugins; `folder` is where their sockets are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.renderer = PluginRenderer(FakeDecoder().decode_yaml, folder)
        self._running: list[Process] = []

    async def start(
        self, name: str, script: str, environment: Mapping[str, str] | None = None, **spec: Any
    ) -> Process:
        """`script` generates; `spec` what else the plugin.yaml says."""
        home = self.folder / f"config-{name}"
        home.mkdir(exist_ok=True)
        config = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ConfigManagementPlugin",
            "metadata": {"name": name},
            "spec": {"generate": shell(script), **spec},
        }
        (home / "plugin.yaml").write_text(json.dumps(config))
        own = {"ARGOCD_PLUGINSOCKFILEPATH": str(self.folder), "TMPDIR": str(self.folder)}
        version = spec.get("version")
        path = self.folder / f"{name}-{version}.sock" if version else self.folder / f"{name}.sock"
        path.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "cmp-server",
            "--config-dir-path",
            str(home),
            "--loglevel",
            "error",
            env={**os.environ, **own, **(environment or {})},
        )
        self._running.append(process)
        async with asyncio.timeout(30):
            # Another process makes it: there is nothing to wait for but its being there.
            while path not in {one.path for one in sockets(self.folder)}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return process

    async def render(
        self,
        table: Table,
        path: str = "app",
        *,
        name: str = "",
        environment: Mapping[str, str] | None = None,
        repository: Repository | None = None,
        seconds: float = 20.0,
        **options: Any,
    ) -> RenderResult:
        asked = PluginOptions(name, tuple((environment or {}).items()), **options)
        request = RenderRequest(path, asked, "web", seconds, repository=repository)
        return await self.renderer.render(request, ContentTree(table))

    async def stop(self, process: Process) -> None:
        if process.returncode is None:
            process.terminate()
            await process.wait()

    async def close(self) -> None:
        await self.renderer.close()
        for process in self._running:
            await self.stop(process)


@pytest.fixture
async def plugins() -> AsyncIterator[Plugins]:
    # The address of a socket is short.
    with tempfile.TemporaryDirectory(prefix="cmp", dir="/tmp") as folder:
        running = Plugins(Path(folder))
        try:
            yield running
        finally:
            await running.close()
