"""`account generate-token` and `account delete-token`."""

from __future__ import annotations

from tiphys.cli.account.show import own_name
from tiphys.cli.app.session import run_server, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.ports import ServerApi
from tiphys.cli.prompts import confirmed
from tiphys.core.settings.duration import parse_duration

_ACCOUNT = text("account", "The account; one's own where none is named", "a")
_FLAGS = (
    _ACCOUNT,
    text("expires-in", "How long the token is good for, 0s for ever", "e", "0s"),
    text("id", "The token's id; a new one where none is given"),
)


@command("generate-token", _FLAGS, usage="[flags]", summary="Make a token.")
def generate_token(call: Call) -> None:
    seconds = _seconds(call.text("expires-in"))

    async def verb(server: ServerApi) -> None:
        name = call.text("account") or await own_name(server)
        token = await server.accounts.create_token(
            name, expires_in=seconds, token_id=call.text("id")
        )
        write(f"{token}\n")

    run_server(call, verb)


@command("delete-token", (_ACCOUNT,), usage="ID [flags]", summary="Delete a token.")
def delete_token(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    token_id = call.words[0]

    async def verb(server: ServerApi) -> None:
        name = call.text("account") or await own_name(server)
        if not confirmed(call, f"Are you sure you want to delete '{token_id}' token? [y/n]"):
            write(f"The command to delete '{token_id}' was cancelled.\n")
            return
        await server.accounts.delete_token(name, token_id)

    run_server(call, verb)


def _seconds(asked: str) -> int:
    """A duration, which may be in days."""
    seconds = parse_duration(asked)
    if seconds is None:
        raise FatalError(f'time: invalid duration "{asked}"')
    return int(seconds)
