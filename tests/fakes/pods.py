"""Pods that say what a test has them say: behind the port Pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tiphys.model.errors import KubeError
from tiphys.services.pods.ports import LogRequest


@dataclass
class FakeTerminal:
    """What is typed comes back in upper case."""

    typed: list[bytes] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    out: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    closed: bool = False

    async def output(self) -> AsyncIterator[bytes]:
        while (data := await self.out.get()) is not None:
            yield data

    async def write(self, data: bytes) -> None:
        self.typed.append(data)
        self.out.put_nowait(data.upper())

    async def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))


class FakePods:
    """`lines` of each Pod end its log; one with a queue goes on as long as that does."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.going: dict[str, asyncio.Queue[str | None]] = {}
        self.failing: dict[str, KubeError] = {}
        self.asked: list[tuple[str, LogRequest]] = []
        self.shells: frozenset[str] = frozenset({"sh"})
        self.commands: list[Sequence[str]] = []
        self.terminals: list[FakeTerminal] = []

    async def log(self, namespace: str, name: str, request: LogRequest) -> AsyncIterator[bytes]:
        self.asked.append((f"{namespace}/{name}", request))
        if name in self.failing:
            raise self.failing[name]
        for line in self.lines.get(name, ()):
            yield line.encode()
        queue = self.going.get(name)
        while queue is not None and (said := await queue.get()) is not None:
            yield said.encode()

    @asynccontextmanager
    async def terminal(
        self, namespace: str, name: str, container: str, command: Sequence[str]
    ) -> AsyncIterator[FakeTerminal]:
        self.commands.append(command)
        if command[0] not in self.shells:
            raise KubeError(f"{command[0]} is not there")
        terminal = FakeTerminal()
        self.terminals.append(terminal)
        try:
            yield terminal
        finally:
            terminal.closed = True
