"""Submodules as trees in their parent's tree: found, opened, nested, and failing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.gitfront import GitFront, basic
from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.gitserver.server import GitServer
from tiphys.model.errors import RenderLimitError, RepositoryError
from tiphys.model.render import EntryKind
from tiphys.model.repository import BasicLogin, Confidential, Repository

ADA = BasicLogin("ada", Confidential("s3cret"))


@pytest.fixture
def library(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "served" / "library")


@pytest.fixture
async def front(server: GitServer) -> AsyncIterator[GitFront]:
    front = GitFront(server)
    await front.start()
    yield front
    await front.stop()


def add(repo: GitRepo, path: str, url: str, commit: str, *, more: str = "") -> str:
    """As `git submodule add`, without the checkout."""
    text = (repo.path / ".gitmodules").read_text() if (repo.path / ".gitmodules").exists() else ""
    text += f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n{more}'
    (repo.path / ".gitmodules").write_text(text)
    repo.git("add", ".gitmodules")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    repo.git("commit", "--quiet", "--message", "add a submodule")
    return repo.git("rev-parse", "HEAD")


async def test_a_submodule_is_part_of_the_tree(
    git: GitCli, repo: GitRepo, library: GitRepo
) -> None:
    base = library.commit({"base/cm.yaml": "a: 1", "top": "t"})
    repo.commit({"app/x.yaml": "x"})
    commit = add(repo, "vendor/lib", "../library", base)
    tree = await git.tree(Repository(repo.url), commit)
    root = {"", ".gitmodules", "app", "app/x.yaml", "vendor"}
    inside = {"vendor/lib", "vendor/lib/base", "vendor/lib/base/cm.yaml", "vendor/lib/top"}
    assert set(tree.walk("")) == root | inside
    assert set(tree.walk("vendor/lib/base")) == {"vendor/lib/base", "vendor/lib/base/cm.yaml"}
    entries = tree.read(["vendor/lib/base/cm.yaml", "vendor/lib", "vendor/lib/gone", "vendor"])
    found = {path: entry for path, entry in entries.items() if entry is not None}
    assert found["vendor/lib/base/cm.yaml"].data == b"a: 1"
    assert found["vendor/lib"].children == {"base": EntryKind.FOLDER, "top": EntryKind.FILE}
    assert found["vendor"].children == {"lib": EntryKind.FOLDER}
    assert "vendor/lib/gone" not in found
    paths = ["vendor/lib", "vendor/lib/base", "vendor/lib/top", "vendor/lib/gone"]
    assert tree.oids(paths) == {
        "vendor/lib": base,
        "vendor/lib/base": library.git("rev-parse", "HEAD:base"),
        "vendor/lib/top": library.git("rev-parse", "HEAD:top"),
        "vendor/lib/gone": None,
    }
    assert found["vendor/lib"].oid == base


async def test_submodules_of_submodules(
    git: GitCli, repo: GitRepo, library: GitRepo, tmp_path: Path
) -> None:
    deep = GitRepo(tmp_path / "served" / "deep")
    inner = deep.commit({"d": "deep"})
    library.commit({"l": "1"})
    middle = add(library, "in", "./../deep", inner)
    repo.commit({"a": "1"})
    commit = add(repo, "lib", "../library", middle)
    tree = await git.tree(Repository(repo.url), commit)
    assert tree.read(["lib/in/d"])["lib/in/d"] is not None
    assert {"lib/in", "lib/in/d", "lib/l"} < set(tree.walk("lib"))


async def test_an_unchanged_submodule_is_not_fetched_again(
    repo: GitRepo, library: GitRepo, server: GitServer, git: GitCli
) -> None:
    base = library.commit({"a": "1"})
    repo.commit({"a": "1"})
    await git.tree(Repository(f"{server.url}/web"), add(repo, "lib", "../library", base))
    before = server.requests["refs"]
    await git.tree(Repository(f"{server.url}/web"), repo.commit({"a": "2"}))
    assert (before, server.requests["refs"]) == (2, 3)


async def test_one_that_cannot_be_had_fails_those_that_look_at_it(
    git: GitCli, repo: GitRepo, library: GitRepo
) -> None:
    base = library.commit({"top": "t"})
    repo.commit({"app/x.yaml": "x"})
    commit = add(repo, "lib", "../missing", base)
    tree = await git.tree(Repository(repo.url), commit)
    assert set(tree.walk("app")) == {"app", "app/x.yaml"}
    told = r"^failed to update submodules: 'lib': .*repository not found"
    with pytest.raises(RepositoryError, match=told):
        tree.read(["lib/top"])
    with pytest.raises(RepositoryError, match=told):
        tree.walk("")
    assert tree.oids(["lib", "lib/top"]) == {"lib": base, "lib/top": base}
    library.path.rename(library.path.parent / "missing")
    again = await git.tree(Repository(repo.url), commit)
    assert again.read(["lib/top"])["lib/top"] is not None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc", "it is a file of this machine"),
        ("../../../x", "it leads out of the server"),
        ("ext::sh", "is refused"),
        ("-u./x", "is refused"),
        ("http://169.254.169.254/x", "metadata service"),
    ],
)
async def test_urls_that_are_refused(
    repo: GitRepo, server: GitServer, git: GitCli, url: str, reason: str
) -> None:
    first = repo.commit({"a": "1"})
    commit = add(repo, "lib", url, first)
    tree = await git.tree(Repository(f"{server.url}/web"), commit)
    with pytest.raises(RepositoryError, match=reason):
        tree.read(["lib"])


async def test_one_in_itself_ends(git: GitCli, repo: GitRepo) -> None:
    first = repo.commit({"a": "1"})
    tree = await git.tree(Repository(repo.url), add(repo, "me", "../web", first))
    with pytest.raises(RepositoryError, match="nested too deeply, or in itself"):
        tree.read(["me/a"])


async def test_one_without_a_url_and_one_that_is_left_out(git: GitCli, repo: GitRepo) -> None:
    first = repo.commit({"a": "1"})
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{first},bare")
    commit = add(repo, "left", "../x", first, more="\tupdate = none\n")
    tree = await git.tree(Repository(repo.url), commit)
    with pytest.raises(RepositoryError, match=r"'bare': no URL is known for it in .git"):
        tree.read(["bare"])
    entry = tree.read(["left"])["left"]
    assert entry is not None
    assert (entry.kind, entry.oid, dict(entry.children)) == (EntryKind.FOLDER, first, {})
    assert set(tree.walk("left")) == {"left"}
    assert tree.oids(["left/x"]) == {"left/x": None}


async def test_a_file_of_submodules_that_git_cannot_read(git: GitCli, repo: GitRepo) -> None:
    commit = repo.commit({".gitmodules": "[submodule\n", "a": "1"})
    with pytest.raises(RepositoryError, match=r"failed to update submodules: .gitmodules cannot"):
        await git.tree(Repository(repo.url), commit)


async def test_without_submodules_they_are_empty_folders(
    repo: GitRepo, library: GitRepo, tmp_path: Path
) -> None:
    base = library.commit({"top": "t"})
    repo.commit({"a": "1"})
    commit = add(repo, "lib", "../library", base)
    given = {**os.environ, "ARGOCD_GIT_MODULES_ENABLED": "false"}
    git = GitCli(tmp_path / "kept", GitSettings.of_environment(given))
    tree = await git.tree(Repository(repo.url), commit)
    assert set(tree.walk("")) == {"", ".gitmodules", "a", "lib"}
    assert tree.read(["lib/top"]) == {"lib/top": None}


async def test_a_setting_leaves_them_out_from_then_on(
    repo: GitRepo, library: GitRepo, tmp_path: Path
) -> None:
    base = library.commit({"top": "t"})
    repo.commit({"a": "1"})
    commit = add(repo, "lib", "../library", base)
    on = True
    settings = GitSettings(environment=os.environ)
    git = GitCli(tmp_path / "kept", settings, submodules=lambda: on)
    assert (await git.tree(Repository(repo.url), commit)).read(["lib/top"])["lib/top"]
    on = False
    assert (await git.tree(Repository(repo.url), commit)).read(["lib/top"]) == {"lib/top": None}


async def test_the_parent_s_login_opens_those_on_its_server_only(
    repo: GitRepo, library: GitRepo, server: GitServer, front: GitFront, git: GitCli
) -> None:
    base = library.commit({"top": "t"})
    repo.commit({"a": "1"})
    commit = add(repo, "lib", "../library", base)
    front.wanted = basic("ada", "s3cret")
    parent = Repository(f"{front.url}/web", credentials=ADA, project="team")
    assert set((await git.tree(parent, commit)).walk("lib")) == {"lib", "lib/top"}
    other = GitFront(server)
    await other.start()
    try:
        other.wanted = front.wanted
        commit = add(repo, "far", f"{other.url}/library", base)
        with pytest.raises(RepositoryError, match=r"'far': .*no credentials matched this URL"):
            (await git.tree(parent, commit)).read(["far"])
        assert set(other.logins) == {""}
    finally:
        await other.stop()


async def test_credentials_that_fit_the_url_are_those_of_the_project(
    repo: GitRepo, library: GitRepo, server: GitServer, front: GitFront, tmp_path: Path
) -> None:
    base = library.commit({"top": "t"})
    repo.commit({"a": "1"})
    commit = add(repo, "lib", f"{front.url}/library", base)
    front.wanted = basic("ada", "s3cret")

    def find(url: str, project: str) -> Repository:
        found = Repository(url, project=project)
        return replace(found, credentials=ADA) if project == "team" else replace(found, project="")

    git = GitCli(tmp_path / "kept", GitSettings(environment=os.environ), find=find)
    place = Repository(f"{server.url}/web")
    assert (await git.tree(replace(place, project="team"), commit)).read(["lib/top"])["lib/top"]
    with pytest.raises(RepositoryError, match="no credentials matched"):
        (await git.tree(place, commit)).read(["lib/top"])


async def test_clones_of_submodules_are_tidied_with_their_parent(
    git: GitCli, repo: GitRepo, library: GitRepo, tmp_path: Path
) -> None:
    first = library.commit({"a": "1"})
    repo.commit({"a": "1"})
    one = add(repo, "lib", "../library", first)
    await git.tree(Repository(repo.url), one)
    second = library.commit({"a": "2"})
    repo.git("update-index", "--cacheinfo", f"160000,{second},lib")
    repo.git("commit", "--quiet", "--message", "x")
    two = repo.git("rev-parse", "HEAD")
    await git.tree(Repository(repo.url), two)
    for number in range(6):  # others are read since, so that nobody holds the first ones
        repo.git("commit", "--quiet", "--allow-empty", "--message", str(number))
        await git.tree(Repository(repo.url), repo.git("rev-parse", "HEAD"))
    await git.maintain(Repository(repo.url), {two})
    pins = {path.name for path in (tmp_path / "kept").rglob("refs/tiphys/*")}
    assert second in pins
    assert one not in pins


async def test_limits_count_what_submodules_hold(
    git: GitCli, repo: GitRepo, library: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = library.commit({f"f{number}": "x" * 100 for number in range(30)})
    repo.commit({"a": "1"})
    tree = await git.tree(Repository(repo.url), add(repo, "lib", "../library", base))
    tree._limits = replace(tree._limits, data=2000)
    with pytest.raises(RenderLimitError, match="more than 2000 bytes"):
        tree.walk("")
