"""A plugin's command, its group of processes, and its limits."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest

from tiphys.adapters.plugin.command import run
from tiphys.adapters.plugin.errors import CommandError

PATH = {"PATH": os.environ["PATH"]}


async def script(
    text: str, folder: Path, *, seconds: float = 20.0, grace: float = 0.3, limit: int = 1 << 20
) -> bytes:
    return await run(
        ["sh", "-c", text],
        folder=folder,
        environment=PATH,
        seconds=seconds,
        grace=grace,
        limit=limit,
    )


def alive(pid: int) -> bool:
    """A zombie that nobody waits for is not alive."""
    with suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return False


async def test_arguments_are_no_shell_s(tmp_path: Path) -> None:
    command = ["printf", "%s|", "$(id)", "; rm -rf /", "-x", "a b"]
    output = await run(command, folder=tmp_path, environment=PATH, seconds=20)
    assert output == b"$(id)|; rm -rf /|-x|a b|"


async def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert await script("cat; echo end", tmp_path) == b"end\n"


async def test_the_whole_group_ends_at_the_deadline(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"trap '' TERM; (trap '' TERM; sleep 60) & echo $! $$ > {pids}; sleep 60; sleep 60"
    begun = monotonic()
    with pytest.raises(CommandError, match=r"failed timeout after 0\.5s$"):
        await script(text, tmp_path, seconds=0.5)
    assert monotonic() - begun < 5
    for pid in pids.read_text().split():
        assert not alive(int(pid))


async def test_it_is_asked_to_end_first(tmp_path: Path) -> None:
    text = "trap 'echo asked > told; exit 0' TERM; sleep 60 & wait"
    with pytest.raises(CommandError, match="timeout"):
        await script(text, tmp_path, seconds=0.5, grace=5)
    assert (tmp_path / "told").read_text() == "asked\n"


async def test_what_it_left_behind_ends_with_it(tmp_path: Path) -> None:
    output = await script("sleep 60 >/dev/null 2>&1 & echo $!", tmp_path)
    # The kernel needs a moment between the signal and the end.
    for _ in range(100):
        if not alive(int(output)):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it is still alive")


async def test_a_command_that_prints_without_end(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="its output is over the limit of 1000 bytes"):
        await script("yes", tmp_path, limit=1000)


async def test_errors_without_end_are_cut(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        await script("head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 1", tmp_path)
    assert len(str(caught.value)) < 5_000


async def test_a_signal_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"failed signal: {signal.SIGKILL.name}"):
        await script("kill -9 $$", tmp_path)


async def test_who_waits_may_go_away(tmp_path: Path) -> None:
    running = asyncio.create_task(script("echo $$ > pid; sleep 60", tmp_path))
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text().strip()):  # noqa: ASYNC110 -- another's file
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(int(pid.read_text()))
