"""The table of Kubernetes' own types is the one that its Go types give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "facts.py"


def test_the_table_is_up_to_date() -> None:
    run = subprocess.run([sys.executable, TOOL, "--check"], check=False)
    assert run.returncode == 0, "run `python tools/facts.py`"
