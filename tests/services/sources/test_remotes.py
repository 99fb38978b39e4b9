"""What remotes lead to, how often anybody is asked, and who may."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.git import FakeGit, FakeTree
from tests.services.sources.test_refs import FakeArtifacts, FakeCharts
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.remotes import FileAt, WebFile
from tiphys.model.errors import RenderError, RepositoryError, RepositoryUnreachableError
from tiphys.model.render import Remote, RemoteKind
from tiphys.model.repository import Repository, RepositoryKind
from tiphys.model.source import ApplicationSource, ApplicationSourceHelm
from tiphys.services.render.job import RenderJob, Surroundings
from tiphys.services.sources.remotes import RemoteTiming, SourceRemotes
from tiphys.services.sources.upstream import UpstreamByKind

MAIN, BASE = "https://git.example.com/main", "https://git.example.com/base"
FILE = Remote(RemoteKind.FILE, "https://files.example.com/values.yaml")
CHART = Remote(RemoteKind.CHART, "https://charts.example.com", "1.x", "web")


class FakeFiles:
    """One file behind every URL, with an etag of its content."""

    def __init__(self) -> None:
        self.data = b"a: 1"
        self.asked: list[tuple[FileAt, str]] = []
        self.down = False

    async def get(self, file: FileAt, *, etag: str, limit: int) -> WebFile | None:
        self.asked.append((file, etag))
        assert limit == 10 << 20
        if self.down:
            raise RepositoryUnreachableError("down", url=file.url)
        now = self.data.hex()
        return None if etag == now else WebFile(self.data, now)


class Charts(FakeCharts):
    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    async def tree(self, repository: Repository, chart: str, version: str) -> FakeTree:
        self.fetched.append(version)
        return FakeTree(f"sha256:{chart} {version}", {"Chart.yaml": "x"})


class Git(FakeGit):
    """Repositories of the names in `hidden_from` may not be read."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_from: set[str] = set()

    async def tree(self, repository: Repository, commit: str) -> FakeTree:
        if repository.name in self.hidden_from:
            raise RepositoryError("401", url=repository.url)
        return await super().tree(repository, commit)


class Bench:
    def __init__(self) -> None:
        self.git, self.charts, self.files = Git(), Charts(), FakeFiles()
        self.clock = FakeClock()
        self.git.commit(BASE, {"x": "1"})
        upstream = UpstreamByKind(self.git, self.charts, FakeArtifacts({}))
        timing = RemoteTiming(moving=100, fixed=1000)
        self.remotes = SourceRemotes(upstream, self.files, timing, clock=self.clock)


def job(*repositories: Repository, helm: Any = None, **around: Any) -> RenderJob:
    return RenderJob(
        ApplicationSource(repo_url=MAIN, path="web", helm=helm),
        Repository(MAIN),
        "a" * 40,
        BuildContext("web", "demo", project="team"),
        surroundings=Surroundings(repositories=repositories, **around),
    )


def base(revision: str = "main") -> Remote:
    return Remote(RemoteKind.TREE, BASE, revision)


async def test_a_branch_is_asked_for_after_an_interval_of_its_own() -> None:
    bench = Bench()
    first = bench.git.commit(BASE, {"x": "1"})
    for _ in range(3):
        assert await bench.remotes.digest(base(), job()) == first
    assert bench.git.requests["ls-remote"] == 1
    second = bench.git.commit(BASE, {"x": "2"})
    assert await bench.remotes.digest(base(), job()) == first
    assert await bench.remotes.digest(base(), job(), fresh=True) == second
    fetched = await bench.remotes.fetch(base(), job())
    assert (fetched.digest, fetched.tree.commit) == (second, second)
    assert bench.git.requests["ls-remote"] == 2
    await bench.clock.advance(101)
    await bench.remotes.digest(base(), job())
    assert bench.git.requests["ls-remote"] == 3


async def test_a_commit_is_what_it_is() -> None:
    bench = Bench()
    commit = bench.git.commit(BASE, {"x": "1"})
    assert await bench.remotes.digest(base(commit.upper()), job()) == commit
    assert bench.git.requests["ls-remote"] == 0
    assert await bench.remotes.digest(base(commit[:8]), job()) == commit


