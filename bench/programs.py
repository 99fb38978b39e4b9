"""Programs of others to compare with, built from tests/programs when they are first needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def program(name: str) -> Path:
    command = [sys.executable, str(_ROOT / "tools" / "go_build.py"), name]
    subprocess.run(command, check=True)
    return _ROOT / ".venv" / "bin" / f"tiphys-{name}"
