"""Git and the engine for one command: a folder of its own, and one engine process at most."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from tiphys.adapters.engine import EngineRenderer
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.bootstrap.folders import FolderRepositories
from tiphys.core.app.spec import project_name
from tiphys.core.manifest.tracking import instance_name
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.revision import resolve
from tiphys.model.application import Application, ApplicationSource
from tiphys.model.repository import Repository
from tiphys.model.resource import Manifest
from tiphys.services.applications.values import LocalFiles
from tiphys.services.live.ports import Discovery
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import RenderService
from tiphys.services.sources.upstream import UpstreamByKind


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

    def __init__(self, git: GitCli, engine: EngineRenderer, namespace: str) -> None:
        self._git = git
        self._engine = engine
        self._namespace = namespace

    async def reachable(self, source: ApplicationSource) -> None:
        await self._git.refs(Repository(source.repo_url))

    async def resolve(self, source: ApplicationSource, revision: str) -> str:
        resolved = resolve(revision, await self._git.refs(Repository(source.repo_url)))
        if not resolved.abbreviated:
            return resolved.revision
        return (await self._git.tree(Repository(source.repo_url), resolved.revision)).commit

    async def render(
        self,
        application: Application,
        source: ApplicationSource,
        revision: str,
        discovery: Discovery,
    ) -> Sequence[Manifest]:
        commit = await self.resolve(source, revision)
        context = await self._context(application, discovery)
        job = RenderJob(source, Repository(source.repo_url), commit, context)
        upstream = UpstreamByKind(self._git)
        rendered = await RenderService(upstream, self._engine, self._engine).render(job)
        return rendered.manifests

    async def render_local(
        self,
        application: Application,
        source: ApplicationSource,
        files: LocalFiles,
        discovery: Discovery,
    ) -> Sequence[Manifest]:
        context = await self._context(application, discovery)
        folders = FolderRepositories(files)
        wanted = msgspec.structs.replace(source, path=folders.path(source.path))
        job = RenderJob(wanted, Repository(source.repo_url), "", context)
        upstream = UpstreamByKind(folders)
        rendered = await RenderService(upstream, self._engine, self._engine).render(job)
        return rendered.manifests

    async def _context(self, application: Application, discovery: Discovery) -> BuildContext:
        if not discovery.preferred():
            await discovery.refresh()
        return BuildContext(
            instance=instance_name(application.namespace, application.name, self._namespace),
            namespace=application.spec.destination.namespace,
            project=project_name(application.spec),
            kube_version=discovery.server_version,
            api_versions=tuple(discovery.versions()),
        )


@asynccontextmanager
async def open_sources(namespace: str) -> AsyncIterator[CommandSources]:
    """Nothing is started or fetched until it is asked for."""
    with tempfile.TemporaryDirectory(prefix="tiphys-") as folder:
        git, engine = GitCli(Path(folder), GitSettings(environment=os.environ)), EngineRenderer()
        try:
            yield CommandSources(git, engine, namespace)
        finally:
            await engine.close()
            await git.aclose()
