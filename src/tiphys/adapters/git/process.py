"""Runs the `git` program: argument lists, nothing inherited that could change what it does.

A run ends within its time-out or with its caller: the whole process group is told to stop, which
lets Git remove its lock files, and is killed if it does not.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from tiphys.adapters.git.access import Access
from tiphys.core.settings.duration import parse_duration

_INHERITED: Final = frozenset(
    {"PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
_CONFIGURED: Final = re.compile(r"GIT_CONFIG_(?:COUNT|KEY_\d+|VALUE_\d+)")
"""What whoever runs the process wants of Git; our own options beat it."""
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
    attempts: int = 1
    """How often what may pass (time-outs, ended connections, 429, 500) is tried in all."""
    retry_wait: float = 0.25
    retry_factor: float = 2.0
    retry_longest: float = 5.0
    submodules: bool = True

    @classmethod
    def of_environment(
        cls, environment: Mapping[str, str], usual: GitSettings | None = None
    ) -> GitSettings:
        """With the contract's variables; one that cannot be read counts as unset, and what is
        unset is as in `usual`.
        """
        usual = usual or cls()

        def seconds(name: str, otherwise: float) -> float:
            found = parse_duration(environment.get(name, ""))
            return found if found else otherwise

        attempts = environment.get("ARGOCD_GIT_ATTEMPTS_COUNT", "")
        factor = environment.get("ARGOCD_GIT_RETRY_FACTOR", "")
        listings = environment.get("ARGOCD_GIT_LS_REMOTE_PARALLELISM_LIMIT", "")
        return replace(
            usual,
            environment=environment,
            listings_at_once=int(listings)
            if _is_count(listings) and int(listings)
            else usual.listings_at_once,
            list_timeout=seconds("ARGOCD_GIT_REQUEST_TIMEOUT", usual.list_timeout),
            fetch_timeout=seconds("ARGOCD_EXEC_TIMEOUT", usual.fetch_timeout),
            attempts=max(int(attempts), 1) if _is_count(attempts) else usual.attempts,
            retry_wait=seconds("ARGOCD_GIT_RETRY_DURATION", usual.retry_wait),
            retry_factor=float(factor) if _is_count(factor) else usual.retry_factor,
            retry_longest=seconds("ARGOCD_GIT_RETRY_MAX_DURATION", usual.retry_longest),
            submodules=environment.get("ARGOCD_GIT_MODULES_ENABLED", "true").lower()
            not in {"false", "f", "0"},
        )


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


@dataclass(frozen=True, slots=True)
class Finished:
    status: int
    output: bytes
    errors: str


class GitRunError(Exception):
    """Git did not run to its end: not started, over its time, or over what is read of it."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


async def run_git(
    settings: GitSettings,
    arguments: Sequence[str],
    *,
    timeout_seconds: float,
    access: Access | None = None,
) -> Finished:
    """Run to the end. Raises GitRunError; on cancellation Git is ended."""
    access = access or Access()
    process = await _start(settings, [*access.options, *arguments], access)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _collect(process, settings.output_limit)
    except TimeoutError:
        raise GitRunError(f"git took longer than {timeout_seconds:g} s", timed_out=True) from None
    finally:
        if process.returncode is None:
            await _end(process)


async def _start(
    settings: GitSettings, arguments: Sequence[str], access: Access
) -> asyncio.subprocess.Process:
    """Shielded: before 3.12.4 asyncio waits for ever for a start that is cancelled half way."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            settings.program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(settings.environment, access),
            pass_fds=access.inherited,
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


def _environment(given: Mapping[str, str], access: Access) -> dict[str, str]:
    kept = {
        name: value
        for name, value in given.items()
        if (name.upper() in _INHERITED and name.upper() not in access.without)
        or _CONFIGURED.fullmatch(name)
    }
    return {**kept, **_FIXED, **access.environment}
