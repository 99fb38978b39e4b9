"""Many commits: a push of them is one fetch, and a clone does not grow with those that passed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.gitserver.server import GitServer
from tiphys.model.repository import Repository

FILES = 50


def push(repo: GitRepo, count: int) -> list[str]:
    """So many commits on top of `main`, each with another file of 2 kB that does not compress."""
    lines = [b"reset refs/heads/main\n"]
    if repo.git("for-each-ref", "refs/heads/main"):
        lines = [b"reset refs/heads/main\nfrom refs/heads/main^0\n\n"]
    start = int(repo.git("rev-list", "--count", "--all"))
    for number in range(start, start + count):
        data = b"".join(b"%016x" % (hash((number, word)) & (1 << 64) - 1) for word in range(128))
        lines.append(
            b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 1\nx\n"
            b"M 100644 inline f%d\ndata %d\n%s\n"
            % (1_700_000_000 + number, number % FILES, len(data), data)
        )
    repo.git("fast-import", "--quiet", "--force", data=b"".join(lines))
    return repo.git("rev-list", "--reverse", f"--max-count={count}", "main").split()


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def test_a_push_of_many_commits_is_one_fetch(
    git: GitCli, repo: GitRepo, server: GitServer
) -> None:
    url = f"{server.url}/web"
    await git.tree(Repository(url), push(repo, 3)[-1])
    last = push(repo, 200)[-1]
    server.requests.clear()
    refs = await git.refs(Repository(url))
    assert refs["refs/heads/main"] == last
    await git.tree(Repository(url), last)
    assert server.requests["refs"] == 2  # one to list, one to fetch
    assert server.requests["upload-pack"] <= 3


async def test_clones_that_nobody_asks_for_any_more_go(
    git: GitCli, repo: GitRepo, tmp_path: Path, settings: GitSettings
) -> None:
    commit = push(repo, 1)[0]
    await git.tree(Repository(repo.url), commit)
    kept = tmp_path / "kept"
    used = next(kept.glob("*.git"))
    old, new = kept / "old.git", kept / "new.git"
    for path in (old, new, old / "objects"):
        path.mkdir()
    week_ago = time.time() - 8 * 86400
    for path in (old, used):
        os.utime(path, (week_ago, week_ago))
    await git.maintain(Repository(repo.url), {commit})
    assert set(kept.iterdir()) == {used, new}
    assert (await GitCli(kept, settings).tree(Repository(repo.url), commit)).commit == commit


async def test_a_clone_does_not_grow_with_the_commits_that_passed(
    git: GitCli, repo: GitRepo, tmp_path: Path
) -> None:
    sizes: list[int] = []
    repository = Repository(repo.url)
    for number, commit in enumerate(push(repo, 500), start=1):
        await git.tree(repository, commit)
        if number % 50 == 0:
            await git.maintain(repository, {commit})
            sizes.append(size(tmp_path / "kept"))
    clones = list((tmp_path / "kept").glob("*.git"))
    assert len(clones) == 1
    # What is kept are the revisions in use: the same amount after 500 commits as after 100.
    assert sizes[-1] < sizes[1] * 1.5
    assert sizes[-1] < 20 * FILES * 2048
    pins = [path for path in (clones[0] / "refs" / "tiphys").iterdir() if path.is_file()]
    assert len(pins) <= 5
