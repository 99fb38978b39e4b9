"""What commits say of themselves and of one another: the same for Git and for the kept fake."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from tests.fakes.git import FakeGit
from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.model.errors import RevisionNotFoundError
from tiphys.model.repository import Repository
from tiphys.services.sources.ports import GitHistory

REFERENCE = """Subject

Body

Signed-off-by: x
Argocd-reference-commit-author: Eve <e@x>
Argocd-reference-commit-sha: 0123abc
Argocd-reference-commit-date: never"""


class Subject(Protocol):
    url: str
    port: GitHistory

    def commit(self, files: Mapping[str, str], message: str = "change") -> str: ...

    def tag(self, name: str, commit: str) -> None: ...


class RealSubject:
    def __init__(self, folder: Path) -> None:
        self._repo = GitRepo(folder / "repo")
        self.url = self._repo.url
        self.port: GitHistory = GitCli(folder / "kept", GitSettings(environment=os.environ))

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        self._repo.git("rm", "-r", "--quiet", "--ignore-unmatch", ".")
        return self._repo.commit(files, message)

    def tag(self, name: str, commit: str) -> None:
        self._repo.git("tag", name, commit)


class FakeSubject:
    url = "https://git.example.com/web"

    def __init__(self) -> None:
        self._git = FakeGit()
        self.port: GitHistory = self._git

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        return self._git.commit(self.url, files, message=message)

    def tag(self, name: str, commit: str) -> None:
        self._git.point(self.url, f"refs/tags/{name}", commit)


@pytest.fixture(params=["real", "fake"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return RealSubject(tmp_path) if request.param == "real" else FakeSubject()


async def test_what_a_commit_says_of_itself(subject: Subject) -> None:
    commit = subject.commit({"a": "1"}, REFERENCE)
    other = subject.commit({"a": "2"})
    for name, at in (("v2", commit), ("v1", commit), ("v3", other)):
        subject.tag(name, at)
    found = await subject.port.commit_info(Repository(subject.url), commit)
    assert replace(found, date="") == replace(
        found,
        date="",
        author="Ada <ada@example.com>",
        message=REFERENCE,
        tags=("v1", "v2"),
        references=({"author": "Eve <e@x>", "sha": "0123abc"},),
    )
    assert found.date[10] == "T"


async def test_which_files_changed(subject: Subject) -> None:
    first = subject.commit({"same": "s", "deep/changed": "1", "gone": "g", "deep/kept": "k"})
    second = subject.commit({"same": "s", "deep/changed": "2", "new/x": "n", "deep/kept": "k"})
    repository = Repository(subject.url)
    assert list(await subject.port.changed(repository, first, second)) == [
        "deep/changed", "gone", "new/x",
    ]  # fmt: skip
    assert list(await subject.port.changed(repository, first, first)) == []
    assert list(await subject.port.changed(repository, first[:9], second[:9])) == list(
        await subject.port.changed(repository, second, first)
    )


async def test_history_ends_at_what_is_sealed(subject: Subject) -> None:
    commits = [
        subject.commit({"a": str(number)}, message)
        for number, message in enumerate(
            ["first", "seal\n\nArgocd-gpg-seal: a", "x", "seal\n\nArgocd-gpg-seal: b", "y", "z"]
        )
    ]
    repository = Repository(subject.url)

    async def found(**how: object) -> list[str]:
        objects = await subject.port.signed(repository, commits[-1], **how)  # type: ignore[arg-type]
        return [each.revision for each in objects]

    assert await found() == [commits[5]]
    assert await found(lineage=True) == [commits[5], commits[4], commits[3]]
    assert await found(lineage=True, past=[commits[3]]) == commits[5:0:-1]
    assert await found(lineage=True, past=[commits[3], commits[1]]) == commits[::-1]


async def test_a_commit_that_is_not_there(subject: Subject) -> None:
    commit = subject.commit({"a": "1"})
    repository = Repository(subject.url)
    for asked in (
        subject.port.commit_info(repository, "0" * 40),
        subject.port.changed(repository, commit, "0" * 40),
        subject.port.signed(repository, "0" * 40),
    ):
        with pytest.raises(RevisionNotFoundError):
            await asked
