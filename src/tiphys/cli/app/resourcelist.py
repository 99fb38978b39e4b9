"""`app resources`: the live objects of an application, and those that nobody wants."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tiphys.cli.app.session import app_in_project, app_name, check_output, run_core, write
from tiphys.cli.app.treeview import walk
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, yes
from tiphys.cli.output import age, table
from tiphys.cli.ports import CoreApi
from tiphys.services.applications import TreeNode

_HEADER = ("GROUP", "KIND", "NAMESPACE", "NAME", "ORPHANED")
_DETAILS = ("AGE", "HEALTH", "REASON")
_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    yes("orphaned", "Only orphaned objects; =false for all others"),
    text("output", "tree or tree=detailed"),
    text("project", "The project that the application has to be in"),
)


@command("resources", _FLAGS, usage="APPNAME [flags]", summary="List live objects.")
def resources(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    output = call.text("output")
    check_output(output, ("", "tree", "tree=detailed"))

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        application = await app_in_project(api, name, call.text("project"))
        given, orphaned = call.given("orphaned"), call.yes("orphaned")
        rows: list[tuple[str, ...]] = []
        if not given or not orphaned:
            rows += _rows(await api.tree(application), output, "No")
        if not given or orphaned:
            rows += _rows(await api.orphans(application), output, "Yes")
        detailed = output == "tree=detailed"
        write(table([(*_HEADER, *(_DETAILS if detailed else ())), *rows]))

    run_core(call, verb)


def _rows(nodes: Sequence[TreeNode], output: str, orphaned: str) -> list[tuple[str, ...]]:
    rows = []
    for prefix, node in walk(nodes):
        if output == "" and node.parent:
            continue
        row = (f"{prefix}{node.group}", node.kind, node.namespace, node.name, orphaned)
        details: tuple[str, ...] = ()
        if output == "tree=detailed":
            health = node.health
            details = (
                age(node.created_at, time.time()),
                health.status.value if health else "",
                health.message if health else "",
            )
        rows.append((*row, *details))
    return rows
