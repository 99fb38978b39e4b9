"""The ref watcher: how often Git is asked, who is told, and what an old answer is good for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.git import FakeGit
from tiphys.model.errors import RepositoryUnreachableError, RevisionNotFoundError
from tiphys.services.sources.refs import PollTiming, RefWatcher

URL, OTHER = "https://git.example.com/web", "https://git.example.com/api"


class Bench:
    def __init__(self) -> None:
        self.git = FakeGit()
        self.clock = FakeClock()
        self.first = self.git.commit(URL, {"a": "1"})
        self.git.commit(OTHER, {"a": "1"})
        self.told: list[tuple[str, Mapping[str, str]]] = []
        self.watcher = RefWatcher(
            self.git,
            PollTiming(interval=120, jitter=60),
            clock=self.clock,
            sleep=self.clock.sleep,
            uniform=lambda low, high: high,
        )
        self.watcher.listen(lambda url, moved: self.told.append((url, dict(moved))))

    @property
    def listings(self) -> int:
        return self.git.requests["ls-remote"]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.watcher.aclose()


async def test_many_askers_share_one_listing(bench: Bench) -> None:
    asked = [bench.watcher.resolve(URL, name) for name in ("main", "HEAD", "") * 100]
    assert set(await asyncio.gather(*asked)) == {bench.first}
    assert bench.listings == 1


async def test_many_who_want_it_fresh_share_one_listing(bench: Bench) -> None:
    await bench.watcher.resolve(URL, "main")
    asked = [bench.watcher.resolve(URL, "main", fresh=True) for _ in range(100)]
    await asyncio.gather(*asked)
    assert bench.listings == 2


async def test_a_whole_commit_asks_nobody(bench: Bench) -> None:
    assert await bench.watcher.resolve(URL, "A" * 40, fresh=True) == "A" * 40
    assert bench.listings == 0


async def test_a_young_answer_is_good_and_an_old_one_is_not(bench: Bench) -> None:
    await bench.watcher.resolve(URL, "main")
    await bench.clock.advance(180)
    await bench.watcher.resolve(URL, "main")
    assert bench.listings == 1
    await bench.clock.advance(1)
    await bench.watcher.resolve(URL, "main")
    assert bench.listings == 2


async def test_a_revision_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(RevisionNotFoundError, match="unable to resolve 'gone' to a commit SHA"):
        await bench.watcher.resolve(URL, "gone")
    assert await bench.watcher.resolve(URL, "abcdef1") == "abcdef1"


async def test_one_poll_a_repository_whoever_watches(bench: Bench) -> None:
    for _ in range(50):
        bench.watcher.watch(URL)
        await bench.watcher.resolve(URL, "main")
    assert bench.listings == 1
    await bench.clock.advance(180)
    assert bench.listings == 2
    await bench.clock.advance(180 * 3)
    assert bench.listings == 5
    assert bench.told == []


async def test_a_listing_by_an_asker_puts_the_poll_off(bench: Bench) -> None:
    bench.watcher.watch(URL)
    await bench.clock.advance(100)
    await bench.watcher.resolve(URL, "main", fresh=True)
    await bench.clock.advance(179)
    assert bench.listings == 1
    await bench.clock.advance(1)
    assert bench.listings == 2


async def test_a_moved_ref_is_told_to_who_listens(bench: Bench) -> None:
    bench.git.point(URL, "refs/heads/quiet", bench.first)
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
    await bench.watcher.resolve(URL, "")
    await bench.watcher.resolve(URL, "quiet")
    second = bench.git.commit(URL, {"a": "2"})
    await bench.clock.advance(180)
    assert bench.told == [(URL, {"main": second, "": second})]
    assert await bench.watcher.resolve(URL, "main") == second
    await bench.clock.advance(180)
    assert len(bench.told) == 1


async def test_a_ref_that_nobody_asked_for_is_nobody_s_news(bench: Bench) -> None:
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
    bench.git.point(URL, "refs/heads/other", "b" * 40)
    await bench.clock.advance(180)
    assert bench.told == []


async def test_a_ref_that_appears_and_goes(bench: Bench) -> None:
    bench.watcher.watch(URL)
    with pytest.raises(RevisionNotFoundError):
        await bench.watcher.resolve(URL, "v1.x")
    bench.git.point(URL, "refs/tags/v1.2", bench.first)
    await bench.clock.advance(180)
    bench.git.delete(URL, "refs/tags/v1.2")
    await bench.clock.advance(180)
    assert bench.told == [(URL, {"v1.x": bench.first}), (URL, {"v1.x": ""})]


async def test_reachability_is_told_when_it_changes(bench: Bench) -> None:
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
    bench.git.failure = RepositoryUnreachableError("failed to list refs: down", url=URL)
    await bench.clock.advance(180)
    assert bench.told == [(URL, {})]
    assert bench.watcher.problem(URL) is bench.git.failure
    await bench.clock.advance(180)
    assert len(bench.told) == 1
    bench.git.failure = None
    second = bench.git.commit(URL, {"a": "2"})
    await bench.clock.advance(180)
    assert bench.told[1:] == [(URL, {"main": second})]
    assert bench.watcher.problem(URL) is None


async def test_a_failure_is_shared_and_remembered_for_a_while(bench: Bench) -> None:
    bench.git.failure = RepositoryUnreachableError("failed to list refs: down", url=URL)
    asked = [bench.watcher.resolve(URL, "main") for _ in range(50)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert set(results) == {bench.git.failure}
    await bench.clock.advance(9)
    with pytest.raises(RepositoryUnreachableError):
        await bench.watcher.resolve(URL, "main")
    assert bench.listings == 1
    bench.git.failure = None
    assert await bench.watcher.resolve(URL, "main", fresh=True) == bench.first
    assert bench.listings == 2


async def test_a_fresh_answer_is_never_an_old_one(bench: Bench) -> None:
    await bench.watcher.resolve(URL, "main")
    bench.git.failure = RepositoryUnreachableError("failed to list refs: down", url=URL)
    with pytest.raises(RepositoryUnreachableError):
        await bench.watcher.resolve(URL, "main", fresh=True)
    assert await bench.watcher.resolve(URL, "main") == bench.first


async def test_a_poke_lists_at_once(bench: Bench) -> None:
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
    second = bench.git.commit(URL, {"a": "2"})
    bench.watcher.poke(URL)
    bench.watcher.poke(OTHER)
    await settle()
    assert bench.told == [(URL, {"main": second})]
    assert bench.listings == 2


async def test_the_last_who_stops_watching_ends_the_poll(bench: Bench) -> None:
    bench.watcher.watch(URL)
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
    bench.watcher.unwatch(URL)
    await bench.clock.advance(180)
    assert bench.listings == 2
    bench.watcher.unwatch(URL)
    await bench.clock.advance(1_000)
    assert bench.listings == 2


async def test_what_nobody_asked_for_is_not_contacted(bench: Bench) -> None:
    """An Application alone makes nobody call its repository: its project may not permit it."""
    bench.watcher.watch(URL)
    await bench.clock.advance(1_000)
    bench.watcher.poke(URL)
    await bench.clock.advance(1)
    assert bench.listings == 0
    await bench.watcher.resolve(URL, "main")
    await bench.clock.advance(180)
    assert bench.listings == 2


async def test_closing_ends_all_polls(bench: Bench) -> None:
    bench.watcher.watch(URL)
    bench.watcher.watch(OTHER)
    await bench.watcher.aclose()
    await bench.clock.advance(1_000)
    assert bench.listings == 0


async def test_a_cancelled_asker_leaves_the_others_their_answer(bench: Bench) -> None:
    first = asyncio.create_task(bench.watcher.resolve(URL, "main"))
    second = asyncio.create_task(bench.watcher.resolve(URL, "main"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == bench.first
    assert bench.listings == 1


async def test_a_fault_in_one_listing_does_not_end_the_poll(bench: Bench) -> None:
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
    bench.git.fault = RuntimeError("a fault")
    await bench.clock.advance(180)
    bench.git.fault = None
    second = bench.git.commit(URL, {"a": "2"})
    await bench.clock.advance(360)
    assert bench.told == [(URL, {"main": second})]


async def test_another_timing_counts_at_once(bench: Bench) -> None:
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
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
    bench.watcher.watch(URL)
    await bench.watcher.resolve(URL, "main")
    await bench.clock.advance(5000)
    assert bench.listings == 1
    bench.watcher.poke(URL)
    await bench.clock.advance(1)
    assert bench.listings == 2
