"""A repository or cluster that hangs costs the others a moment, however many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tiphys.controllers.workers import Workers
from tiphys.services.turns.whereabouts import waiting_for

MOMENT = 0.02


class Repositories:
    """Keys are `<repository>/<n>`; those of `hanging` repositories wait until they are told."""

    def __init__(self, *hanging: str, slots: int = 4) -> None:
        self.hanging = set(hanging)
        self.answered = asyncio.Event()
        self.begun: list[str] = []
        self.done: list[str] = []
        self.present: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.slots = slots
        self.workers = Workers(
            self._step,
            slots=lambda: self.slots,
            groups=lambda key: (key.partition("/")[0], "cluster"),
            moment=MOMENT,
        )

    async def _step(self, key: str) -> None:
        repository = key.partition("/")[0]
        self.begun.append(key)
        self.present[repository] = self.present.get(repository, 0) + 1
        self.most[repository] = max(self.most.get(repository, 0), self.present[repository])
        with waiting_for(repository):
            if repository in self.hanging:
                await self.answered.wait()
        with waiting_for("cluster"):
            await asyncio.sleep(0)
        self.present[repository] -= 1
        self.done.append(key)
        self.workers.queue.done(key)

    def add(self, repository: str, count: int) -> None:
        for number in range(count):
            self.workers.queue.add(f"{repository}/{number}")

    def finished(self, repository: str) -> int:
        return sum(key.startswith(f"{repository}/") for key in self.done)


@asynccontextmanager
async def running(repositories: Repositories) -> AsyncIterator[Repositories]:
    task = asyncio.create_task(repositories.workers.run())
    try:
        yield repositories
    finally:
        task.cancel()
        await repositories.workers.close()


async def wait_for(repositories: Repositories, repository: str, count: int) -> None:
    deadline = asyncio.get_running_loop().time() + 5.0
    while repositories.finished(repository) < count:
        assert asyncio.get_running_loop().time() < deadline, repositories.done
        await asyncio.sleep(0.001)


async def test_no_more_are_worked_on_than_there_are_slots() -> None:
    async with running(Repositories("slow", slots=3)) as here:
        here.workers.moment = 60.0
        here.add("slow", 10)
        await asyncio.sleep(0.05)
        assert len(here.begun) == 3
        here.answered.set()
        await wait_for(here, "slow", 10)
        assert here.most["slow"] == 3


async def test_a_hanging_repository_does_not_keep_others_waiting() -> None:
    async with running(Repositories("bad")) as here:
        here.add("bad", 200)
        here.add("good", 50)
        await wait_for(here, "good", 50)
        # Those that began before it was known to hang, and no more.
        assert here.finished("bad") == 0
        assert len([key for key in here.begun if key.startswith("bad")]) <= 4
        here.add("good", 50)
        await wait_for(here, "good", 100)


async def test_several_hanging_repositories_do_not_either() -> None:
    bad = [f"bad{number}" for number in range(10)]
    async with running(Repositories(*bad)) as here:
        for repository in bad:
            here.add(repository, 20)
        here.add("good", 20)
        await wait_for(here, "good", 20)
        assert sum(here.most.get(repository, 0) for repository in bad) <= 40


async def test_what_hung_is_done_when_it_answers_again() -> None:
    async with running(Repositories("bad")) as here:
        here.add("bad", 50)
        await asyncio.sleep(5 * MOMENT)
        assert here.most["bad"] <= 4
        here.answered.set()
        await wait_for(here, "bad", 50)
        assert sorted(set(here.done)) == sorted(here.done)


async def test_what_all_share_is_not_suspected_for_what_one_repository_does() -> None:
    async with running(Repositories("bad")) as here:
        here.add("bad", 4)
        await asyncio.sleep(5 * MOMENT)
        here.add("good", 30)
        await wait_for(here, "good", 30)
        assert here.most["good"] > 2


async def test_one_that_has_much_to_do_is_no_reason_for_suspicion() -> None:
    worked: list[str] = []
    busy = asyncio.Event()

    async def step(key: str) -> None:
        if key == "large":
            await busy.wait()
        worked.append(key)
        workers.queue.done(key)

    workers = Workers(step, slots=lambda: 1, groups=lambda _key: ("one",), moment=MOMENT)
    task = asyncio.create_task(workers.run())
    workers.queue.add("large")
    for number in range(20):
        workers.queue.add(f"small-{number}")
    deadline = asyncio.get_running_loop().time() + 5.0
    while len(worked) < 20:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.001)
    assert "large" not in worked
    task.cancel()
    await workers.close()


async def test_slots_are_read_anew() -> None:
    async with running(Repositories("slow", slots=1)) as here:
        here.workers.moment = 60.0
        here.add("slow", 3)
        await asyncio.sleep(0.02)
        assert len(here.begun) == 1
        here.slots = 3
        here.answered.set()
        await wait_for(here, "slow", 3)


async def test_work_may_wait_for_one_repository_twice_at_once() -> None:
    """Two sources of an application may be in one repository."""
    started, done = asyncio.Event(), asyncio.Event()

    async def source(*, slow: bool) -> None:
        with waiting_for("bad"):
            if slow:
                await started.wait()

    async def step(key: str) -> None:
        await asyncio.gather(source(slow=key == "slow"), source(slow=False))
        workers.queue.done(key)
        done.set()

    workers = Workers(step, slots=lambda: 1, groups=lambda _key: ("bad",), moment=MOMENT)
    task = asyncio.create_task(workers.run())
    try:
        workers.queue.add("slow")
        await asyncio.sleep(MOMENT * 3)
        # The one that came through at once proves nothing of the other.
        assert workers._suspected == {"bad"}
        started.set()
        await done.wait()
        done.clear()
        workers.queue.add("quick")
        await done.wait()
        assert workers._suspected == set()
    finally:
        task.cancel()
        await workers.close()
