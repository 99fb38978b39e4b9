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


async def test_keys_of_a_held_group_are_put_aside_and_come_first_when_it_is_released() -> None:
    held = {"a"}
    queue = KeyedQueue(lambda key: key[0] if key[0] in held else "")
    for key in ("a1", "a2", "b1", "b2"):
        queue.add(key)
    assert await queue.get() == "b1"
    assert len(queue) == 3
    held.clear()
    queue.release("a")
    assert [await queue.get() for _ in range(3)] == ["a1", "a2", "b2"]


async def test_a_release_wakes_who_waits() -> None:
    held = {"a"}
    queue = KeyedQueue(lambda key: key if key in held else "")
    queue.add("a")
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not getting.done()
    held.clear()
    queue.release("a")
    assert await getting == "a"


async def test_a_key_put_aside_is_there_once_keeps_its_priority_and_can_be_forgotten() -> None:
    held = {"a", "c"}
    queue = KeyedQueue(lambda key: key[0] if key[0] in held else "")
    for key in ("a1", "a2", "c1"):
        queue.add(key, low=True)
    queue.add("b1")
    assert await queue.get() == "b1"
    queue.add("b2", low=True)
    assert await queue.get() == "b2"
    queue.add("a1")
    queue.add("a2", low=True)
    queue.forget("c1")
    queue.add("b3")
    held.clear()
    queue.release("a")
    queue.release("c")
    assert [await queue.get() for _ in range(3)] == ["a1", "b3", "a2"]
    assert len(queue) == 0
