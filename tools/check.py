"""Checks that no linter brings: Go's formatting, and lock files that name no host."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "tools/requirements-go.lock", "tools/requirements-node.lock")
HOST = re.compile(r"https?://|--index-url|--extra-index-url|--find-links|--trusted-host")


def unformatted_go() -> list[str]:
    """Go files that gofmt would change; gofmt lies beside the go that builds."""
    gofmt = shutil.which("gofmt")
    if gofmt is None:
        return []
    listed = subprocess.run(
        [gofmt, "-l", "engine", "devcluster"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [f"{name}: not formatted, run gofmt -w" for name in listed.stdout.split()]


def hosts_in_locks() -> list[str]:
    """Lines of lock files that say where from; only what, in which version, with which hash."""
    found = []
    for lock in LOCKS:
        for number, line in enumerate((ROOT / lock).read_text().splitlines(), 1):
            if HOST.search(line):
                found.append(f"{lock}:{number}: names a host: {line.strip()}")
    return found


def main() -> int:
    problems = [*unformatted_go(), *hosts_in_locks()]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
