from __future__ import annotations

from tiphys.adapters.cache.entries import MemoryEntries


async def test_an_entry_ends_with_its_time() -> None:
    now = [0.0]
    entries = MemoryEntries(clock=lambda: now[0])
    await entries.put("a", b"1", seconds=10)
    assert await entries.get("a") == b"1"
    now[0] = 10
    assert await entries.get("a") is None


async def test_an_entry_is_dropped_and_written_over() -> None:
    entries = MemoryEntries()
    await entries.put("a", b"1", seconds=10)
    await entries.put("a", b"2", seconds=10)
    assert await entries.get("a") == b"2"
    await entries.drop("a")
    await entries.drop("a")
    assert await entries.get("a") is None


async def test_those_that_end_first_make_room() -> None:
    entries = MemoryEntries(most=10)
    for at in range(20):
        await entries.put(str(at), b"x", seconds=100 - at)
    left = [at for at in range(20) if await entries.get(str(at))]
    assert len(left) <= 10
    assert 0 in left
    assert 18 not in left
