"""What services may expect of Git: the same for the real adapter and for the kept fake."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.fakes.git import FakeGit
from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.render import EntryKind
from tiphys.model.repository import Repository
from tiphys.services.sources.ports import GitRepositories

FILES = {"top.txt": "top", "apps/web/cm.yaml": "a: 1", "apps/web.txt": "x", "link": "-> apps/web"}


class Subject(Protocol):
    """A repository that a test may change, and the port that reads it."""

    url: str
    port: GitRepositories

    def commit(self, files: Mapping[str, str]) -> str: ...


class RealSubject:
    def __init__(self, folder: Path) -> None:
        self._repo = GitRepo(folder / "repo")
        self.url = self._repo.url
        self.port: GitRepositories = GitCli(folder / "kept", GitSettings(environment=os.environ))

    def commit(self, files: Mapping[str, str]) -> str:
        self._repo.git("rm", "-r", "--quiet", "--ignore-unmatch", ".")
        for name, text in files.items():
            path = self._repo.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("-> "):
                path.symlink_to(text.removeprefix("-> "))
            else:
                path.write_text(text)
        return self._repo.commit()


class FakeSubject:
    url = "https://git.example.com/web"

    def __init__(self) -> None:
        self._git = FakeGit()
        self.port: GitRepositories = self._git

    def commit(self, files: Mapping[str, str]) -> str:
        return self._git.commit(self.url, files)


@pytest.fixture(params=["real", "fake"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return RealSubject(tmp_path) if request.param == "real" else FakeSubject()


async def test_refs_name_the_head_and_the_branches(subject: Subject) -> None:
    commit = subject.commit(FILES)
    assert await subject.port.refs(Repository(subject.url)) == {
        "HEAD": commit,
        "refs/heads/main": commit,
    }


async def test_a_repository_that_is_not_there(subject: Subject) -> None:
    with pytest.raises(RepositoryError, match=r"^failed to list refs: repository not found"):
        await subject.port.refs(Repository(subject.url + "-gone"))


async def test_a_commit_is_read(subject: Subject) -> None:
    commit = subject.commit(FILES)
    tree = await subject.port.tree(Repository(subject.url), commit)
    assert tree.commit == commit
    entries = tree.read(["top.txt", "apps", "link", "gone", "apps/web/gone", "top.txt/x"])
    file, folder, link = entries["top.txt"], entries["apps"], entries["link"]
    assert file is not None
    assert (file.kind, file.data) == (EntryKind.FILE, b"top")
    assert folder is not None
    assert folder.kind is EntryKind.FOLDER
    assert folder.children == {"web": EntryKind.FOLDER, "web.txt": EntryKind.FILE}
    assert link is not None
    assert (link.kind, link.data) == (EntryKind.LINK, b"apps/web")
    assert [entries[path] for path in ("gone", "apps/web/gone", "top.txt/x")] == [None] * 3


async def test_nothing_is_found_behind_a_link_or_outside(subject: Subject) -> None:
    tree = await subject.port.tree(Repository(subject.url), subject.commit(FILES))
    hostile = [
        "link/cm.yaml",
        "../repo/top.txt",
        "/top.txt",
        "apps//web",
        "./top.txt",
        "apps/",
        "\0",
    ]
    assert set(tree.read(hostile).values()) == {None}
    assert set(tree.oids(hostile).values()) == {None}
    assert [tree.walk(path) for path in hostile] == [{}] * len(hostile)


async def test_a_folder_is_walked_with_itself(subject: Subject) -> None:
    tree = await subject.port.tree(Repository(subject.url), subject.commit(FILES))
    assert set(tree.walk("apps")) == {"apps", "apps/web", "apps/web/cm.yaml", "apps/web.txt"}
    assert set(tree.walk("")) == {"", "top.txt", "link"} | set(tree.walk("apps"))
    assert set(tree.walk("top.txt")) == {"top.txt"}
    assert tree.walk("gone") == {}
    root = tree.read([""])[""]
    assert root is not None
    assert set(root.children) == {"apps", "link", "top.txt"}


async def test_object_ids_say_what_changed(subject: Subject) -> None:
    first = await subject.port.tree(Repository(subject.url), subject.commit(FILES))
    changed = FILES | {"apps/web/cm.yaml": "a: 2"}
    second = await subject.port.tree(Repository(subject.url), subject.commit(changed))
    paths = ["", "apps", "apps/web.txt", "top.txt", "link", "gone"]
    before, after = first.oids(paths), second.oids(paths)
    assert [path for path in paths if before[path] != after[path]] == ["", "apps"]
    assert before["gone"] is None
    read = first.read(paths)
    assert all(before[path] == entry.oid for path, entry in read.items() if entry is not None)


async def test_object_ids_are_git_s(subject: Subject) -> None:
    tree = await subject.port.tree(Repository(subject.url), subject.commit({"a/b": "hello\n"}))
    # `printf 'hello\n' | git hash-object --stdin`, and `git write-tree` of it as a/b.
    assert tree.oids(["a/b"])["a/b"] == "ce013625030ba8dba906f756967f9e9ca394464a"


async def test_an_abbreviated_commit_is_completed(subject: Subject) -> None:
    commit = subject.commit(FILES)
    subject.commit({"other": "x"})
    assert (await subject.port.tree(Repository(subject.url), commit[:9])).commit == commit
    assert (await subject.port.tree(Repository(subject.url), commit.upper())).commit == commit


@pytest.mark.parametrize("commit", ["0" * 40, "0123456"])
async def test_a_commit_that_is_not_there(subject: Subject, commit: str) -> None:
    subject.commit(FILES)
    with pytest.raises(RevisionNotFoundError, match=f"^Failed to checkout revision {commit}: "):
        await subject.port.tree(Repository(subject.url), commit)
