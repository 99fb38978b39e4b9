"""`make bench`: one JSON line a scenario on standard output; `python -m bench S2` runs one."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import at_rest, cold_start, one_commit, removal, renders, serving

SCENARIOS: dict[str, Callable[[], None]] = {
    "S1": lambda: cold_start.run("S1", 200, 5, "ConfigMap", 5),
    "S1-many": lambda: cold_start.run("S1-many", 1000, 1, "ConfigMap", 5),
    "S1-large": lambda: cold_start.run("S1-large", 1, 2000, "ConfigMap", 5),
    "S1-deployments": lambda: cold_start.run("S1-deployments", 50, 2, "Deployment", 3),
    "S2": lambda: one_commit.run("S2", 200, 5, 5),
    "S3": renders.run,
    "S7": lambda: serving.run("S7", (1_000, 10_000)),
    "at-rest": lambda: at_rest.run(1000, 5, 5),
    "one-object": lambda: at_rest.one_object([100, 2000], 5),
    "removal": lambda: removal.run("removal", 200, 5, 5),
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
