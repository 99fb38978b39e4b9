"""The first fetch of a repository: others ask meanwhile, or it is cut short."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pygit2
import pytest

from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.git.store import Store
from tiphys.core.source.url import normal_form
from tiphys.model.repository import Repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Repositories are kept inside of somebody's checkout, as `make up` has it."""
    pygit2.init_repository(str(tmp_path / "checkout"))
    return tmp_path / "checkout" / "run" / "repositories"


@pytest.mark.parametrize("left", [(), ("objects/pack",), ("objects", "refs/heads")])
async def test_a_creation_that_was_cut_short_is_done_again(
    repo: GitRepo, root: Path, settings: GitSettings, left: tuple[str, ...]
) -> None:
    commit = repo.commit({"a": "1"})
    half = Store(root, normal_form(repo.url)).path
    for folder in ("", *left):
        (half / folder).mkdir(parents=True, exist_ok=True)
    git = GitCli(root, settings)
    await git.maintain(Repository(repo.url), set())
    assert (await git.tree(Repository(repo.url), commit)).commit == commit


async def test_who_asks_while_it_is_created_waits_for_it(
    repo: GitRepo, root: Path, settings: GitSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repo.commit({"a": "1"})
    git = GitCli(root, settings)
    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), asyncio.Event()
    create = pygit2.init_repository

    def slowly(path: str, **how: Any) -> pygit2.Repository:
        Path(path).mkdir(parents=True)
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
        return create(path, **how)

    monkeypatch.setattr(pygit2, "init_repository", slowly)
    first = asyncio.create_task(git.tree(Repository(repo.url), commit))
    await begun.wait()
    others = [asyncio.create_task(git.tree(Repository(repo.url), commit)) for _ in range(5)]
    await asyncio.sleep(0.05)
    go_on.set()
    assert {tree.commit for tree in await asyncio.gather(first, *others)} == {commit}


async def test_a_repository_around_ours_is_none_of_ours(
    root: Path, repo: GitRepo, settings: GitSettings
) -> None:
    around = pygit2.Repository(str(root.parents[1]))
    who = pygit2.Signature("a", "a@example.com")
    tree = around.TreeBuilder().write()
    theirs = str(around.create_commit("HEAD", who, who, "theirs", tree, []))
    repo.commit({"a": "1"})
    Store(root, normal_form(repo.url)).path.mkdir(parents=True)
    git = GitCli(root, settings)
    with pytest.raises(Exception, match=theirs):
        await git.tree(Repository(repo.url), theirs)
    assert list(around.references) == ["refs/heads/master"]
