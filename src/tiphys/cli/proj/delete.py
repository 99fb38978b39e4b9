"""`proj delete`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import run_projects
from tiphys.cli.prompts import confirmed


@command("delete", (), usage="PROJECT [flags]", summary="Delete projects.")
def delete(call: Call) -> None:
    if not call.words:
        call.help_and_fail()

    async def verb(api: ProjectApi) -> None:
        for name in call.words:
            if confirmed(call, f"Are you sure you want to delete {name}? [y/n]"):
                await api.delete(name)
            else:
                write(f"The command to delete {name} was cancelled.\n")

    run_projects(call, verb)
