"""The descriptor set that comes with the package is made of the protos that are there."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_descriptor_set_is_current() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "tools" / "protos.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
