"""`logout`."""

from __future__ import annotations

from dataclasses import replace

from tiphys.cli.app.session import run_to_end, wiring, write
from tiphys.cli.command import Call, command
from tiphys.cli.connecting import connection_to, local_path
from tiphys.cli.errors import FatalError
from tiphys.cli.localconfig import Server, User, read_config, write_config
from tiphys.cli.log import Level, log
from tiphys.cli.prompts import confirmed
from tiphys.model.errors import ApiError


@command("logout", (), usage="CONTEXT [flags]", summary="Log out from a server.")
def logout(call: Call) -> None:
    if not call.words:
        call.help_and_fail()
    path, name = local_path(call), call.words[0]
    config = read_config(path)
    if config is None:
        raise FatalError("Nothing to logout from", code=1)
    context = config.context(name)
    if context is None:
        raise FatalError(f"Context {name} does not exist", code=1)
    if not confirmed(call, f"Are you sure you want to log out from '{name}'?"):
        write(f"Logout from '{name}' cancelled\n")
        return
    user = config.user(context.user) or User(name=context.user)
    server = config.server(context.server)
    if server is not None and not server.core:
        run_to_end(_take_back(call, server, user))
    gone = replace(user, auth_token="", refresh_token="")
    write_config(path, config.with_user(gone))
    write(f"Logged out from '{name}'\n")


async def _take_back(call: Call, server: Server, user: User) -> None:
    """As far as the server can be reached: the token is forgotten here either way."""
    connection = replace(connection_to(call, server.server, server), token=user.auth_token)
    try:
        if not user.auth_token:
            raise FatalError("there is none in the configuration file")
        await wiring(call).log_out(connection)
    except (ApiError, FatalError) as error:
        text = f"failed to invalidate token on server: {error}"
        log(Level.WARN, text, form=call.text("logformat"))
