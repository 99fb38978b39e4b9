"""What takes long is said on a terminal, and nowhere else."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tiphys.cli import progress


@pytest.mark.parametrize(
    ("terminal", "seconds", "said"), [(True, 0.3, True), (True, 0.0, False), (False, 0.3, False)]
)
async def test_busy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
    seconds: float,
    said: bool,
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.05)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm")
    async with progress.busy("Thinking"):
        await asyncio.sleep(seconds)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("Thinking" in captured.err) is said


async def test_failures_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with pytest.raises(ValueError, match="no"):
        async with progress.busy("Thinking"):
            raise ValueError("no")
