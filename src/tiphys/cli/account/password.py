"""`account update-password`."""

from __future__ import annotations

from dataclasses import replace

from tiphys.cli.app.session import anonymous, opened, run_server, server_choice, write
from tiphys.cli.command import Call, command
from tiphys.cli.connecting import chosen, local_path
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.localconfig import User, read_config, write_config
from tiphys.cli.ports import ServerApi
from tiphys.cli.prompts import secret

_FLAGS = (
    text("account", "The account; one's own where none is named"),
    text("current-password", "The password of who is logged in"),
    text("new-password", "The new password"),
)
_LOCAL = "argocd"


@command("update-password", _FLAGS, usage="[flags]", summary="Change a password.")
def update_password(call: Call) -> None:
    if call.words:
        call.help_and_fail()

    async def verb(server: ServerApi) -> None:
        await _update(call, server)

    run_server(call, verb)


async def _update(call: Call, server: ServerApi) -> None:
    info = await server.accounts.user_info()
    if not info.get("loggedIn"):
        raise FatalError("Unauthenticated: log in first")
    own, local = str(info.get("username") or ""), info.get("iss") == _LOCAL
    name = call.text("account")
    current = call.text("current-password")
    if local and not current:
        current = secret(f"*** Enter password of currently logged in user ({own}): ")
    new = call.text("new-password") or _twice(name or own)
    await server.accounts.update_password(name or own, current=current, new=new)
    write("Password updated\n")
    if local and name in ("", own):
        await _log_in_again(call, own, new)


def _twice(name: str) -> str:
    new = secret(f"*** Enter new password for user {name}: ")
    if secret(f"*** Confirm new password for user {name}: ") != new:
        raise FatalError("Passwords do not match")
    return new


async def _log_in_again(call: Call, name: str, password: str) -> None:
    """The token of before is of the old password."""
    choice, context = server_choice(call), chosen(call).context
    config = read_config(local_path(call))
    if choice is None or context is None or config is None:
        return
    anew = replace(choice, connection=anonymous(choice))
    async with opened(call, anew) as server:
        token = await server.accounts.log_in(name, password)
    user = config.user(context.user) or User(name=context.user)
    write_config(local_path(call), config.with_user(replace(user, auth_token=token)))
    write(f"Context '{context.name}' updated\n")
