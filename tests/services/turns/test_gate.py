"""Slow ones give their place back; of one group only so many are inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tiphys.services.turns.gate import FairGate


class Crowd:
    """Those who go through a gate; each stays until it is told to leave."""

    def __init__(self, limit: int, share: int, slow_after: float = 60.0) -> None:
        self.gate = FairGate(lambda: limit, share=lambda: share, slow_after=slow_after)
        self.inside: list[str] = []
        self._leave: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """`a1` is of group a."""
        for name in names:
            self._leave[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._stay(name))
        await self.settle()

    async def go(self, *names: str) -> None:
        for name in names:
            self._leave[name].set()
        await self.settle()

    async def cancel(self, *names: str) -> None:
        for name in names:
            self._tasks[name].cancel()
        await self.settle()

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def _stay(self, name: str) -> None:
        async with self.gate.turn(name[0]):
            self.inside.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)


async def until(holds: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + 5.0
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


async def test_as_many_are_inside_as_there_are_places() -> None:
    crowd = Crowd(limit=2, share=2)
    await crowd.come("a1", "b1", "c1")
    assert crowd.inside == ["a1", "b1"]
    await crowd.go("a1")
    assert crowd.inside == ["b1", "c1"]
    await crowd.close()


async def test_one_group_never_takes_all_places() -> None:
    crowd = Crowd(limit=4, share=2)
    await crowd.come("a1", "a2", "a3", "a4", "b1")
    assert crowd.inside == ["a1", "a2", "b1"]
    await crowd.go("a1")
    assert crowd.inside == ["a2", "b1", "a3"]
    await crowd.close()


async def test_groups_take_turns() -> None:
    crowd = Crowd(limit=1, share=1)
    await crowd.come("a1", "a2", "a3", "b1")
    order = []
    for _ in range(4):
        order.extend(crowd.inside)
        await crowd.go(*crowd.inside)
    assert order == ["a1", "a2", "b1", "a3"]
    await crowd.close()


async def test_a_slow_one_gives_its_place_back_but_still_counts_for_its_group() -> None:
    crowd = Crowd(limit=2, share=2, slow_after=0.01)
    await crowd.come("a1", "a2", "a3", "b1", "c1")
    await until(lambda: {"b1", "c1"} <= set(crowd.inside))
    assert "a3" not in crowd.inside
    await crowd.go("a1")
    await until(lambda: "a3" in crowd.inside)
    await crowd.close()


async def test_a_slow_one_that_ends_gives_back_one_place_not_two() -> None:
    crowd = Crowd(limit=1, share=9, slow_after=0.05)
    await crowd.come("a1")
    await asyncio.sleep(0.1)
    crowd.gate._slow_after = 60.0
    await crowd.come("b1", "c1")
    assert crowd.inside == ["a1", "b1"]
    await crowd.go("a1")
    assert crowd.inside == ["b1"]
    await crowd.close()


async def test_who_gives_up_waiting_takes_nothing_with_them() -> None:
    crowd = Crowd(limit=1, share=1)
    await crowd.come("a1", "a2", "b1")
    await crowd.cancel("a2")
    await crowd.go("a1")
    assert crowd.inside == ["b1"]
    await crowd.go("b1")
    await crowd.come("a3")
    assert crowd.inside == ["a3"]
    await crowd.close()


async def test_who_is_let_in_and_gives_up_at_that_moment_leaves_the_place() -> None:
    crowd = Crowd(limit=1, share=1)
    await crowd.come("a1", "b1", "c1")
    crowd._leave["a1"].set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await crowd.cancel("b1")
    assert crowd.inside == ["c1"]
    await crowd.close()


async def test_what_fails_inside_leaves_its_place() -> None:
    gate = FairGate(lambda: 1, share=lambda: 1)
    with pytest.raises(ValueError, match="inside"):
        async with gate.turn("a"):
            raise ValueError("inside")
    async with asyncio.timeout(1), gate.turn("a"):
        pass
