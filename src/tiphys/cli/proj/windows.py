"""`proj windows`: when the applications of a project may be synced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, commas, text, yes
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import (
    change,
    change_spec,
    require_words,
    run_projects,
    wrong,
)
from tiphys.cli.proj.views import filled
from tiphys.cli.prompts import confirmed
from tiphys.core.project import WindowError, is_active
from tiphys.model.appproject import AppProject, AppProjectSpec, SyncWindow
from tiphys.model.structs import encode

_HEADER = (
    "ID",
    "STATUS",
    "KIND",
    "SCHEDULE",
    "DURATION",
    "APPLICATIONS",
    "NAMESPACES",
    "CLUSTERS",
    "MANUALSYNC",
    "SYNCOVERRUN",
    "TIMEZONE",
    "USEANDOPERATOR",
)
_FLAGS = (
    commas("applications", "Applications that it concerns; globs"),
    commas("clusters", "Clusters that it concerns, by server or name; globs"),
    text("description", "What it is for"),
    text("duration", "How long it is open, such as 1h30m"),
    commas("namespaces", "Namespaces that it concerns; globs"),
    text("schedule", "When it opens, as five fields of cron"),
    text("time-zone", "The zone of the schedule", default="UTC"),
)
_ADD_FLAGS = (
    *_FLAGS,
    text("kind", "allow or deny", "k"),
    yes("manual-sync", "Let manual syncs through"),
    yes("sync-overrun", "Let syncs go on that were allowed when they began"),
    yes("use-and-operator", "All of applications, namespaces and clusters have to match"),
)
_ID = "PROJECT ID [flags]"


@command(
    "list",
    (text("output", "What is printed: json, yaml or wide", "o", "wide"),),
    usage="PROJECT [flags]",
    summary="List the sync windows of a project.",
)
def list_command(call: Call) -> None:
    require_words(call, 1)

    async def verb(api: ProjectApi) -> None:
        windows = (await api.get(call.words[0])).spec.sync_windows
        output = call.text("output")
        check_output(output, ("json", "yaml", "wide", ""))
        match output:
            case "json":
                write(to_json([encode(window) for window in windows]) + "\n")
            case "yaml":
                write(to_yaml([encode(window) for window in windows]))
            case _:
                now = datetime.now(UTC)
                rows = [_row(number, window, now) for number, window in enumerate(windows)]
                write(filled([_HEADER, *rows]))

    run_projects(call, verb)


@command("add", _ADD_FLAGS, usage="PROJECT [flags]", summary="Add a sync window.")
def add(call: Call) -> None:
    require_words(call, 1)
    window = SyncWindow(
        kind=call.text("kind"),
        schedule=call.text("schedule"),
        duration=call.text("duration"),
        applications=call.parts("applications"),
        namespaces=call.parts("namespaces"),
        clusters=call.parts("clusters"),
        manual_sync=call.yes("manual-sync"),
        time_zone=call.text("time-zone"),
        and_operator=call.yes("use-and-operator"),
        description=call.text("description"),
        sync_overrun=call.yes("sync-overrun"),
    )

    def make(project: AppProject) -> AppProjectSpec:
        return replace(project.spec, sync_windows=(*project.spec.sync_windows, window))

    change(call, make)


@command("update", _FLAGS, usage=_ID, summary="Change a sync window.")
def update(call: Call) -> None:
    changes: dict[str, Any] = {}
    for flag in _FLAGS:
        if call.given(flag.name):
            changes[flag.name.replace("-", "_")] = _value(call, flag)
    _change_window(call, lambda window: replace(window, **changes))


def _value(call: Call, flag: Flag) -> Any:
    many = flag.name in ("applications", "clusters", "namespaces")
    return call.parts(flag.name) if many else call.text(flag.name)


@command("delete", (), usage=_ID, summary="Delete a sync window.")
def delete(call: Call) -> None:
    require_words(call, 2)
    number = _number(call)

    def make(project: AppProject) -> AppProjectSpec:
        windows = list(project.spec.sync_windows)
        _require(windows, number)
        del windows[number]
        return replace(project.spec, sync_windows=tuple(windows))

    async def verb(api: ProjectApi) -> None:
        if confirmed(call, "Are you sure you want to delete sync window? [y/n]"):
            await change_spec(api, call.words[0], make)
        else:
            write("The command to delete the sync window was cancelled.\n")

    run_projects(call, verb)


@command("enable-manual-sync", (), usage=_ID, summary="Let manual syncs through.")
def enable_manual(call: Call) -> None:
    _change_window(call, lambda window: replace(window, manual_sync=True))


@command("disable-manual-sync", (), usage=_ID, summary="Keep manual syncs out, too.")
def disable_manual(call: Call) -> None:
    _change_window(call, lambda window: replace(window, manual_sync=False))


@command("enable-sync-overrun", (), usage=_ID, summary="Let running syncs go on.")
def enable_overrun(call: Call) -> None:
    _change_window(call, lambda window: replace(window, sync_overrun=True))


@command(
    "disable-sync-overrun", (), usage=_ID, summary="Stop running syncs where the window changes."
)
def disable_overrun(call: Call) -> None:
    _change_window(call, lambda window: replace(window, sync_overrun=False))


def _change_window(call: Call, make: Callable[[SyncWindow], SyncWindow]) -> None:
    require_words(call, 2)
    number = _number(call)

    def of_project(project: AppProject) -> AppProjectSpec:
        windows = list(project.spec.sync_windows)
        _require(windows, number)
        windows[number] = make(windows[number])
        return replace(project.spec, sync_windows=tuple(windows))

    change(call, of_project)


def _number(call: Call) -> int:
    word = call.words[1]
    if not (word.isascii() and word.isdigit()):
        raise wrong(f"ID takes the number of a window, not {word}")
    return int(word)


def _require(windows: list[SyncWindow], number: int) -> None:
    if number >= len(windows):
        raise FatalError(f"window with id '{number}' not found")


def _row(number: int, window: SyncWindow, now: datetime) -> tuple[str, ...]:
    return (
        str(number),
        _status(window, now),
        window.kind,
        window.schedule,
        window.duration,
        _listed(window.applications),
        _listed(window.namespaces),
        _listed(window.clusters),
        _enabled(window.manual_sync),
        _enabled(window.sync_overrun),
        window.time_zone,
        _enabled(window.and_operator),
    )


def _status(window: SyncWindow, now: datetime) -> str:
    from tiphys.services.projects.zones import utc_offset

    try:
        return "Active" if is_active(window, now, utc_offset) else "Inactive"
    except WindowError:
        return "Inactive"


def _listed(values: tuple[str, ...]) -> str:
    return ",".join(values) or "-"


def _enabled(value: bool) -> str:
    return "Enabled" if value else "Disabled"
