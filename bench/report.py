"""How figures are printed: one JSON line a scenario on standard output, progress beside it."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from typing import Any


def spread(values: Sequence[float], digits: int = 3) -> dict[str, Any]:
    """Median with its minimum and maximum, and how many runs they stand for."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
        "runs": len(values),
    }


def emit(scenario: str, **figures: Any) -> None:
    print(json.dumps({"scenario": scenario} | figures), flush=True)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
