"""A lane of engine processes: started when needed, kept for the next request, none at rest."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from tiphys.adapters.engine.binary import EngineLimits
from tiphys.adapters.engine.process import Answerer, EngineProcess, Reply

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LaneOptions:
    """`size` is the most processes at once; `idle_seconds` how long one waits for more work.

    `request_log` is a file that gets one JSON line per request; unset, TIPHYS_ENGINE_LOG names it.
    """

    size: int = 0
    idle_seconds: float = 60.0
    limits: EngineLimits = field(default_factory=EngineLimits)
    request_log: Path | None = None

    def processes(self) -> int:
        return self.size or os.cpu_count() or 1


class Lane:
    """Belongs to one event loop."""

    def __init__(self, binary: Path, options: LaneOptions) -> None:
        self._binary = binary
        self._options = options
        self._slots = asyncio.Semaphore(options.processes())
        self._idle: list[tuple[float, EngineProcess]] = []
        self._reaper: asyncio.Task[None] | None = None
        self._said = False
        self._closed = False
        self.started = 0

    @property
    def processes(self) -> tuple[EngineProcess, ...]:
        """Processes that wait for work."""
        return tuple(process for _, process in self._idle)

    @property
    def idle(self) -> tuple[int, ...]:
        """Process ids that wait for work."""
        return tuple(process.pid for _, process in self._idle)

    async def exchange(
        self, header: Mapping[str, Any], body: bytes, answer: Answerer | None, *, seconds: float
    ) -> Reply:
        """Runs one request in a process of its own for as long as it takes."""
        async with self._slots:
            process = await self._take()
            try:
                return await process.exchange(header, body, answer, seconds=seconds)
            finally:
                if process.alive and not self._closed:
                    self._keep(process)
                elif process.alive:
                    await process.close()
                else:
                    await process.kill()

    async def close(self) -> None:
        """Ends every process that waits; running ones end after their requests."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        idle, self._idle = self._idle, []
        for _, process in idle:
            await process.close()

    async def _take(self) -> EngineProcess:
        # One turn of the loop, so that a process that died at rest is seen as dead.
        await asyncio.sleep(0)
        while self._idle:
            # The last one first, so that those beyond the need grow old.
            _, process = self._idle.pop()
            if process.alive:
                return process
            await process.kill()
        environment = self._options.limits.environment(self._options.request_log)
        process = await EngineProcess.start(self._binary, environment, limits=self._options.limits)
        self.started += 1
        if process.hello.missing and not self._said:
            self._said = True
            _log.warning(
                "the kernel cannot confine the engine fully", missing=process.hello.missing
            )
        return process

    def _keep(self, process: EngineProcess) -> None:
        self._idle.append((asyncio.get_running_loop().time(), process))
        if self._reaper is None or self._reaper.done():
            self._reaper = asyncio.create_task(self._reap(), name="engine-reaper")

    async def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        while self._idle:
            oldest, process = self._idle[0]
            wait = oldest + self._options.idle_seconds - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            self._idle.pop(0)
            await process.close()