async def test_a_chart_is_fetched_once_and_its_range_looked_up_again() -> None:
    bench = Bench()
    known = Repository(CHART.url, RepositoryKind.HELM, "charts")
    for _ in range(3):
        assert await bench.remotes.digest(CHART, job(known)) == "sha256:web 1.1.0"
    assert bench.charts.fetched == ["1.1.0"]
    assert [asker.name for asker in bench.charts.askers] == ["charts"]
    bench.charts.offered = ("1.2.0",)
    await bench.clock.advance(101)
    fetched = await bench.remotes.fetch(CHART, job(known))
    assert fetched.digest == "sha256:web 1.2.0"
    await bench.remotes.digest(CHART, job(known), fresh=True)
    await bench.clock.advance(1001)
    await bench.remotes.digest(CHART, job(known))
    assert bench.charts.fetched == ["1.1.0", "1.2.0", "1.2.0", "1.2.0"]


async def test_what_one_login_was_shown_is_nothing_for_another() -> None:
    bench = Bench()
    known = Repository(CHART.url, RepositoryKind.HELM, "charts")
    await bench.remotes.digest(CHART, job(known))
    bench.charts.refused = {""}
    with pytest.raises(RepositoryError, match="401"):
        await bench.remotes.digest(CHART, job())
    await bench.remotes.digest(CHART, job(known))
    # And nobody's watch goes over to another's login.
    assert [asker.name for asker in bench.charts.askers] == ["charts", ""]


async def test_who_names_a_commit_has_to_be_able_to_read_it() -> None:
    bench = Bench()
    commit = bench.git.commit(BASE, {"x": "1"})
    known = Repository(BASE, name="mine")
    assert await bench.remotes.digest(base(commit), job(known)) == commit
    await bench.remotes.digest(base(commit), job(known))
    assert bench.git.requests["tree"] == 1
    bench.git.hidden_from = {""}
    with pytest.raises(RepositoryError, match="401"):
        await bench.remotes.digest(base(commit), job())
    assert await bench.remotes.digest(base(commit), job(known)) == commit


async def test_a_source_may_have_logins_passed_on() -> None:
    bench = Bench()
    helm = ApplicationSourceHelm(pass_credentials=True)
    await bench.remotes.digest(CHART, job(helm=helm))
    assert [asker.pass_credentials for asker in bench.charts.askers] == [True]


async def test_a_file_is_asked_for_with_what_is_known_of_it() -> None:
    bench = Bench()
    first = await bench.remotes.fetch(FILE, job())
    entry = first.tree.read(["content"])["content"]
    assert entry is not None
    assert entry.data == b"a: 1"
    assert await bench.remotes.digest(FILE, job()) == first.digest
    assert [etag for _, etag in bench.files.asked] == [""]
    await bench.clock.advance(101)
    assert await bench.remotes.digest(FILE, job()) == first.digest
    bench.files.data = b"a: 2"
    assert await bench.remotes.digest(FILE, job(), fresh=True) != first.digest
    etag = b"a: 1".hex()
    assert [known for _, known in bench.files.asked] == ["", etag, etag]


async def test_what_one_project_may_read_nearby_is_not_read_for_another() -> None:
    bench = Bench()
    near = Repository("https://files.example.com/repo")
    await bench.remotes.digest(FILE, job(near))
    await bench.remotes.digest(FILE, job())
    assert [file.near for file, _ in bench.files.asked] == [True, False]


async def test_a_file_that_cannot_be_read_is_an_error() -> None:
    bench = Bench()
    bench.files.down = True
    with pytest.raises(RepositoryUnreachableError):
        await bench.remotes.digest(FILE, job())


@pytest.mark.parametrize("remote", [base(), CHART])
async def test_what_the_project_does_not_permit_is_not_contacted(remote: Remote) -> None:
    bench = Bench()
    for patterns in ((), ("https://else.example.com/*",)):
        with pytest.raises(RenderError, match="not permitted in project 'team'"):
            await bench.remotes.digest(remote, job(source_repos=patterns))
        with pytest.raises(RenderError, match="not permitted in project 'team'"):
            await bench.remotes.fetch(remote, job(source_repos=patterns))
    assert bench.git.requests == {}
    assert bench.charts.askers == []


async def test_files_are_held_within_bounds() -> None:
    bench = Bench()
    bench.files.data = b"x" * (9 << 20)
    for number in range(8):
        remote = Remote(RemoteKind.FILE, f"https://files.example.com/{number}")
        await bench.remotes.digest(remote, job())
    assert len(bench.remotes._files) == 7
