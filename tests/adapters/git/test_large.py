"""LFS pointers resolved: by the batch API, over https and found over ssh, within limits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from aiohttp import web

from tests.fixtures.authority import Authority
from tests.fixtures.gitfront import basic
from tests.fixtures.gitrepo import GitRepo
from tests.fixtures.gitssh import GitSsh
from tiphys.adapters.git import large
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.large import tidy
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.gitserver.server import GitServer
from tiphys.model.errors import RenderLimitError, RepositoryError, RepositoryUnreachableError
from tiphys.model.repository import BasicLogin, Confidential, Repository, SshKey, Trust

LARGE = b"kind: ConfigMap\n" * 1000
OID = hashlib.sha256(LARGE).hexdigest()


def pointer(data: bytes = LARGE, size: int | None = None) -> str:
    oid = hashlib.sha256(data).hexdigest()
    size = len(data) if size is None else size
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"


class LfsServer:
    """Speaks the batch API; hands everything else to a Git server."""

    def __init__(self, behind: GitServer) -> None:
        self._behind = behind
        self._runner: web.AppRunner | None = None
        self.objects = {OID: LARGE}
        self.wanted = ""
        self.status = 200
        self.href = ""
        self.requests: Counter[str] = Counter()
        self.secure = False
        self.logins: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    @property
    def url(self) -> str:
        assert self._runner is not None
        scheme = "https" if self.secure else "http"
        return f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"

    async def start(self, tls: Any = None) -> None:
        self.secure = tls is not None
        app = web.Application()
        app.router.add_post("/{repo}/info/lfs/objects/batch", self._batch)
        app.router.add_get("/objects/{oid}", self._object)
        app.router.add_route("*", "/{path:.*}", self._git)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _batch(self, request: web.Request) -> web.Response:
        self.requests["batch"] += 1
        self.logins.append(request.headers.get("Authorization", ""))
        if self.status != 200:
            return web.Response(status=self.status)
        if self.wanted and request.headers.get("Authorization") != self.wanted:
            return web.Response(status=401)
        assert request.headers["Accept"] == "application/vnd.git-lfs+json"
        asked = json.loads(await request.read())
        assert (asked["operation"], asked["transfers"]) == ("download", ["basic"])
        objects = []
        for each in asked["objects"]:
            href = self.href or f"{self.url}/objects/{each['oid']}"
            known = each["oid"] in self.objects
            found: dict[str, Any] = {"error": {"code": 404, "message": "none"}}
            if known:
                found = {"actions": {"download": {"href": href, "header": {"X-Pass": "open"}}}}
            objects.append({**each, **found})
        return web.json_response({"transfer": "basic", "objects": objects})

    async def _object(self, request: web.Request) -> web.Response:
        self.requests["object"] += 1
        self.asked.set()
        await self.gate.wait()
        if request.headers.get("X-Pass") != "open":
            return web.Response(status=403)
        return web.Response(body=self.objects[request.match_info["oid"]])

    async def _git(self, request: web.Request) -> web.StreamResponse:
        return await self._behind._serve(request)


@pytest.fixture
async def lfs(server: GitServer) -> AsyncIterator[LfsServer]:
    lfs = LfsServer(server)
    await lfs.start()
    yield lfs
    await lfs.stop()


def at(lfs: LfsServer) -> Repository:
    return Repository(f"{lfs.url}/web", lfs=True)


async def read(git: GitCli, repository: Repository, commit: str, *paths: str) -> list[bytes]:
    """As a renderer does it: from a thread."""
    tree = await git.tree(repository, commit)
    entries = await asyncio.to_thread(tree.read, paths)
    return [entry.data for entry in entries.values() if entry is not None]


async def test_pointers_become_what_they_stand_for(
    git: GitCli, repo: GitRepo, lfs: LfsServer
) -> None:
    commit = repo.commit({"big.yaml": pointer(), "same.yaml": pointer(), "small": "x"})
    found = await read(git, at(lfs), commit, "big.yaml", "same.yaml", "small")
    assert found == [LARGE, LARGE, b"x"]
    tree = await git.tree(at(lfs), commit)
    walked = await asyncio.to_thread(tree.walk, "")
    assert walked["big.yaml"].data == LARGE
    assert walked["big.yaml"].oid == repo.git("rev-parse", "HEAD:big.yaml")
    assert lfs.requests == {"batch": 1, "object": 1}
    # Beside another commit it is there already.
    assert await read(git, at(lfs), repo.commit({"b": pointer()}), "b") == [LARGE]
    assert lfs.requests == {"batch": 1, "object": 1}


async def test_the_last_thread_may_wait_for_one(git: GitCli, repo: GitRepo, lfs: LfsServer) -> None:
    commit = repo.commit({"big": pointer()})
    tree = await git.tree(at(lfs), commit)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as only:
        loop.set_default_executor(only)
        try:
            async with asyncio.timeout(10):
                found = await asyncio.to_thread(tree.read, ["big"])
        finally:
            loop.set_default_executor(ThreadPoolExecutor())
    assert found["big"] is not None


async def test_a_server_that_hangs_holds_up_nobody_else(
    git: GitCli, repo: GitRepo, lfs: LfsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "_WAITING", BoundedSemaphore(1))
    monkeypatch.setattr(large, "_TURN_SECONDS", 0.05)
    commit = repo.commit({"big": pointer(), "small": "x"})
    tree = await git.tree(at(lfs), commit)
    lfs.gate.clear()
    hanging = asyncio.create_task(asyncio.to_thread(tree.read, ["big"]))
    async with asyncio.timeout(10):
        await lfs.asked.wait()
        # What is no large file is read as ever, of the same commit too.
        assert (await asyncio.to_thread(tree.read, ["small"]))["small"] is not None
        with pytest.raises(RepositoryUnreachableError, match="git lfs: too many large files"):
            await asyncio.to_thread(tree.read, ["big"])
    lfs.gate.set()
    assert (await hanging)["big"] is not None
    assert await read(git, at(lfs), commit, "big") == [LARGE]


async def test_nothing_is_fetched_that_is_not_read(
    git: GitCli, repo: GitRepo, lfs: LfsServer
) -> None:
    commit = repo.commit({"big": pointer(), "small": "x"})
    assert await read(git, at(lfs), commit, "small") == [b"x"]
    without = replace(at(lfs), lfs=False)
    assert await read(git, without, commit, "big") == [pointer().encode()]
    assert not lfs.requests


@pytest.mark.parametrize(
    "text",
    [
        pointer().replace("sha256", "sha512"),
        pointer() + "x" * 1024,
        pointer().replace("size ", "size -"),
        f"x\n{pointer()}",
        pointer().rstrip("\n"),
    ],
)
async def test_what_only_looks_like_one(
    git: GitCli, repo: GitRepo, lfs: LfsServer, text: str
) -> None:
    commit = repo.commit({"big": text})
    assert await read(git, at(lfs), commit, "big") == [text.encode()]


async def test_an_extension_line_is_part_of_one(git: GitCli, repo: GitRepo, lfs: LfsServer) -> None:
    text = pointer().replace("\noid", "\next-0-x sha256:abc\noid")
    assert await read(git, at(lfs), repo.commit({"big": text}), "big") == [LARGE]


async def test_the_repository_s_login_and_authority(
    git: GitCli, repo: GitRepo, server: GitServer, tmp_path: Path
) -> None:
    authority = Authority()
    lfs = LfsServer(server)
    await lfs.start(authority.server_context(tmp_path / "tls"))
    try:
        commit = repo.commit({"big": pointer()})
        lfs.wanted = basic("ada", "s3cret")
        known = replace(
            at(lfs),
            trust=Trust(certificates=authority.pem),
            credentials=BasicLogin("ada", Confidential("s3cret")),
        )
        assert await read(git, known, commit, "big") == [LARGE]
        wrong = replace(known, credentials=BasicLogin("ada", Confidential("bad")), project="x")
        with pytest.raises(RepositoryError, match=r"git lfs: authentication required: HTTP 401"):
            await read(git, wrong, commit, "big")
    finally:
        await lfs.stop()


async def test_an_ssh_server_says_where_its_api_is(
    git: GitCli, repo: GitRepo, lfs: LfsServer
) -> None:
    ssh = GitSsh(repo.path.parent)
    await ssh.start()
    try:
        lfs.wanted = "RemoteAuth token"
        said = {"href": f"{lfs.url}/web/info/lfs", "header": {"Authorization": lfs.wanted}}
        ssh.answers["git-lfs-authenticate"] = json.dumps(said)
        repository = Repository(
            ssh.url("web"),
            credentials=SshKey(Confidential(ssh.client_key)),
            trust=Trust(known_hosts=ssh.known_hosts()),
            lfs=True,
        )
        commit = repo.commit({"big": pointer()})
        assert await read(git, repository, commit, "big") == [LARGE]
        assert "git-lfs-authenticate web download" in ssh.commands
    finally:
        await ssh.stop()


def configured(url: str) -> dict[str, str | None]:
    return {"big": pointer(), ".lfsconfig": f"[lfs]\n\turl = {url}\n"}


async def test_a_commit_names_another_server(
    repo: GitRepo, server: GitServer, lfs: LfsServer, tmp_path: Path, settings: GitSettings
) -> None:
    other = LfsServer(server)
    await other.start()
    login = BasicLogin("ada", Confidential("s3cret"))
    try:
        commit = repo.commit(configured(f"{other.url}/web/info/lfs/"))
        ours = replace(at(lfs), credentials=login, project="team")
        git = GitCli(tmp_path / "kept", settings)
        assert await read(git, ours, commit, "big") == [LARGE]
        assert (other.logins, lfs.requests) == ([""], Counter())

        def find(url: str, project: str) -> Repository:
            return Repository(url, project=project, credentials=replace(login, username="eve"))

        other.wanted = basic("eve", "s3cret")
        git = GitCli(tmp_path / "another", settings, find=find)
        assert await read(git, ours, commit, "big") == [LARGE]
    finally:
        await other.stop()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://169.254.169.254/x", "leads to an address that is refused"),
        ("http://127.0.0.2:1/x", "leads to an address that is refused"),
        ("ssh://git@git.example.com/x", "no https URL"),
    ],
)
async def test_where_a_commit_may_not_lead(
    git: GitCli, repo: GitRepo, lfs: LfsServer, url: str, text: str
) -> None:
    commit = repo.commit(configured(url))
    with pytest.raises(RepositoryError, match=text):
        await read(git, at(lfs), commit, "big")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"objects": {}}, f"the LFS server has no object {OID}"),
        ({"objects": {OID: b"other"}}, f"sent something else for object {OID}"),
        ({"objects": {OID: LARGE + b"x"}}, f"sent something else for object {OID}"),
        ({"objects": {OID: b"y" * len(LARGE)}}, f"sent something else for object {OID}"),
        ({"status": 404}, "the server answered HTTP 404"),
        ({"status": 500}, "the server answered HTTP 500"),
        ({"href": "http://169.254.169.254/x"}, "leads to an address that is refused"),
        ({"href": "http://127.0.0.2:1/x"}, "leads to an address that is refused"),
        ({"href": "http://[::1]:1/x"}, "leads to an address that is refused"),
        ({"href": "http://localhost:1/x"}, "git lfs: connection: "),
        ({"href": "file:///etc/passwd"}, "no https URL"),
    ],
)
async def test_what_a_server_may_not(
    git: GitCli, repo: GitRepo, lfs: LfsServer, tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    commit = repo.commit({"big": pointer()})
    for name, value in change.items():
        setattr(lfs, name, value)
    with pytest.raises(RepositoryError) as caught:
        await read(git, at(lfs), commit, "big")
    assert text in str(caught.value)
    assert isinstance(caught.value, RepositoryUnreachableError) == ("500" in text or "conn" in text)
    assert list((tmp_path / "kept").rglob("lfs/tiphys/*")) == []


async def test_a_size_past_the_limit_is_not_fetched(
    git: GitCli, repo: GitRepo, lfs: LfsServer
) -> None:
    commit = repo.commit({"big": pointer(size=10**12)})
    with pytest.raises(RenderLimitError, match="'big': more than"):
        await read(git, at(lfs), commit, "big")
    assert not lfs.requests


def test_the_longest_unused_go(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number)).write_bytes(b"x" * 10)
        os.utime(tmp_path / str(number), (number, number))
    tidy(tmp_path, most=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]
    tidy(tmp_path / "none")
