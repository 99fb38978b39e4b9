"""The ref watcher: how often Git is asked, who is told, and what an old answer is good for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.git import FakeGit, FakeTree
from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
)
from tiphys.model.repository import Asked, Place, Repository
from tiphys.services.sources.refs import PollTiming, RefWatcher
from tiphys.services.sources.upstream import UpstreamByKind

URL, OTHER = "https://git.example.com/web", "https://git.example.com/api"
WEB, API = Place(Repository(URL)), Place(Repository(OTHER))


class Bench:
    def __init__(self) -> None:
        self.git = FakeGit()
        self.clock = FakeClock()
        self.first = self.git.commit(URL, {"a": "1"})
        self.git.commit(OTHER, {"a": "1"})
        self.told: list[tuple[str, Mapping[str, str]]] = []
        self.watcher = RefWatcher(
            UpstreamByKind(self.git),
            PollTiming(interval=120, jitter=60),
            clock=self.clock,
            sleep=self.clock.sleep,
            uniform=lambda low, high: high,
        )
        self.watcher.listen(self._hear)

    def _hear(self, place: Place, moved: Mapping[Asked, str]) -> None:
        named = {asked.revision: revision for asked, revision in moved.items()}
        self.told.append((place.repository.url, named))

    async def resolve(self, revision: str, *, fresh: bool = False) -> str:
        return await self.watcher.resolve(WEB, Asked(revision), fresh=fresh)

    @property
    def listings(self) -> int:
        return self.git.requests["ls-remote"]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.watcher.aclose()


async def test_many_askers_share_one_listing(bench: Bench) -> None:
    asked = [bench.resolve(name) for name in ("main", "HEAD", "") * 100]
    assert set(await asyncio.gather(*asked)) == {bench.first}
    assert bench.listings == 1


async def test_many_who_want_it_fresh_share_one_listing(bench: Bench) -> None:
    await bench.resolve("main")
    asked = [bench.resolve("main", fresh=True) for _ in range(100)]
    await asyncio.gather(*asked)
    assert bench.listings == 2


async def test_a_whole_commit_asks_nobody(bench: Bench) -> None:
    assert await bench.resolve("A" * 40, fresh=True) == "A" * 40
    assert bench.listings == 0


async def test_a_young_answer_is_good_and_an_old_one_is_not(bench: Bench) -> None:
    await bench.resolve("main")
    await bench.clock.advance(180)
    await bench.resolve("main")
    assert bench.listings == 1
    await bench.clock.advance(1)
    await bench.resolve("main")
    assert bench.listings == 2


async def test_a_revision_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(RevisionNotFoundError, match="unable to resolve 'gone' to a commit SHA"):
        await bench.resolve("gone")
    assert await bench.resolve("abcdef1") == "abcdef1"


async def test_one_poll_a_repository_whoever_watches(bench: Bench) -> None:
    for _ in range(50):
        bench.watcher.watch(WEB)
        await bench.resolve("main")
    assert bench.listings == 1
    await bench.clock.advance(180)
    assert bench.listings == 2
    await bench.clock.advance(180 * 3)
    assert bench.listings == 5
    assert bench.told == []


async def test_a_listing_by_an_asker_puts_the_poll_off(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    await bench.clock.advance(100)
    await bench.resolve("main", fresh=True)
    await bench.clock.advance(179)
    assert bench.listings == 1
    await bench.clock.advance(1)
    assert bench.listings == 2


async def test_a_moved_ref_is_told_to_who_listens(bench: Bench) -> None:
    bench.git.point(URL, "refs/heads/quiet", bench.first)
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    await bench.resolve("")
    await bench.resolve("quiet")
    second = bench.git.commit(URL, {"a": "2"})
    await bench.clock.advance(180)
    assert bench.told == [(URL, {"main": second, "": second})]
    assert await bench.resolve("main") == second
    await bench.clock.advance(180)
    assert len(bench.told) == 1


async def test_a_ref_that_nobody_asked_for_is_nobody_s_news(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    bench.git.point(URL, "refs/heads/other", "b" * 40)
    await bench.clock.advance(180)
    assert bench.told == []


async def test_a_ref_that_appears_and_goes(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    with pytest.raises(RevisionNotFoundError):
        await bench.resolve("v1.x")
    bench.git.point(URL, "refs/tags/v1.2", bench.first)
    await bench.clock.advance(180)
    bench.git.delete(URL, "refs/tags/v1.2")
    await bench.clock.advance(180)
    assert bench.told == [(URL, {"v1.x": bench.first}), (URL, {"v1.x": ""})]


async def test_reachability_is_told_when_it_changes(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    bench.git.failure = RepositoryUnreachableError("failed to list refs: down", url=URL)
    await bench.clock.advance(180)
    assert bench.told == [(URL, {})]
    assert bench.watcher.problem(WEB) is bench.git.failure
    await bench.clock.advance(180)
    assert len(bench.told) == 1
    bench.git.failure = None
    second = bench.git.commit(URL, {"a": "2"})
    await bench.clock.advance(180)
    assert bench.told[1:] == [(URL, {}), (URL, {"main": second})]
    assert bench.watcher.problem(WEB) is None


async def test_a_failure_is_shared_and_remembered_for_a_while(bench: Bench) -> None:
    bench.git.failure = RepositoryUnreachableError("failed to list refs: down", url=URL)
    asked = [bench.resolve("main") for _ in range(50)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert set(results) == {bench.git.failure}
    await bench.clock.advance(9)
    with pytest.raises(RepositoryUnreachableError):
        await bench.resolve("main")
    assert bench.listings == 1
    bench.git.failure = None
    assert await bench.resolve("main", fresh=True) == bench.first
    assert bench.listings == 2


async def test_a_fresh_answer_is_never_an_old_one(bench: Bench) -> None:
    await bench.resolve("main")
    bench.git.failure = RepositoryUnreachableError("failed to list refs: down", url=URL)
    with pytest.raises(RepositoryUnreachableError):
        await bench.resolve("main", fresh=True)
    assert await bench.resolve("main") == bench.first


async def test_a_poke_lists_at_once(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    second = bench.git.commit(URL, {"a": "2"})
    bench.watcher.poke(URL)
    bench.watcher.poke(OTHER)
    await settle()
    assert bench.told == [(URL, {"main": second})]
    assert bench.listings == 2


async def test_the_last_who_stops_watching_ends_the_poll(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    bench.watcher.unwatch(WEB)
    await bench.clock.advance(180)
    assert bench.listings == 2
    bench.watcher.unwatch(WEB)
    await bench.clock.advance(1_000)
    assert bench.listings == 2


async def test_what_nobody_asked_for_is_not_contacted(bench: Bench) -> None:
    """An Application alone makes nobody call its repository: its project may not permit it."""
    bench.watcher.watch(WEB)
    await bench.clock.advance(1_000)
    bench.watcher.poke(URL)
    await bench.clock.advance(1)
    assert bench.listings == 0
    await bench.resolve("main")
    await bench.clock.advance(180)
    assert bench.listings == 2


async def test_closing_ends_all_polls(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    bench.watcher.watch(API)
    await bench.watcher.aclose()
    await bench.clock.advance(1_000)
    assert bench.listings == 0


async def test_a_cancelled_asker_leaves_the_others_their_answer(bench: Bench) -> None:
    first = asyncio.create_task(bench.resolve("main"))
    second = asyncio.create_task(bench.resolve("main"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == bench.first
    assert bench.listings == 1


async def test_a_fault_in_one_listing_does_not_end_the_poll(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    bench.git.fault = RuntimeError("a fault")
    await bench.clock.advance(180)
    bench.git.fault = None
    second = bench.git.commit(URL, {"a": "2"})
    await bench.clock.advance(360)
    assert bench.told == [(URL, {"main": second})]


async def test_another_timing_counts_at_once(bench: Bench) -> None:
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    await bench.clock.advance(181)
    assert bench.listings == 2
    bench.watcher.retime(PollTiming(interval=10, jitter=0))
    await bench.clock.advance(11)
    assert bench.listings == 3
    bench.watcher.retime(PollTiming(interval=1000, jitter=0))
    await bench.clock.advance(500)
    assert bench.listings == 3


async def test_without_an_interval_nothing_is_polled(bench: Bench) -> None:
    bench.watcher.retime(PollTiming(interval=0, jitter=60))
    bench.watcher.watch(WEB)
    await bench.resolve("main")
    await bench.clock.advance(5000)
    assert bench.listings == 1
    bench.watcher.poke(URL)
    await bench.clock.advance(1)
    assert bench.listings == 2


CHART = Place(Repository("https://charts.example.com"), "web")


class FakeCharts:
    """Versions of one chart, and which credentials asked."""

    def __init__(self) -> None:
        self.offered: tuple[str, ...] | None = ("1.0.0", "1.1.0")
        self.askers: list[Repository] = []
        self.refused: set[str] = set()

    async def versions(self, repository: Repository, chart: str) -> Sequence[str] | None:
        self.askers.append(repository)
        assert chart == "web"
        if repository.name in self.refused:
            raise RepositoryError("401", url=repository.url)
        return self.offered

    async def tree(self, repository: Repository, chart: str, version: str) -> FakeTree:
        return FakeTree(f"{chart} {version}", {})


class FakeArtifacts:
    def __init__(self, digests: Mapping[str, str]) -> None:
        self.digests = dict(digests)
        self.asked: list[str] = []

    async def tags(self, repository: Repository) -> Sequence[str]:
        self.asked.append("tags")
        return sorted(self.digests)

    async def digest(self, repository: Repository, reference: str) -> str | None:
        self.asked.append(reference)
        return self.digests.get(reference)

    async def tree(
        self, repository: Repository, digest: str, media_types: Collection[str]
    ) -> FakeTree:
        return FakeTree(digest, {})


class Registries(Bench):
    def __init__(self, digests: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.charts = FakeCharts()
        self.artifacts = FakeArtifacts(digests or {})
        self.watcher = RefWatcher(
            UpstreamByKind(self.git, self.charts, self.artifacts),
            PollTiming(interval=120, jitter=0),
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        self.watcher.listen(self._hear)


async def test_a_chart_is_listed_once_for_all_ranges_and_told_when_one_moves() -> None:
    bench = Registries()
    bench.watcher.watch(CHART)
    assert await bench.watcher.resolve(CHART, Asked("1.x")) == "1.1.0"
    assert await bench.watcher.resolve(CHART, Asked("")) == "1.1.0"
    assert await bench.watcher.resolve(CHART, Asked("7.7.7"), fresh=True) == "7.7.7"
    assert len(bench.charts.askers) == 1
    bench.charts.offered = ("1.0.0", "1.1.0", "1.2.0", "2.0.0")
    await bench.clock.advance(120)
    assert bench.told == [(CHART.repository.url, {"1.x": "1.2.0", "": "2.0.0"})]
    await bench.watcher.aclose()


async def test_two_charts_of_a_repository_are_two_places() -> None:
    bench = Registries()
    other = Place(CHART.repository)
    bench.watcher.watch(CHART)
    bench.watcher.watch(other)
    await bench.watcher.resolve(CHART, Asked("1.x"))
    bench.watcher.poke("https://Charts.example.com")
    await settle()
    assert len(bench.charts.askers) == 2
    assert bench.git.requests["ls-remote"] == 0
    await bench.watcher.aclose()


async def test_a_registry_is_asked_for_what_is_followed_and_no_more() -> None:
    bench = Registries({"v1": "sha256:one", "1.4.0_b1": "sha256:two"})
    place = Place(Repository("oci://registry.example.com/web"))
    bench.watcher.watch(place)
    assert await bench.watcher.resolve(place, Asked("v1")) == "sha256:one"
    assert bench.artifacts.asked == ["v1"]
    assert await bench.watcher.resolve(place, Asked("^1.4")) == "sha256:two"
    assert bench.artifacts.asked == ["v1", "tags", "1.4.0_b1", "v1"]
    assert await bench.watcher.resolve(place, Asked("v1")) == "sha256:one"
    bench.artifacts.digests["v1"] = "sha256:three"
    await bench.clock.advance(120)
    assert bench.told == [(place.repository.url, {"v1": "sha256:three"})]
    with pytest.raises(RevisionNotFoundError, match='resolve revision "v9": cannot get digest'):
        await bench.watcher.resolve(place, Asked("v9"))
    await bench.watcher.aclose()


async def test_what_was_asked_of_a_registry_long_ago_is_let_go() -> None:
    bench = Registries({f"t{number}": f"sha256:{number}" for number in range(120)})
    place = Place(Repository("oci://registry.example.com/web"))
    for number in range(120):
        await bench.watcher.resolve(place, Asked(f"t{number}"))
    bench.artifacts.asked.clear()
    await bench.watcher.resolve(place, Asked("t119"), fresh=True)
    assert len(bench.artifacts.asked) == 100
    assert await bench.watcher.resolve(place, Asked("t0")) == "sha256:0"
    await bench.watcher.aclose()


async def test_new_credentials_replace_the_old_ones_and_move_nothing() -> None:
    bench = Registries()
    bench.charts.refused = {"bad"}
    url = CHART.repository.url
    bad, good = (Place(Repository(url, name=name), "web") for name in ("bad", "good"))
    bench.watcher.watch(bad)
    with pytest.raises(RepositoryError, match="401"):
        await bench.watcher.resolve(bad, Asked("1.x"))
    assert bench.watcher.problem(bad) is not None
    assert bench.watcher.problem(good) is None
    assert await bench.watcher.resolve(good, Asked("1.x")) == "1.1.0"
    assert bench.watcher.problem(bad) is None
    await bench.clock.advance(120)
    assert [asker.name for asker in bench.charts.askers] == ["bad", "good", "good"]
    assert bench.told == [(url, {}), (url, {})]
    bench.watcher.unwatch(good)
    await bench.clock.advance(1000)
    assert len(bench.charts.askers) == 3
    await bench.watcher.aclose()


async def test_a_place_that_is_one_project_s_is_its_own() -> None:
    bench = Registries()
    url = CHART.repository.url
    for project in ("", "team"):
        place = Place(Repository(url, project=project), "web")
        assert await bench.watcher.resolve(place, Asked("1.x")) == "1.1.0"
    assert [asker.project for asker in bench.charts.askers] == ["", "team"]
