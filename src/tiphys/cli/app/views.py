"""How rows are shown while one waits: lines for scripts, a live table on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tiphys.cli.app.resources import HEADER, Row
from tiphys.cli.app.session import write
from tiphys.cli.app.waiting import View, now_local
from tiphys.cli.output import table
from tiphys.model.application import Application
from tiphys.model.status import HealthCode, OperationPhase, SyncCode

if TYPE_CHECKING:
    from rich.table import Table

_WIDTHS = (5, 10, 10, 20, 8, 7, 10, 0)
_COLOURS = {
    HealthCode.HEALTHY: "green",
    HealthCode.PROGRESSING: "cyan",
    HealthCode.DEGRADED: "red",
    HealthCode.MISSING: "yellow",
    HealthCode.SUSPENDED: "magenta",
    SyncCode.SYNCED: "green",
    SyncCode.OUT_OF_SYNC: "yellow",
    OperationPhase.RUNNING: "cyan",
    OperationPhase.SUCCEEDED: "green",
    OperationPhase.FAILED: "red",
    OperationPhase.ERROR: "red",
}


def choose_view(output: str) -> View:
    """Nothing is drawn where an object is what was asked for."""
    if output in ("json", "yaml"):
        return Silent()
    return LiveTable() if sys.stdout.isatty() and sys.stderr.isatty() else Lines()


class Silent:
    def show(self, application: Application, rows: Sequence[Row]) -> None:
        """Says nothing."""

    def close(self) -> None:
        """Has nothing to close."""


class Lines:
    """A line for each change, the header before the first; each batch is aligned by itself."""

    def __init__(self, clock: Callable[[], str] = now_local) -> None:
        self._clock = clock
        self._begun = False

    def show(self, application: Application, rows: Sequence[Row]) -> None:
        del application
        lines = [] if self._begun else [("TIMESTAMP", *_filled(HEADER))]
        self._begun = True
        lines += [(self._clock(), *_filled(row.cells)) for row in rows]
        if lines:
            write(table(lines))

    def close(self) -> None:
        """What was written stays."""


class LiveTable:
    """The newest state of every object, drawn anew in place on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._rows: dict[tuple[str, ...], Row] = {}
        self._live = Live(console=Console(stderr=True), transient=True, refresh_per_second=8)
        self._live.start()

    def show(self, application: Application, rows: Sequence[Row]) -> None:
        self._rows |= {row.key: row for row in rows}
        self._live.update(self._table(application))

    def close(self) -> None:
        self._live.stop()

    def _table(self, application: Application) -> Table:
        from rich.table import Table

        status = application.status
        state = status.operation_state
        parts = [application.qualified_name, status.sync.status, status.health.status]
        if state is not None:
            parts += [state.phase, state.message]
        shown = Table(*HEADER, title=_plain(" · ".join(part for part in parts if part)), box=None)
        for row in self._rows.values():
            shown.add_row(*map(_plain, row.cells))
        return shown


def _plain(text: str) -> Any:
    """Text that is never read as markup, in the colour of its word."""
    from rich.text import Text

    return Text(text, style=_COLOURS.get(text, ""))  # type: ignore[call-overload]


def _filled(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
