"""Repositories, and who names them, that try to run something, to reach what is not theirs, or to
be handed another's login.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web

from tests.attacks.switches import try_both_ways
from tests.fixtures.gitfront import GitFront, basic
from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.gitserver.server import GitServer
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import BasicLogin, Confidential, Repository

PASSWORD = Confidential("s3cret")
ADA = BasicLogin("ada", PASSWORD)
NOTING = '#!/bin/sh\necho "$@" >> "{seen}"\necho "{says}" >&2\nexit 128\n'


class Place:
    """A repository, two servers that show it, and clients that each start with nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = GitRepo(folder / "served" / "web")
        self.commit = self.repo.commit({"a": "1"})
        self.server = GitServer(folder / "served")
        self.front = GitFront(self.server)
        self.other = GitFront(self.server)
        self._numbers = count()

    async def start(self) -> None:
        for each in (self.server, self.front, self.other):
            await each.start()

    async def stop(self) -> None:
        for each in (self.other, self.front, self.server):
            await each.stop()

    def git(self) -> GitCli:
        return GitCli(self._new(), GitSettings(environment=os.environ))

    def noting(self, says: str = "") -> tuple[GitCli, Path]:
        """One that runs a program which notes what it was given, in Git's place."""
        folder = self._new()
        folder.mkdir()
        program, seen = folder / "stand-in", folder / "seen"
        program.write_text(NOTING.replace("{seen}", str(seen)).replace("{says}", says))
        program.chmod(0o755)
        settings = GitSettings(program=str(program), environment=os.environ)
        return GitCli(folder / "kept", settings), seen

    def _new(self) -> Path:
        return self.folder / f"client{next(self._numbers)}"

    async def started(self, repository: Repository) -> bool:
        """Whether anything of a repository came so far that Git was run."""
        git, seen = self.noting()
        for asked in (git.refs, lambda each: git.tree(each, self.commit)):
            with suppress(RepositoryError):
                await asked(repository)
        return await asyncio.to_thread(seen.exists)

    def with_submodule(self, url: str) -> str:
        """A commit of the repository that has the submodule `lib`."""
        text = f'[submodule "lib"]\n\tpath = lib\n\turl = {url}\n'
        (self.repo.path / ".gitmodules").write_text(text)
        self.repo.git("add", ".gitmodules")
        self.repo.git("update-index", "--add", "--cacheinfo", f"160000,{self.commit},lib")
        self.repo.git("commit", "--quiet", "--message", "submodule")
        return self.repo.git("rev-parse", "HEAD")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    await place.start()
    yield place
    await place.stop()


