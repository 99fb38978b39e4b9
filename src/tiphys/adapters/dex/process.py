"""The program `dex`, kept running with a configuration, and started anew when that changes.

The configuration holds secrets: its file is for us alone, and goes with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog
import yaml

log = structlog.get_logger()

_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 60.0
_GOODBYE: Final = 5.0
_STEADY: Final = 30.0
"""Seconds after which a start counts as a success."""


class DexProcess:
    """`program` and what comes before the name of the file. Runs until it is closed; without a
    configuration nothing is started. `rest` is the first pause after a process that ended.
    """

    def __init__(
        self,
        program: Sequence[str] = ("dex", "serve"),
        *,
        rest: float = _FIRST_REST,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._program = tuple(program)
        self._rest = rest
        self._clock = clock
        self._wanted: Mapping[str, Any] | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def configure(self, configuration: Mapping[str, Any] | None) -> None:
        """What Dex runs with from now on; the same again changes nothing."""
        if configuration == self._wanted:
            return
        self._wanted = configuration
        self._changed.set()
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name="dex")

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self) -> None:
        failures = 0
        while True:
            self._changed.clear()
            if self._wanted is None:
                await self._changed.wait()
                continue
            began = self._now()
            with tempfile.TemporaryDirectory(prefix="tiphys-dex-") as folder:
                ended = await self._run(_written(Path(folder), self._wanted))
            if ended is None:
                failures = 0
                continue
            failures = 0 if self._now() - began >= _STEADY else failures + 1
            pause = min(self._rest * 2.0 ** min(failures, 10), _LONGEST_REST)
            log.warning("Dex ended, and is started again", code=ended, seconds=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), pause)

    async def _run(self, file: Path) -> int | None:
        """How it ended by itself; None where it was stopped for another configuration."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._program, str(file), stdin=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            log.error("Dex cannot be started", program=self._program[0], error=error.strerror)
            return -1
        ended = asyncio.create_task(process.wait())
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({ended, changed}, return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else None
        finally:
            changed.cancel()
            await _stopped(process, ended)

    def _now(self) -> float:
        return self._clock() if self._clock else asyncio.get_running_loop().time()


def _written(folder: Path, configuration: Mapping[str, Any]) -> Path:
    file = folder / "config.yaml"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        yaml.safe_dump(dict(configuration), out, sort_keys=False)
    return file


async def _stopped(process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
    if ended.done():
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(ended), _GOODBYE)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await ended
