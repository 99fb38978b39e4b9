"""The server for examples: it serves what is below its folder, to fetch only."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.gitserver.server import GitServer


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    GitRepo(tmp_path / "secret").commit({"a": "1"})
    repo = GitRepo(tmp_path / "served" / "team" / "web")
    repo.commit({"a": "1"})
    return repo


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def server(repo: GitRepo, log: io.StringIO, tmp_path: Path) -> AsyncIterator[GitServer]:
    server = GitServer(tmp_path / "served", log=log)
    await server.start()
    yield server
    await server.stop()


async def ask(url: str, method: str = "GET") -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, data=b"x" if method == "POST" else None) as answer,
    ):
        return answer.status, await answer.read()


async def test_a_clone_of_many_commits(repo: GitRepo, server: GitServer, tmp_path: Path) -> None:
    for number in range(30):
        repo.git("branch", f"branch-{number}", repo.commit({"a": str(number)}))
    clone = GitRepo(tmp_path / "clone")
    fetch = ["git", "-C", str(clone.path), "fetch", "--quiet", f"{server.url}/team/web"]
    await asyncio.to_thread(subprocess.run, fetch, check=True)
    assert clone.git("rev-list", "--count", "FETCH_HEAD") == "31"


async def test_requests_are_counted_and_told(server: GitServer, log: io.StringIO) -> None:
    status, _ = await ask(f"{server.url}/team/web/info/refs?service=git-upload-pack")
    assert status == 200
    assert server.requests == {"refs": 1}
    assert [json.loads(line) for line in log.getvalue().splitlines()] == [
        {"method": "GET", "path": "/team/web/info/refs", "kind": "refs"}
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/team/web/info/refs?service=git-receive-pack"),
        ("POST", "/team/web/git-receive-pack"),
        ("GET", "/team/web/HEAD"),
        ("GET", "/team/web/.git/config"),
        ("PUT", "/team/web/git-upload-pack"),
    ],
)
async def test_only_fetching_is_served(server: GitServer, method: str, path: str) -> None:
    status, _ = await ask(server.url + path, method)
    assert status == 403


@pytest.mark.parametrize("path", ["/team/none", "/..%2Fsecret", "/team/%2e%2e/%2e%2e/secret"])
async def test_nothing_outside_the_folder(server: GitServer, path: str) -> None:
    status, body = await ask(f"{server.url}{path}/info/refs?service=git-upload-pack")
    assert status >= 400
    assert b"refs/heads" not in body


async def test_it_listens_on_loopback_only(server: GitServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")
