"""Waits until an application is in a state, and shows on the way what changes.

What is waited for is decided by pure functions over what was last seen; the loop below only
reads events, hands rows to a view and ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from tiphys.cli.app.get import shown_tree
from tiphys.cli.app.resources import Pattern, Row, resource_table, rows_of
from tiphys.cli.app.session import write
from tiphys.cli.app.summary import header, operation
from tiphys.cli.errors import FatalError
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import CoreApi
from tiphys.model.application import Application
from tiphys.model.status import HealthCode, SyncCode
from tiphys.services.applications import AppName, EventKind
from tiphys.services.applications.values import Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is waited for. Health, suspended and degraded are alternatives, the rest adds up."""

    sync: bool = False
    health: bool = False
    operation: bool = False
    suspended: bool = False
    degraded: bool = False
    delete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOptions:
    watched: Watched
    patterns: tuple[Pattern, ...] = ()
    timeout: int = 0
    output: str = "wide"


class View(Protocol):
    """Shows rows as they change."""

    def show(self, application: Application, rows: Sequence[Row]) -> None: ...

    def close(self) -> None: ...


def operation_in_progress(application: Application) -> bool:
    """Asked for, running, or ended but not yet looked at by a comparison."""
    if application.operation is not None:
        return True
    state = application.status.operation_state
    if state is None:
        return False
    if state.finished_at is None:
        return True
    sync = state.operation.sync
    if sync is not None and sync.dry_run:
        return False
    reconciled = application.status.reconciled_at
    return reconciled is None or _moment(reconciled) < _moment(state.finished_at)


def reached(application: Application, options: WaitOptions) -> bool:
    """Whether all that is waited for holds."""
    watched = options.watched
    if watched.delete or (watched.operation and operation_in_progress(application)):
        return False
    if options.patterns:
        rows = rows_of(application, options.patterns)
        return all(_holds(watched, row.health, row.status) for row in rows)
    status = application.status
    return _holds(watched, status.health.status, status.sync.status)


def _holds(watched: Watched, health: str, sync: str) -> bool:
    wanted = {
        code
        for code, asked in (
            (HealthCode.HEALTHY, watched.health),
            (HealthCode.SUSPENDED, watched.suspended),
            (HealthCode.DEGRADED, watched.degraded),
        )
        if asked
    }
    return (not wanted or health in wanted) and (not watched.sync or sync == SyncCode.SYNCED)


class Progress:
    """Rows as they were seen so far."""

    def __init__(self, *, health: bool) -> None:
        self._health = health
        self._rows: dict[tuple[str, ...], Row] = {}

    def changes(self, name: str, rows: Sequence[Row]) -> list[Row]:
        """The rows that say something new. Raises FatalError when one turned bad."""
        changed = []
        for row in rows:
            before = self._rows.get(row.key)
            if before is not None and self._turned_bad(before, row):
                raise FatalError(
                    f"application '{name}' health state has transitioned "
                    f"from {before.health} to {row.health}"
                )
            now = before.merged(row) if before else row
            if now != before:
                self._rows[row.key] = now
                changed.append(now)
        return changed

    def _turned_bad(self, before: Row, row: Row) -> bool:
        return (
            self._health
            and row.health == HealthCode.DEGRADED
            and before.health not in (HealthCode.UNKNOWN, HealthCode.DEGRADED)
        )


class Waiter:
    """Waits for one application."""

    def __init__(self, api: CoreApi, view: View, options: WaitOptions) -> None:
        self._api = api
        self._view = view
        self._options = options
        self._seen_operation = False

    async def wait(self, name: AppName) -> Application | None:
        """The application in the state that was waited for, None when it is gone.

        Raises FatalError when the time is over or health turned bad.
        """
        try:
            async with asyncio.timeout(self._options.timeout or None):
                return await self._until_reached(name)
        except TimeoutError:
            self._view.close()
            await self._timed_out(name)
            seconds = self._options.timeout
            raise FatalError(
                f'timed out ({seconds}s) waiting for app "{name}" match desired state'
            ) from None

    async def _until_reached(self, name: AppName) -> Application | None:
        application = await self._api.get(name)
        self._note_operation(application)
        if not reached(application, self._options):
            found = await self._follow(name, application)
            if found is None:
                return None
            application = found
        self._view.close()
        if self._seen_operation:
            application = await self._api.refresh(name, hard=False)
        await self.show(application, name)
        return application

    async def _follow(self, name: AppName, application: Application) -> Application | None:
        progress = Progress(health=self._options.watched.health)
        version = application.metadata.resource_version
        await self._step(progress, name, application)
        async for event in self._api.watch(name, version):
            application = event.application
            if event.kind is EventKind.DELETED:
                self._view.close()
                if not self._options.watched.delete:
                    raise FatalError(f"application '{name}' was deleted while it was waited for")
                write(f"Application '{application.qualified_name}' deleted\n")
                return None
            self._note_operation(application)
            if reached(application, self._options):
                return application
            await self._step(progress, name, application)
        return application

    async def _step(self, progress: Progress, name: AppName, application: Application) -> None:
        rows = rows_of(application, self._options.patterns)
        try:
            changed = progress.changes(str(name), rows)
        except FatalError:
            self._view.close()
            await self.show(application, name)
            raise
        self._view.show(application, changed)

    def _note_operation(self, application: Application) -> None:
        asked = application.operation
        if asked is not None and not (asked.sync and asked.sync.dry_run):
            self._seen_operation = True

    async def _timed_out(self, name: AppName) -> None:
        write("\nThis is the state of the app after wait timed out:\n")
        await self.show(await self._api.get(name), name)
        write("\nThe command timed out waiting for the conditions to be met.\n")

    async def show(self, application: Application, name: AppName) -> None:
        """The final status, with the application's page by the name that it was asked by."""
        match self._options.output:
            case "json":
                write(to_json(application.to_json()) + "\n")
            case "yaml":
                write(to_yaml(application.to_json()))
            case output:
                url = await self._api.url()
                # As the contract has it, windows are not asked for here.
                write("\n" + header(application, url=url, windows=Windows(), page=str(name)) + "\n")
                if self._options.watched.operation:
                    write(operation(application.status.operation_state, datetime.now(UTC)))
                if output in ("wide", "") and application.status.resources:
                    write("\n" + resource_table(application))
                elif output.startswith("tree"):
                    write(await shown_tree(self._api, application, output))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def now_local() -> str:
    """The time of a row, in this machine's zone."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return f"{text[:-2]}:{text[-2:]}"
