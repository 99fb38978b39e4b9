"""The parts of a pass, as its last log line has them."""

from __future__ import annotations

import asyncio

from tiphys.services.reconcile.stopwatch import stopwatch, timed


async def test_parts_add_up_within_their_pass_alone() -> None:
    async def one(pause: float) -> dict[str, int]:
        with stopwatch() as watch:
            for _ in range(2):
                with timed("git"):
                    await asyncio.sleep(pause)
            return watch.fields()

    with timed("nobody measures"):
        short, long = await asyncio.gather(one(0.0), one(0.03))
    assert short.keys() == long.keys() == {"git_ms", "time_ms"}
    assert 55 <= long["git_ms"] <= long["time_ms"]
    assert short["git_ms"] < long["git_ms"]
