"""`app confirm-deletion`."""

from __future__ import annotations

from tiphys.cli.app.session import app_name, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.ports import CoreApi

_FLAGS = (text("app-namespace", "The namespace of the application", "N"),)


@command(
    "confirm-deletion",
    _FLAGS,
    usage="APPNAME [flags]",
    summary="Let go what is deleted or pruned only when a person agrees.",
)
def confirm_deletion(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        await api.approve_deletion(app_name(call, call.words[0]))
        write(f"Application '{call.words[0]}' updated successfully\n")

    run_core(call, verb)
