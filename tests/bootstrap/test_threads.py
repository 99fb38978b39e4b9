"""Work that blocks leaves room for other work."""

from __future__ import annotations

import asyncio
from threading import Event

from tiphys.bootstrap.threads import widen_threads


def test_many_that_wait_hold_up_nobody_else() -> None:
    async def crowd() -> str:
        widen_threads(asyncio.get_running_loop())
        over = Event()
        waiting = [asyncio.create_task(asyncio.to_thread(over.wait, 30)) for _ in range(64)]
        try:
            async with asyncio.timeout(10):
                return await asyncio.to_thread(lambda: "done")
        finally:
            over.set()
            await asyncio.gather(*waiting)

    assert asyncio.run(crowd()) == "done"
