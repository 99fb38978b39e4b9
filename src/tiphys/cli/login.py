"""`login` and `relogin`: becoming somebody to a server, and staying so."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

from tiphys.cli.app.session import cluster_choice, opened, run_to_end, wiring, write
from tiphys.cli.claims import LOCAL_ISSUER, account_name, claims_of, display_name
from tiphys.cli.command import Call, command
from tiphys.cli.connecting import connection_to, forward_of, local_config, local_path
from tiphys.cli.errors import Ended, FatalError
from tiphys.cli.globals import Flag, FlagKind, text, yes
from tiphys.cli.localconfig import Context, Server, User, write_config
from tiphys.cli.ports import ServerApi, ServerChoice, SignIn
from tiphys.cli.prompts import confirmed, line, secret
from tiphys.model.connection import ServerConnection

_PORT = 8085
_SSO_FLAGS = (
    text("callback", "The address that the provider sends the browser back to"),
    yes("sso-launch-browser", "Open a browser for the login", default=True),
    Flag("sso-port", FlagKind.INTEGER, "The port that the browser comes back to", default=_PORT),
)
_LOGIN_FLAGS = (
    *_SSO_FLAGS,
    text("name", "The name of the context"),
    text("password", "The password"),
    yes("skip-test-tls", "Do not look at the server's TLS first"),
    yes("sso", "Log in at the identity provider"),
    text("username", "The name of the account"),
)
_RELOGIN_FLAGS = (*_SSO_FLAGS, text("password", "The password"))
_CORE = "kubernetes"
_FORWARD = "port-forward"


@dataclass(frozen=True, slots=True)
class _Tokens:
    token: str
    refresh: str = ""


@command("login", _LOGIN_FLAGS, usage="SERVER [flags]", summary="Log in to a server.")
def login(call: Call) -> None:
    core, forward = call.yes("core"), forward_of(call)
    if len(call.words) != 1 and not core and forward is None:
        call.help_and_fail()
    address = _CORE if core else _FORWARD if forward is not None else call.words[0]
    root_path = call.text("grpc-web-root-path").strip("/")
    name = call.text("name") or (f"{address}/{root_path}" if root_path else address)
    if core:
        _save(call, name, Server(server=address, core=True), _Tokens(""))
        write(f"Context '{name}' updated\n")
        return
    connection = replace(connection_to(call, address), token="")
    choice = ServerChoice(connection, forward, cluster_choice(call))

    async def main() -> None:
        if forward is None:
            changed = await _looked_at(call, choice)
        else:
            changed = choice
        async with opened(call, changed) as server:
            tokens = await _logged_in(call, server, changed.connection)
        claims = claims_of(tokens.token)
        write(f"'{display_name(claims)}' logged in successfully\n")
        _save(call, name, _server(call, address, changed.connection), tokens)
        write(f"Context '{name}' updated\n")

    run_to_end(main())


@command("relogin", _RELOGIN_FLAGS, usage="[flags]", summary="Log in once more.")
def relogin(call: Call) -> None:
    if call.words:
        call.help_and_fail()
    config = local_config(call)
    context = config.context(call.text("argocd-context") or config.current)
    server = config.server(context.server) if context else None
    if context is None or server is None:
        raise FatalError("No context found. Login using `argocd login`", code=1)
    user = config.user(context.user) or User(name=context.user)
    claims = claims_of(user.auth_token)
    connection = connection_to(call, server.server, server)
    choice = ServerChoice(connection, forward_of(call), cluster_choice(call))

    async def main() -> None:
        async with opened(call, choice) as api:
            if claims.get("iss") == LOCAL_ISSUER:
                name = account_name(claims)
                write(f"Relogging in as '{name}'\n")
                tokens = await _by_password(api, name, call.text("password"))
            else:
                write("Reinitiating SSO login\n")
                tokens = await _by_sso(call, api, connection)
        changed = User(name=user.name, auth_token=tokens.token, refresh_token=tokens.refresh)
        write_config(local_path(call), config.with_user(changed))
        write(f"Context '{context.name}' updated\n")

    run_to_end(main())


async def _looked_at(call: Call, choice: ServerChoice) -> ServerChoice:
    """How the server is to be reached, as the user agrees to; the command ends where not."""
    if call.yes("skip-test-tls"):
        return choice
    connection = choice.connection
    found = await wiring(call).tls(connection)
    if not found.present and not connection.plaintext:
        question = "WARNING: server is not configured with TLS. Proceed (y/n)? "
        _require(call, question)
        connection = replace(connection, plaintext=True)
    elif found.present and found.problem and not connection.insecure:
        question = (
            f"WARNING: server certificate had error: {found.problem}. Proceed insecurely (y/n)? "
        )
        _require(call, question)
        connection = replace(connection, insecure=True)
    return replace(choice, connection=connection)


def _require(call: Call, question: str) -> None:
    if not confirmed(call, question, always=True):
        raise Ended(1)


async def _logged_in(call: Call, server: ServerApi, connection: ServerConnection) -> _Tokens:
    if call.yes("sso"):
        return await _by_sso(call, server, connection)
    username = call.text("username") or line("Username: ")
    return await _by_password(server, username, call.text("password"))


async def _by_password(server: ServerApi, username: str, password: str) -> _Tokens:
    asked = password or secret("Password: ")
    return _Tokens(await server.accounts.log_in(username, asked))


async def _by_sso(call: Call, server: ServerApi, connection: ServerConnection) -> _Tokens:
    asked = SignIn(
        connection=connection,
        settings=await server.settings(),
        callback=call.text("callback"),
        port=call.number("sso-port"),
        browser=call.yes("sso-launch-browser"),
    )
    signed = await wiring(call).sign_in(asked, write)
    return _Tokens(signed.token, signed.refresh_token)


def _server(call: Call, address: str, connection: ServerConnection) -> Server:
    """What the file remembers of how the server was reached."""
    return Server(
        server=address,
        insecure=connection.insecure,
        plain_text=connection.plaintext,
        grpc_web=call.yes("grpc-web"),
        grpc_web_root_path=call.text("grpc-web-root-path"),
        certificate_authority_data=_base64(connection.authority),
        client_certificate_data=_base64(connection.certificate),
        client_certificate_key_data=_base64(connection.key),
    )


def _save(call: Call, name: str, server: Server, tokens: _Tokens) -> None:
    context = Context(name=name, server=server.server, user=name)
    user = User(name=name, auth_token=tokens.token, refresh_token=tokens.refresh)
    config = local_config(call).with_login(context, server, user)
    write_config(local_path(call), config)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
