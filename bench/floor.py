"""The floor: a bare client that makes the same writes, over as many connections.

It knows everything beforehand: no Git, no rendering, no comparison, no waiting for anything. What
lies above it is ours.
"""

from __future__ import annotations

import asyncio
import ssl
import time
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

        async def work() -> None:
            for write in pending:
                async with session.request(
                    write.method,
                    write.path,
                    data=orjson.dumps(write.body),
                    headers={"Content-Type": write.media},
                ) as answer:
                    await answer.read()
                    if answer.status >= 400:
                        raise RuntimeError(f"{write.method} {write.path}: {answer.status}")

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        return time.perf_counter() - start


def replay(server: str, ca_file: Path, token: str, writes: Sequence[Write]) -> float:
    """Seconds for all writes."""
    return asyncio.run(_replay(server, ca_file, token, writes))
