"""`app get`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from tiphys.cli.app.resources import resource_table
from tiphys.cli.app.session import CONTRACT_NAME, app_name, check_output, run_core, write
from tiphys.cli.app.specsource import NAME_FLAG, POSITION_FLAG, named_position, source_index
from tiphys.cli.app.summary import conditions, header, operation, parameters
from tiphys.cli.app.treeview import tree_table
from tiphys.cli.command import Call, command
from tiphys.cli.globals import Flag, FlagKind, text, yes
from tiphys.cli.log import Level, log
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import REFRESHING, RENDERING, busy
from tiphys.model.application import Application
from tiphys.model.errors import TiphysError
from tiphys.services.applications import AppName

_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    yes("hard-refresh", "Compare first, without what is remembered of renders"),
    text("output", "wide, tree, tree=detailed, json or yaml", "o", "wide"),
    yes("refresh", "Compare first"),
    yes("show-operation", "Show the last operation"),
    yes("show-params", "Show the parameters of a Helm source"),
    NAME_FLAG,
    POSITION_FLAG,
    Flag("timeout", FlagKind.NATURAL, "Seconds to wait for the comparison, 0 for no limit"),
)


@command("get", _FLAGS, usage="APPNAME [flags]", summary="Show an application.")
def get(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        application = await read_application(call, api, app_name(call, call.words[0]))
        # What is asked for in vain is said, whether or not it is shown.
        named_position(call, (application.to_manifest().get("spec") or {}).get("sources") or ())
        await _show(call, api, application)

    run_core(call, verb)


async def read_application(call: Call, api: CoreApi, name: AppName) -> Application:
    """The application, compared first if the flags ask for that."""
    hard = call.yes("hard-refresh")
    if not hard and not call.yes("refresh"):
        return await api.get(name)
    try:
        async with busy(REFRESHING):
            return await asyncio.wait_for(api.refresh(name, hard=hard), _patience(call))
    except TimeoutError:
        return await api.get(name)


def _patience(call: Call) -> int | None:
    return (call.number("timeout") or None) if call.owns("timeout") else None


async def _show(call: Call, api: CoreApi, application: Application) -> None:
    output = call.text("output")
    match output:
        case "json":
            write(to_json(application.to_json()) + "\n")
        case "yaml":
            write(to_yaml(application.to_json()))
        case "wide" | "":
            write(await _above(call, api, application))
            if application.status.resources:
                write("\n" + resource_table(application))
            await _explain(call, api, application)
        case "tree" | "tree=detailed":
            write(await _above(call, api, application))
            write(await shown_tree(api, application, output))
        case _:
            check_output(output, ())


async def _explain(call: Call, api: CoreApi, application: Application) -> None:
    """Says why under our own name; under the contract's, scripts read what we print."""
    if call.program == CONTRACT_NAME:
        return
    # Loads what compares; help and listings do without.
    from tiphys.cli.app.reasons import hidden, reasons

    try:
        async with busy(RENDERING):
            told = await api.explain(application)
        write(reasons(told, time.time()) + hidden(told))
    except TiphysError as error:
        log(Level.WARN, f"cannot tell why: {error}", form=call.text("logformat"))


async def _above(call: Call, api: CoreApi, application: Application) -> str:
    windows = await api.windows(application)
    shown = header(application, url=await api.url(), windows=windows) + conditions(application)
    if call.yes("show-operation") and application.status.operation_state is not None:
        shown += "\n" + operation(application.status.operation_state, datetime.now(UTC))
    if call.yes("show-params"):
        sources = application.spec.sources or (application.spec.source,)
        spec = application.to_manifest().get("spec") or {}
        shown += parameters(sources[source_index(call, spec)])
    return shown


async def shown_tree(api: CoreApi, application: Application, output: str) -> str:
    """The tree after a blank line, nothing where nothing is live."""
    nodes = await api.tree(application)
    shown = tree_table(
        application, nodes, detailed=output == "tree=detailed", now_seconds=time.time()
    )
    return shown and "\n" + shown
