"""One command of a plugin, run to its end or to its deadline.

It is the leader of its own process group, so that what it started ends with it. No shell is asked,
and nothing is read from standard input.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tiphys.adapters.plugin.errors import CommandError
from tiphys.adapters.plugin.secrecy import secrets_of, without_secrets

OUTPUT_LIMIT = 100 << 20
_STDERR_LIMIT = 64 << 10
_SHOWN = 4_000
GRACE_SECONDS = 5.0
"""Between the request to end and the end."""


class _TooMuchError(Exception):
    pass


async def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    grace: float = GRACE_SECONDS,
    limit: int = OUTPUT_LIMIT,
) -> bytes:
    """What it wrote to standard output. Raises CommandError."""
    line = shlex.join(command)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=dict(environment),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandError(line, f"to start: {reason}") from None
    said = bytearray()
    cause = ""
    output = b""
    try:
        async with asyncio.timeout(max(seconds, 0)):
            output = await _communicate(process, said, limit)
        code = await process.wait()
        cause = _cause(code)
    except TimeoutError:
        cause = f"timeout after {seconds:g}s"
    except _TooMuchError:
        cause = f"its output is over the limit of {limit} bytes"
    finally:
        await asyncio.shield(_end(process, grace))
    if cause:
        text = without_secrets(said.decode("utf-8", "replace").strip(), secrets_of(environment))
        raise CommandError(line, cause, text[:_SHOWN])
    return output


def _cause(code: int) -> str:
    if code < 0:
        return f"signal: {signal.Signals(-code).name}"
    return f"exit status {code}" if code else ""


async def _communicate(process: Process, said: bytearray, limit: int) -> bytes:
    assert process.stdout is not None  # noqa: S101 -- both are pipes
    assert process.stderr is not None  # noqa: S101
    noting = asyncio.create_task(_note(process.stderr, said))
    try:
        output = await _read(process.stdout, limit)
        await noting
    finally:
        noting.cancel()
    return output


async def _read(stream: asyncio.StreamReader, limit: int) -> bytes:
    chunks = bytearray()
    while chunk := await stream.read(1 << 16):
        chunks += chunk
        if len(chunks) > limit:
            raise _TooMuchError
    return bytes(chunks)


async def _note(stream: asyncio.StreamReader, said: bytearray) -> None:
    """Only the beginning is kept, but all is read: a command must not wait for us."""
    while chunk := await stream.read(1 << 16):
        said += chunk[: max(_STDERR_LIMIT - len(said), 0)]


async def _end(process: Process, grace: float) -> None:
    """Asks the group to end where its leader runs, and ends what is left of it."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace)
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)
