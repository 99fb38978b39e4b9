"""Repositories over file:// and HTTP, and adapters on folders of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.gitserver.server import GitServer


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "served" / "web")


@pytest.fixture
def settings() -> GitSettings:
    return GitSettings(environment=os.environ)


@pytest.fixture
def git(tmp_path: Path, settings: GitSettings) -> GitCli:
    return GitCli(tmp_path / "kept", settings)


@pytest.fixture
async def server(repo: GitRepo) -> AsyncIterator[GitServer]:
    server = GitServer(repo.path.parent)
    await server.start()
    yield server
    await server.stop()
