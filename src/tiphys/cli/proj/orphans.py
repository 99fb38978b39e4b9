"""`proj add-orphaned-ignore` and `remove-orphaned-ignore`."""

from __future__ import annotations

from msgspec.structs import replace

from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.proj.session import change, require_words, wrong
from tiphys.model.appproject import (
    AppProject,
    AppProjectSpec,
    OrphanedResourceKey,
    OrphanedResourcesMonitorSettings,
)

_USAGE = "PROJECT GROUP KIND [flags]"
_FLAGS = (text("name", "Only objects of this name; a glob"),)


@command(
    "add-orphaned-ignore",
    _FLAGS,
    usage=_USAGE,
    summary="Leave objects out of the orphaned ones.",
)
def add(call: Call) -> None:
    require_words(call, 3)
    entry = _entry(call)

    def make(project: AppProject) -> AppProjectSpec:
        before = project.spec.orphaned_resources
        monitor = before or OrphanedResourcesMonitorSettings(warn=False)
        if entry in monitor.ignore:
            raise wrong(
                "Specified resource is already defined in the orphaned ignore list of project"
            )
        after = replace(monitor, ignore=(*monitor.ignore, entry))
        return replace(project.spec, orphaned_resources=after)

    change(call, make)


@command(
    "remove-orphaned-ignore",
    _FLAGS,
    usage=_USAGE,
    summary="Count objects among the orphaned ones again.",
)
def remove(call: Call) -> None:
    require_words(call, 3)
    entry = _entry(call)

    def make(project: AppProject) -> AppProjectSpec:
        monitor = project.spec.orphaned_resources
        if monitor is None:
            raise wrong("Orphaned resources are not watched for in project")
        if entry not in monitor.ignore:
            raise wrong("Specified resource does not exist in the orphaned ignore list of project")
        left = tuple(one for one in monitor.ignore if one != entry)
        return replace(project.spec, orphaned_resources=replace(monitor, ignore=left))

    change(call, make)


def _entry(call: Call) -> OrphanedResourceKey:
    _, group, kind = call.words
    return OrphanedResourceKey(group=group, kind=kind, name=call.text("name"))
