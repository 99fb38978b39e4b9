"""The floor: a bare client that makes the same writes, over as many connections.

It knows everything beforehand: no Git, no rendering, no comparison, no waiting for anything. What
lies above it is ours.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

CONNECTIONS = 20


@dataclass(frozen=True)
class Write:
    method: str
    path: str
    body: Any
    media: str = "application/json"


async def _replay(server: str, ca_file: Path, token: str, writes: Sequence[Write]) -> float:
    pending = iter(writes)
    context = ssl.create_default_context(cafile=str(ca_file))
    connector = aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server, connector=connector, headers=headers) as session:
        # Patches of one object come one after the other, as one writer's do.
        turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

        async def work() -> None:
            for write in pending:
                if write.method == "PATCH":
                    async with turns[write.path]:
                        await _send(session, write)
                else:
                    await _send(session, write)

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        return time.perf_counter() - start


async def _send(session: aiohttp.ClientSession, write: Write) -> None:
    async with session.request(
        write.method,
        write.path,
        data=orjson.dumps(write.body),
        headers={"Content-Type": write.media},
    ) as answer:
        await answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{write.method} {write.path}: {answer.status}")


def replay(server: str, ca_file: Path, token: str, writes: Sequence[Write]) -> float:
    """Seconds for all writes."""
    return asyncio.run(_replay(server, ca_file, token, writes))
