"""One engine process: one request at a time, ended when it does not answer in time."""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import msgspec

from tiphys.adapters.engine import frames
from tiphys.adapters.engine.binary import EngineLimits
from tiphys.adapters.engine.errors import EngineDiedError, from_failure
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import Remote, RemotesNeededError

Answerer = Callable[[list[str], list[str]], Awaitable[tuple[list[dict[str, Any]], bytes]]]
"""Serves a call back: paths alone and folders with their files, to entries and their bytes."""

Pipes = tuple[asyncio.StreamReader, asyncio.StreamWriter]

START_SECONDS = 20.0
_HEADER_ROOM = 1 << 20
_LAST_WORDS = 4096
_STACK = re.compile(rb"stack (?:overflow|exceeds)")
_MEMORY = re.compile(rb"out of memory|cannot allocate")
_STACK_MB = 256
"""As the engine sets it, `limits.go`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A request's end: the record of reads, the number of calls back, what is worth a warning and
    the body.
    """

    reads: frames.Reads
    needs: int
    body: bytes
    warnings: tuple[str, ...] = ()


class EngineProcess:
    """A started engine. After any failure but the engine's own error frame it is dead."""

    def __init__(
        self, process: Process, pipes: Pipes, hello: frames.Hello, *, limits: EngineLimits
    ) -> None:
        self._process = process
        self._reader, self._writer = pipes
        self._limits = limits
        self._last_id = 0
        self.hello = hello

    @classmethod
    async def start(
        cls, binary: Path, environment: Mapping[str, str], *, limits: EngineLimits
    ) -> EngineProcess:
        """Starts the program with an environment of its own: none of ours is a renderer's."""
        process = await _spawn(binary, environment)
        reader, writer = process.stdout, process.stdin
        if reader is None or writer is None:
            raise RenderError(f"{binary} has no pipes")
        try:
            async with asyncio.timeout(START_SECONDS):
                hello, _ = await frames.read(reader, max_body=0)
        except BaseException as error:
            await _end(process)
            if isinstance(error, (asyncio.IncompleteReadError, TimeoutError)):
                raise RenderError(f"{binary} did not start") from None
            raise
        if not isinstance(hello, frames.Hello) or hello.protocol != frames.PROTOCOL:
            await _end(process)
            raise RenderError(f"{binary} speaks another protocol: run `make build`")
        return cls(process, (reader, writer), hello, limits=limits)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._reader.at_eof()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def exchange(
        self, header: Mapping[str, Any], body: bytes, answer: Answerer | None, *, seconds: float
    ) -> Reply:
        """Sends a request and serves its calls back until it ends.

        Raises RemotesNeededError, which is an end like any other: the process goes on.
        """
        self._last_id += 1
        # The engine ends itself a little later than we do, should nobody be left to end it.
        stamped = {**header, "id": self._last_id, "deadlineMs": int(seconds * 1000) + 1000}
        try:
            async with asyncio.timeout(seconds):
                end = await self._converse(stamped, body, answer)
        except TimeoutError:
            await self.kill()
            raise RenderLimitError(f"the render is over its deadline of {seconds:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._died() from None
        except (ValueError, msgspec.MsgspecError):
            await self.kill()
            raise RenderError("the engine sent a frame that does not fit the protocol") from None
        except BaseException:
            # It waits for an answer that will not come: of no use to the next request.
            await self.kill()
            raise
        match end:
            case frames.Failure():
                if end.last:
                    await self.kill()
                raise from_failure(end.code, end.text, end.item)
            case frames.Remotes():
                raise RemotesNeededError(
                    tuple(Remote(one.kind, one.url, one.revision, one.name) for one in end.remotes)
                )
            case Reply():
                return end
            case _:
                assert_never(end)

    async def _converse(
        self, header: Mapping[str, Any], body: bytes, answer: Answerer | None
    ) -> Reply | frames.Remotes | frames.Failure:
        await self._send(frames.encode(header, body))
        while True:
            frame, data = await frames.read(
                self._reader, max_body=self._limits.output + _HEADER_ROOM
            )
            match frame:
                case frames.Need():
                    if answer is None:
                        raise ValueError("a call back without a tree")
                    entries, content = await answer(frame.paths or [], frame.folders or [])
                    reply = {"id": frame.id, "entries": entries}
                    await self._send(frames.encode(reply, content))
                case frames.Result():
                    reads = frame.reads or frames.Reads()
                    return Reply(reads, frame.needs, data, tuple(frame.warnings or ()))
                case frames.Remotes() | frames.Failure():
                    return frame
                case frames.Hello():
                    raise ValueError("a second hello")
                case _:
                    assert_never(frame)

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _died(self) -> EngineDiedError:
        """What the Go runtime said of the end; the libraries' own output does not come here."""
        await self.kill()
        last = b""
        if self._process.stderr is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    last = await self._process.stderr.read(_LAST_WORDS)
        memory = f"its limit of {self._limits.memory >> 20} MB of memory"
        if _STACK.search(last):
            why = f"over its limit of {_STACK_MB} MB of stack: it calls itself too deep"
        elif _MEMORY.search(last):
            why = f"over {memory}"
        else:
            why = f"over {memory}, or of its stack"
        status = self._process.returncode
        return EngineDiedError(
            f"the engine ended in the middle of its work (status {status}): {why}"
        )

    async def kill(self) -> None:
        await _end(self._process)

    async def close(self) -> None:
        """Ends an idle process: it leaves when its input does."""
        self._writer.close()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            await self.kill()


async def _spawn(binary: Path, environment: Mapping[str, str]) -> Process:
    """Shielded: before 3.12.4 asyncio waits for ever for a start that is cancelled half way."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            binary,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=dict(environment),
            cwd="/",
            # Ctrl-C is for us: what runs is ended in order.
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        if not starting.cancelled() and starting.exception() is None:
            await _end(starting.result())
        raise


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await asyncio.shield(process.wait())
