"""Tests one of the project's Go programs with the flags that it is built with.

    python tools/go_test.py engine | devcluster [--vet]

The same flags, so that what the build has compiled already is used again. Vetting is apart: it
analyses every dependency, too, which takes as long as a cold build.
"""

import argparse
import subprocess
import sys

from go_build import PROGRAMS, ROOT, build_environment, cache_folder, cores
from go_toolchain import ToolchainError, find_toolchain

FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=PROGRAMS)
    parser.add_argument("--vet", action="store_true", help="vet it, too: minutes the first time")
    arguments = parser.parse_args()
    name: str = arguments.name
    try:
        go = find_toolchain(cache_folder()).go
    except ToolchainError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    steps = [["test", "-vet=off"], ["vet"]] if arguments.vet else [["test", "-vet=off"]]
    for step in steps:
        command = [str(go), *step, "-p", str(cores()), *FLAGS, "./..."]
        done = subprocess.run(command, cwd=ROOT / name, env=build_environment(), check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
