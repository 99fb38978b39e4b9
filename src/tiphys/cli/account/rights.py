"""`account can-i` and `account get-user-info`."""

from __future__ import annotations

from tiphys.cli.app.session import check_output, run_server, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import ServerApi

_INFO_FLAGS = (text("output", "yaml or json", "o"),)


@command(
    "can-i",
    (),
    usage="ACTION RESOURCE SUBRESOURCE [flags]",
    summary="Say whether one may do something.",
)
def can_i(call: Call) -> None:
    if len(call.words) != 3:
        call.help_and_fail()
    action, resource, target = call.words

    async def verb(server: ServerApi) -> None:
        write(f"{await server.accounts.can(action, resource, target)}\n")

    run_server(call, verb)


@command("get-user-info", _INFO_FLAGS, usage="[flags]", summary="Show who one is.")
def get_user_info(call: Call) -> None:
    if call.words:
        call.help_and_fail()
    output = call.text("output")

    async def verb(server: ServerApi) -> None:
        found = await server.accounts.user_info()
        check_output(output, ("", "json", "yaml"))
        if output == "json":
            write(to_json(found) + "\n")
        elif output == "yaml":
            write(to_yaml(found) + "\n")
        elif not found.get("loggedIn"):
            write("Logged In: false\n")
        else:
            write(
                "Logged In: true\n"
                f"Username: {found.get('username', '')}\n"
                f"Issuer: {found.get('iss', '')}\n"
                f"Groups: {','.join(found.get('groups') or ())}\n"
            )

    run_server(call, verb)
