"""What waits for a slow reader of logs is bounded, by lines and by their length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import pytest

from tiphys.model.resource import ResourceKey
from tiphys.services.pods.logs import merged
from tiphys.services.pods.ports import LogRequest


class Talkative:
    """Pods that say lines of one length without end."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.said = 0

    async def log(self, namespace: str, name: str, request: LogRequest) -> AsyncIterator[bytes]:
        while True:
            self.said += 1
            yield b"2026-01-02T03:04:05.000000000Z " + b"x" * self.length
            await asyncio.sleep(0)


@pytest.mark.parametrize(("length", "most"), [(10, 1_010), (300_000, 15)])
async def test_nobody_keeps_all_for_a_slow_reader(length: int, most: int) -> None:
    pods = Talkative(length)
    chosen = [ResourceKey("", "Pod", "demo", "one")]
    async with aclosing(merged(chosen, cast(Any, pods), LogRequest())) as lines:
        assert (await anext(lines)).pod == "one"
        for _ in range(3_000):
            await asyncio.sleep(0)
        assert pods.said <= most
        # And it goes on where it is read.
        before = pods.said
        for _ in range(before + 5):
            await anext(lines)
        assert pods.said > before
