"""What the processes of Tiphys cost: CPU seconds and memory, from the kernel's own books."""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.stack import Stack

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _GROUP = 11, 12, 2
"""Fields of /proc/PID/stat, counted after the command's closing bracket."""


def cpu_seconds(stack: Stack) -> float:
    """User and system time of Tiphys and all that it started and that still runs."""
    return sum(int(s[_USER]) + int(s[_SYSTEM]) for s in _stats(stack).values()) / _TICKS


def memory_mib(stack: Stack) -> float:
    """Proportional set size: what is shared counts once, parted among those who share it."""
    total = 0
    for pid in _stats(stack):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def _stats(stack: Stack) -> dict[int, list[str]]:
    assert stack.tiphys is not None
    group = str(stack.tiphys.pid)
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[_GROUP] == group:
            found[int(folder.name)] = fields
    return found
