"""Installs the programs that tests need and that only come as Debian's packages.

    python tools/debian.py redis-server ssh=openssh-client

A program is in the package of its name, or in the one that is named after `=`.

Nothing is done where they are there. Who may not install is told the packages by name: a test is
never passed over.
"""

import os
import shutil
import subprocess
import sys


def missing(programs: list[str]) -> list[str]:
    """The packages of those that are not there."""
    named = [program.partition("=") for program in programs]
    return [package or name for name, _, package in named if shutil.which(name) is None]


def main(programs: list[str]) -> int:
    wanted = missing(programs)
    if not wanted:
        return 0
    names = " ".join(wanted)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"these programs are needed for the tests: {names}\n  apt-get install {names}")
        return 1
    print(f"installing {names}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    for command in (
        [*quiet, "update"],
        [*quiet, "install", "--yes", "--no-install-recommends", *wanted],
    ):
        done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        if done.returncode:
            print(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
            return 1
    return 1 if missing(wanted) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
