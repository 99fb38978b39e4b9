"""Runs the `git` program: argument lists, nothing inherited that could change what it does.

A run ends within its time-out or with its caller: the whole process group is told to stop, which
lets Git remove its lock files, and is killed if it does not.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

_INHERITED: Final = frozenset(
    {"PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
_FIXED: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "HOME": "/dev/null",
    "LC_ALL": "C",  # the text of errors is read
}
_PATIENCE_SECONDS: Final = 2.0
_ERROR_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class GitSettings:
    """How Git is run. Times are seconds."""

    program: str = "git"
    environment: Mapping[str, str] = field(default_factory=dict)
    """Taken from the process at the edge; only PATH, proxies and certificate files are used."""
    list_timeout: float = 15.0
    fetch_timeout: float = 90.0
    local_timeout: float = 300.0
    """Repacking and the like, without a network."""
    listings_at_once: int = 20
    """Enough that some dead servers, waited for, do not keep the others from being asked."""
    fetches_at_once: int = 8
    output_limit: int = 64 * 1024 * 1024
    """Bytes of one answer: half a million refs."""


@dataclass(frozen=True, slots=True)
class Finished:
    status: int
    output: bytes
    errors: str


class GitRunError(Exception):
    """Git did not run to its end: not started, over its time, or over what is read of it."""


async def run_git(
    settings: GitSettings, arguments: Sequence[str], *, timeout_seconds: float
) -> Finished:
    """Run to the end. Raises GitRunError; on cancellation Git is ended."""
    process = await _start(settings, arguments)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _collect(process, settings.output_limit)
    except TimeoutError:
        raise GitRunError(f"git took longer than {timeout_seconds:g} s") from None
    finally:
        if process.returncode is None:
            await _end(process)


async def _start(settings: GitSettings, arguments: Sequence[str]) -> asyncio.subprocess.Process:
    """Shielded: before 3.12.4 asyncio waits for ever for a start that is cancelled half way."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            settings.program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(settings.environment),
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except OSError as error:
        raise GitRunError(f"git could not be started: {error.strerror}") from None
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        if not starting.cancelled() and starting.exception() is None:
            await _end(starting.result())
        raise


async def _collect(process: asyncio.subprocess.Process, limit: int) -> Finished:
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    output, errors = await asyncio.gather(
        _read(process.stdout, limit), _read_tail(process.stderr, _ERROR_BYTES)
    )
    return Finished(await process.wait(), output, errors.decode("utf-8", "replace"))


async def _read(stream: asyncio.StreamReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await stream.read(1 << 16):
        data += chunk
        if len(data) > limit:
            raise GitRunError(f"git said more than {limit} bytes")
    return bytes(data)


async def _read_tail(stream: asyncio.StreamReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await stream.read(1 << 16):
        data += chunk
        del data[:-limit]
    return bytes(data)


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _PATIENCE_SECONDS)
            return


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in given.items() if name.upper() in _INHERITED}
    return {**kept, **_FIXED}
