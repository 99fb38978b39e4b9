"""`make bench`: one JSON line a scenario on standard output; `python -m bench S2` runs one."""

from __future__ import annotations

import sys

from bench import cold_start, one_commit, renders

SCENARIOS = {
    "S1": lambda: cold_start.run("S1", 200, 5, "ConfigMap", 5),
    "S1-deployments": lambda: cold_start.run("S1-deployments", 50, 2, "Deployment", 3),
    "S2": lambda: one_commit.run("S2", 200, 5, 5),
    "S3": renders.run,
}


def main() -> int:
    wanted = sys.argv[1:] or list(SCENARIOS)
    unknown = [name for name in wanted if name not in SCENARIOS]
    if unknown:
        print(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
        return 2
    for name in wanted:
        SCENARIOS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
