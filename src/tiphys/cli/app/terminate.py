"""`app terminate-op`."""

from __future__ import annotations

from tiphys.cli.app.session import app_name, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.ports import CoreApi

_FLAGS = (text("app-namespace", "The namespace of the application", "N"),)


@command("terminate-op", _FLAGS, usage="APPNAME [flags]", summary="Stop the running operation.")
def terminate(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        await api.terminate(app_name(call, call.words[0]))
        write(f"Application '{call.words[0]}' operation terminating\n")

    run_core(call, verb)
