"""Observations for people, as a table, and for programs, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiphys.services.observe.observation import Observation, Standing

_HEADER = ("APPLICATION", "THEIRS", "OURS", "WOULD SYNC", "CHANGES")
_SHORT = 7


def as_json(seen: Sequence[Observation]) -> str:
    return json.dumps([one.document() for one in seen], indent=2)


def as_table(seen: Sequence[Observation]) -> str:
    """One line an application; below it what a sync would change, and why nothing is known."""
    rows = [_HEADER, *(_row(one) for one in seen)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = []
    for number, row in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
        if number:
            lines += _details(seen[number - 1])
    return "\n".join(lines)


def _row(one: Observation) -> tuple[str, ...]:
    return (
        f"{one.namespace}/{one.name}",
        _standing(one.theirs),
        _standing(one.ours),
        "yes" if one.would_sync else "no",
        str(len(one.objects)),
    )


def _standing(standing: Standing) -> str:
    shown = f"{standing.sync or '-'}/{standing.health or '-'}"
    return f"{shown} ({standing.revision[:_SHORT]})" if standing.revision else shown


def _details(one: Observation) -> list[str]:
    lines = [f"  {kind}: {text}" for kind, text in one.conditions]
    for change in one.objects:
        fields = f": {', '.join(change.fields)}" if change.fields else ""
        lines.append(f"  {change.title}{fields}")
    if one.objects and one.reason:
        lines.append(f"  ({one.reason})")
    return lines
