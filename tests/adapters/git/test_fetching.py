"""The real adapter against real repositories: what is asked of the server, and how often."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.gitserver.server import GitServer
from tiphys.model.errors import RepositoryError, RepositoryUnreachableError
from tiphys.model.repository import Repository


async def test_tags_are_peeled(git: GitCli, repo: GitRepo) -> None:
    first = repo.commit({"a": "1"})
    repo.git("tag", "plain")
    repo.git("tag", "--annotate", "signed", "--message", "x")
    second = repo.commit({"a": "2"})
    repo.git("branch", "feature/x")
    assert await git.refs(Repository(repo.url)) == {
        "HEAD": second,
        "refs/heads/main": second,
        "refs/heads/feature/x": second,
        "refs/tags/plain": first,
        "refs/tags/signed": first,
    }


async def test_an_empty_repository_has_no_refs(git: GitCli, repo: GitRepo) -> None:
    assert await git.refs(Repository(repo.url)) == {}


async def test_the_id_of_an_annotated_tag_is_its_commit(git: GitCli, repo: GitRepo) -> None:
    commit = repo.commit({"a": "1"})
    repo.git("tag", "--annotate", "v1", "--message", "x")
    tag = repo.git("rev-parse", "refs/tags/v1")
    assert tag != commit
    assert (await git.tree(Repository(repo.url), tag)).commit == commit


async def test_only_one_commit_is_fetched(git: GitCli, repo: GitRepo, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    second = repo.commit({"a": "2"})
    await git.tree(Repository(repo.url), second)
    kept = next((tmp_path / "kept").glob("*.git"))
    assert (kept / "shallow").read_text().split() == [second]
    assert [path.name for path in (kept / "refs" / "tiphys").iterdir()] == [second]


async def test_as_many_commits_are_fetched_as_the_repository_asks(
    git: GitCli, repo: GitRepo, tmp_path: Path
) -> None:
    commits = [repo.commit({"a": str(number)}) for number in range(5)]
    await git.tree(Repository(repo.url, depth=3), commits[-1])
    kept = next((tmp_path / "kept").glob("*.git"))
    assert (kept / "shallow").read_text().split() == [commits[2]]


async def test_a_kept_commit_is_not_fetched_again(
    repo: GitRepo, server: GitServer, git: GitCli
) -> None:
    url = f"{server.url}/web"
    commit = repo.commit({"a": "1"})
    await asyncio.gather(*(git.tree(Repository(url), commit) for _ in range(20)))
    await git.tree(Repository(url + ".git"), commit)
    asked = dict(server.requests)
    assert asked["upload-pack"] <= 2  # protocol 2: the wanted ref is not listed, one exchange
    assert asked["refs"] == 1


async def test_one_request_a_listing(repo: GitRepo, server: GitServer, git: GitCli) -> None:
    repo.commit({"a": "1"})
    await git.refs(Repository(f"{server.url}/web"))
    assert server.requests == {"refs": 1, "upload-pack": 1}


async def test_everyone_who_waits_shares_a_failure(
    repo: GitRepo, server: GitServer, git: GitCli
) -> None:
    repo.commit({"a": "1"})
    asked = [git.tree(Repository(f"{server.url}/web"), "0" * 40) for _ in range(10)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(result, RepositoryError) for result in results)
    assert server.requests["refs"] == 1


async def test_a_moved_branch_and_a_forced_push(git: GitCli, repo: GitRepo) -> None:
    repo.commit({"a": "1"})
    second = repo.commit({"a": "2"})
    await git.tree(Repository(repo.url), second)
    repo.git("commit", "--quiet", "--amend", "--message", "again")
    third = (await git.refs(Repository(repo.url)))["refs/heads/main"]
    assert third != second
    assert (await git.tree(Repository(repo.url), third)).commit == third
    assert (await git.tree(Repository(repo.url), second)).commit == second


async def test_a_server_that_hands_out_refs_only(
    git: GitCli, repo: GitRepo, server: GitServer
) -> None:
    first = repo.commit({"a": "1"})
    second = repo.commit({"a": "2"})
    server.protocol = 0
    tree = await git.tree(Repository(f"{server.url}/web"), first)
    entry = tree.read(["a"])["a"]
    assert entry is not None
    assert entry.data == b"1"
    assert (await git.tree(Repository(f"{server.url}/web"), second)).commit == second


async def test_an_unreachable_server_is_told_without_its_moods(git: GitCli) -> None:
    with pytest.raises(RepositoryUnreachableError) as caught:
        await git.refs(Repository("http://127.0.0.1:1/r"))
    assert str(caught.value) == (
        "failed to list refs: connection: Failed to connect to 127.0.0.1 port 1: "
        "Couldn't connect to server: check that it runs and can be reached from here"
    )
    with pytest.raises(RepositoryUnreachableError, match=r"^Failed to checkout revision 00000"):
        await git.tree(Repository("http://127.0.0.1:1/r"), "0" * 40)


async def test_a_missing_repository_over_http(git: GitCli, server: GitServer) -> None:
    with pytest.raises(RepositoryError) as caught:
        await git.refs(Repository(f"{server.url}/none.git"))
    assert str(caught.value) == (
        "failed to list refs: repository not found: check its URL, and whether the credentials "
        "permit reading it"
    )
    assert not isinstance(caught.value, RepositoryUnreachableError)


async def test_requests_are_counted(repo: GitRepo, tmp_path: Path, settings: GitSettings) -> None:
    registry = CollectorRegistry()
    git = GitCli(tmp_path / "counted", settings, metrics=GitMetrics(registry))
    commit = repo.commit({"a": "1"})
    await git.refs(Repository(repo.url))
    await git.tree(Repository(repo.url), commit)
    await git.tree(Repository(repo.url), commit)
    with pytest.raises(RepositoryError):
        await git.tree(Repository(repo.url), "0" * 40)

    def count(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"repo": repo.url, **labels})

    assert count("argocd_git_request_total", request_type="ls-remote") == 1
    assert count("argocd_git_request_total", request_type="fetch") == 2
    assert count("argocd_git_fetch_fail_total") == 1


async def test_unused_revisions_are_forgotten(git: GitCli, repo: GitRepo, tmp_path: Path) -> None:
    commits = [repo.commit({"a": str(number)}) for number in range(40)]
    for commit in commits:
        await git.tree(Repository(repo.url), commit)
    await git.maintain(Repository(repo.url), {commits[-1]})
    kept = next((tmp_path / "kept").glob("*.git"))
    packs = list((kept / "objects" / "pack").glob("*.pack"))
    assert len(packs) == 1
    fresh = GitCli(tmp_path / "kept", GitSettings(program="/nonexistent"))
    assert (await fresh.tree(Repository(repo.url), commits[-1])).commit == commits[-1]
    with pytest.raises(RepositoryUnreachableError, match="git could not be started: No such file"):
        await fresh.tree(Repository(repo.url), commits[0])
    assert (await git.tree(Repository(repo.url), commits[0])).commit == commits[0]


async def test_maintaining_what_was_never_fetched_does_nothing(git: GitCli, repo: GitRepo) -> None:
    await git.maintain(Repository(repo.url), set())
