"""How projects and their parts are shown."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.model.appproject import (
    AppProjectSpec,
    ClusterResourceRestrictionItem,
    GroupKindRestriction,
)
from tiphys.model.appspec import ApplicationDestination

NONE = "<none>"


def filled(rows: Sequence[Sequence[str]], gap: int = 2) -> str:
    """A table of which the last column is filled up as well."""
    widths = [max(map(len, column)) + gap for column in zip(*rows, strict=True)]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "\n"
        for row in rows
    )


def lines(label: str, values: Sequence[str], width: int) -> str:
    """A label and its values, each further one on a line of its own."""
    first, *rest = values or (NONE,)
    return f"{label:<{width}}{first}\n" + "".join(f"{'':<{width}}{value}\n" for value in rest)


def destination(entry: ApplicationDestination) -> str:
    return f"{entry.server},{entry.namespace}"


def kind(entry: GroupKindRestriction | ClusterResourceRestrictionItem) -> str:
    return f"{entry.group}/{entry.kind}"


def orphaned(spec: AppProjectSpec) -> str:
    monitor = spec.orphaned_resources
    if monitor is None:
        return "disabled"
    warn = "true" if monitor.warn else "false"
    ignored = f", ignored {len(monitor.ignore)}" if monitor.ignore else ""
    return f"enabled (warn={warn}{ignored})"
