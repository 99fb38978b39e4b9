"""A terminal in a container, for as long as its user may have one.

Whether the token still holds and the rights are still there is asked before everything that is
read from the user and everything that is shown, and now and then while nothing happens.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import Any, Protocol

import structlog

from tiphys.model.errors import KubeError
from tiphys.services.pods.ports import Pods, Terminal

log = structlog.get_logger()

_LOOK = 5.0
"""Seconds after which the right is asked for again while nothing happens."""
_REFRESHED = "\nReconnect because the token was refreshed...\n"
_DENIED = "Permission denied"
_RECONNECT = 1
_WIDEST = 10_000


class Standing(Enum):
    """How it is with the user now."""

    GOOD = auto()
    RENEWED = auto()
    """The token was revoked or is to be replaced: the page has to connect anew."""
    DENIED = auto()


class Page(Protocol):
    """The other end. `receive` answers None when it is gone; `send` then does nothing."""

    async def receive(self) -> str | None: ...

    async def send(self, text: str) -> None: ...


Check = Callable[[], Awaitable[Standing]]


class TerminalSession:
    """`shells` are tried in turn until one runs."""

    def __init__(self, page: Page, check: Check, shells: Sequence[str]) -> None:
        self._page = page
        self._check = check
        self._shells = shells
        self._typed = False

    async def run(self, pods: Pods, namespace: str, name: str, container: str) -> None:
        """Until either side ends it, or the user may have it no longer."""
        for shell in self._shells:
            try:
                async with pods.terminal(namespace, name, container, [shell]) as terminal:
                    await self._with(terminal)
                    return
            except KubeError as error:
                if self._typed:
                    return
                log.info("a shell could not be run", shell=shell, error=str(error))
        await self._out("no shell could be run in the container\r\n")

    async def _with(self, terminal: Terminal) -> None:
        """The first part that ends ends all. Raises KubeError where nothing could be run."""
        tasks = [
            asyncio.create_task(part)
            for part in (self._show(terminal), self._read(terminal), self._watch())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _show(self, terminal: Terminal) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        async for data in terminal.output():
            if not await self._may_go_on():
                return
            text = decoder.decode(data)
            if text:
                await self._out(text)

    async def _read(self, terminal: Terminal) -> None:
        while (message := await self._page.receive()) is not None:
            if not await self._may_go_on():
                return
            match _parsed(message):
                case {"operation": "stdin", "data": str(text)}:
                    self._typed = True
                    await terminal.write(text.encode())
                case {"operation": "resize", "cols": int(columns), "rows": int(rows)}:
                    await terminal.resize(_bounded(columns), _bounded(rows))
                case _:
                    return

    async def _watch(self) -> None:
        never = asyncio.Event()
        while await self._may_go_on():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), _LOOK)

    async def _may_go_on(self) -> bool:
        match await self._check():
            case Standing.GOOD:
                return True
            case Standing.RENEWED:
                await self._out(_REFRESHED)
                await self._page.send(json.dumps({"Code": _RECONNECT}))
            case Standing.DENIED:
                await self._out(_DENIED)
        return False

    async def _out(self, text: str) -> None:
        frame = {"operation": "stdout", "data": text, "rows": 0, "cols": 0}
        await self._page.send(json.dumps(frame))


def _parsed(message: str) -> Any:
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


def _bounded(size: int) -> int:
    return min(max(size, 1), _WIDEST)
