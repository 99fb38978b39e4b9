"""What is kept of questions: their answers for a while, and nothing of those that failed."""

from __future__ import annotations

import asyncio

import pytest

from tiphys.adapters.tokens.kept import Kept


async def test_who_asks_meanwhile_shares_the_question() -> None:
    kept, asked = Kept[str](lambda: 0.0), 0

    async def ask() -> tuple[str, float]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return "token", 3600.0

    assert await asyncio.gather(*(kept.get("key", ask) for _ in range(5))) == ["token"] * 5
    assert asked == 1


async def test_questions_that_fail_leave_nothing_behind() -> None:
    kept = Kept[str](lambda: 0.0)

    async def ask() -> tuple[str, float]:
        raise ValueError

    for key in range(20):
        with pytest.raises(ValueError):  # noqa: PT011
            await kept.get(key, ask)
    assert len(kept) == 0
