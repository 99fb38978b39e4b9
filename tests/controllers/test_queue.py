import asyncio

from tiphys.controllers.queue import KeyedQueue


async def test_keys_come_in_order_and_once() -> None:
    queue = KeyedQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_is_never_worked_on_twice_at_once() -> None:
    queue = KeyedQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_low_priority_waits_for_all_others() -> None:
    queue = KeyedQueue()
    queue.add("low", low=True)
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["b", "low"]


async def test_a_low_priority_key_is_brought_forward() -> None:
    queue = KeyedQueue()
    queue.add("a", low=True)
    queue.add("b", low=True)
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["b", "a"]


async def test_priority_of_a_key_that_comes_back_is_the_highest_asked() -> None:
    queue = KeyedQueue()
    queue.add("a")
    await queue.get()
    queue.add("a", low=True)
    queue.add("a")
    queue.done("a")
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["a", "b"]


async def test_delayed_keys_come_when_due_and_the_shorter_delay_wins() -> None:
    queue = KeyedQueue()
    queue.add("a", after=60)
    queue.add("a", after=0.01)
    queue.add("a", after=30)
    assert await asyncio.wait_for(queue.get(), 1) == "a"


async def test_an_immediate_add_replaces_the_delayed_one() -> None:
    queue = KeyedQueue()
    queue.add("a", after=0.01)
    queue.add("a")
    assert await queue.get() == "a"
    queue.done("a")
    await asyncio.sleep(0.03)
    assert len(queue) == 0


async def test_forgotten_keys_do_not_come() -> None:
    queue = KeyedQueue()
    queue.add("a")
    queue.add("b", low=True)
    queue.add("c", after=0.01)
    for key in "abc":
        queue.forget(key)
    await asyncio.sleep(0.03)
    assert len(queue) == 0


async def test_closing_ends_the_timers() -> None:
    queue = KeyedQueue()
    queue.add("a", after=0.01)
    queue.close()
    await asyncio.sleep(0.03)
    assert len(queue) == 0
