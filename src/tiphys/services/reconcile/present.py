"""One attempt of an operation as long as this process is at it, and what it was told meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tiphys.core.app.operation import TIMED_OUT
from tiphys.services.sync.runner import RunningSync


@dataclass(eq=False)
class Attempt:
    """One attempt as long as this process is at it; `running` once it is prepared."""

    task: asyncio.Task[Any] | None
    running: RunningSync | None = None
    terminated: bool = False
    timed_out: bool = False

    def terminate(self) -> None:
        if self.terminated or self.timed_out:
            return
        self.terminated = True
        self.pass_on()

    def time_out(self) -> None:
        if self.terminated or self.timed_out:
            return
        self.timed_out = True
        self.pass_on()

    def pass_on(self) -> None:
        """Tells the sync what this attempt was told, perhaps before it was prepared."""
        if self.running is not None and self.timed_out:
            self.running.terminate(TIMED_OUT)
        elif self.running is not None and self.terminated:
            self.running.terminate()