# Text that runs


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/r\nhost=evil.example.com",
        "https://git.example.com/\rr",
        "ssh://git@git.example.com/r\n",
        "git@git.example.com:r\x85x",
        "https://git.example.com/\u2028r",
    ],
)
async def test_text_that_runs_cve_2020_5260(
    place: Place, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async def attack() -> None:
        # An end of line at the very end is cut off, as blanks are.
        found = await place.started(Repository(f"{url}/x"))
        assert not found, "the attack came so far that Git was run"

    await try_both_ways(attack, "control characters", monkeypatch)


async def test_text_that_runs_cve_2020_5260_in_a_login(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attack() -> None:
        login = BasicLogin("ada\nhost=evil.example.com", PASSWORD)
        found = await place.started(Repository(f"{place.front.url}/web", credentials=login))
        assert not found, "the attack came so far that Git was run"

    await try_both_ways(attack, "ends of line in logins", monkeypatch)


@pytest.mark.parametrize(
    "url",
    [
        "ssh://-oProxyCommand=id/r",
        "ssh://-oProxyCommand=id@git.example.com/r",
        "ssh://git@git.example.com;id/r",
        "ssh://git@$(id)/r",
        "git@`id`:r",
        "$(id)@git.example.com:r",
        "git@git.example.com:-u./x",
    ],
)
async def test_text_that_runs_shell_characters(
    place: Place, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async def attack() -> None:
        found = await place.started(Repository(url))
        assert not found, "the attack came so far that Git was run"

    await try_both_ways(attack, "names for ssh", monkeypatch)


async def test_text_that_runs_shell_characters_in_a_tag(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.repo.git("branch", "victim")

    async def attack() -> None:
        git = place.git()
        tag = "none:refs/tiphys/evil +refs/heads/victim"
        repository = Repository(place.repo.url)
        with pytest.raises(RepositoryError) as caught:
            await git.signed(repository, place.commit, tag=tag)
        assert "no name of a tag" in str(caught.value), "the attack put words into a refspec"

    await try_both_ways(attack, "names of tags", monkeypatch)


# Secrets leaking out


async def test_secrets_leaking_out_cve_2023_25163(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = "fatal: unable to access 'https://x/': could not reach https://ada:s3cret@x/r"

    async def attack() -> None:
        git, _ = place.noting(says)
        with pytest.raises(RepositoryError) as caught:
            await git.refs(Repository("https://ada:s3cret@git.example.com/web"))
        told = f"{caught.value} {caught.value.url} {caught.value!r}"
        assert "s3cret" not in told, "the attack had a password told"

    await try_both_ways(attack, "user information", monkeypatch)


# Out of bounds


async def test_out_of_bounds_cve_2022_24731_by_a_name(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = place.repo.git("rev-parse", f"{place.commit}:a")
    listed = f"100644 blob {blob}\t..\0".encode()
    tree = place.repo.git("mktree", "-z", "--missing", data=listed)
    commit = place.repo.git("commit-tree", tree, "-m", "x")
    place.repo.git("update-ref", "refs/heads/evil", commit)

    async def attack() -> None:
        reader = await place.git().tree(Repository(place.repo.url), commit)
        names = set[str]()
        with suppress(RepositoryError):
            names = set(reader.walk(""))
        assert ".." not in names, "the attack showed a name that leads out"

    await try_both_ways(attack, "names in trees", monkeypatch)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://2852039166/latest",
        "https://metadata.google.internal/r",
        "ssh://git@169.254.169.254/r",
        "git@metadata:r",
    ],
)
async def test_out_of_bounds_metadata(
    place: Place, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async def attack() -> None:
        found = await place.started(Repository(url))
        assert not found, "the attack came so far that Git was run"

    await try_both_ways(attack, "metadata services", monkeypatch)


async def test_out_of_bounds_redirect(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def attack() -> None:
        place.other.requests.clear()
        place.front.answers = [(301, {"Location": f"{place.other.url}/web/info/refs"})] * 2
        git = place.git()
        with suppress(RepositoryError):
            await git.refs(Repository(f"{place.front.url}/web"))
        assert not place.other.requests, "the attack led Git to another server"

    await try_both_ways(attack, "redirects", monkeypatch)


async def test_out_of_bounds_submodule_of_this_machine(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = place.with_submodule(f"file://{place.repo.path}")

    async def attack() -> None:
        tree = await place.git().tree(Repository(f"{place.server.url}/web"), commit)
        found = None
        with suppress(RepositoryError):
            found = tree.read(["lib/a"])["lib/a"]
        assert found is None, "the attack read this machine's files"

    await try_both_ways(attack, "submodules' URLs", monkeypatch)


async def test_out_of_bounds_submodule_takes_the_login_along(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = place.with_submodule(f"{place.other.url}/web")
    place.front.wanted = place.other.wanted = basic("ada", PASSWORD)
    parent = Repository(f"{place.front.url}/web", credentials=ADA)

    async def attack() -> None:
        place.other.logins.clear()
        await place.git().tree(parent, commit)
        assert set(place.other.logins) == {""}, "the attack was handed a login"

    await try_both_ways(attack, "logins by server", monkeypatch)


async def test_out_of_bounds_another_project_s_clone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.front.wanted = basic("ada", PASSWORD)
    theirs = Repository(f"{place.front.url}/web", project="theirs", credentials=ADA)

    async def attack() -> None:
        git = place.git()
        await git.tree(theirs, place.commit)
        for ours in (replace(theirs, project="ours"), Repository(theirs.url)):
            eve = replace(ours, credentials=BasicLogin("eve", Confidential("guess")))
            try:
                await git.tree(eve, place.commit)
            except RepositoryError:
                continue
            raise AssertionError("the attack read another's clone")

    await try_both_ways(attack, "clones by project", monkeypatch)


async def test_out_of_bounds_large_file_from_this_machine(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = b"only for this machine"
    oid, asked = hashlib.sha256(secret).hexdigest(), list[str]()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(secret)}\n"
    commit = place.repo.commit({"big": pointer})

    async def inner(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=secret)

    app = web.Application()
    app.router.add_get("/admin", inner)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.2", 0).start()
    href = f"http://127.0.0.2:{runner.addresses[0][1]}/admin"

    async def attack() -> None:
        asked.clear()
        place.front.batch = {"objects": [{"oid": oid, "actions": {"download": {"href": href}}}]}
        tree = await place.git().tree(Repository(f"{place.front.url}/web", lfs=True), commit)
        with suppress(RepositoryError):
            await asyncio.to_thread(tree.read, ["big"])
        assert not asked, "the attack led to a service of this machine"

    try:
        await try_both_ways(attack, "where LFS leads", monkeypatch)
    finally:
        await runner.cleanup()
