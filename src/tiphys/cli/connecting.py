"""Which server a command talks to, and how: flags, ARGOCD_OPTS, the environment and the
configuration file, in this order.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, replace
from pathlib import Path

from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.localconfig import Context, LocalConfig, Server, User, config_path, read_config
from tiphys.cli.ports import Forward
from tiphys.model.connection import ServerConnection

FORWARDED = "port-forward"
"""What stands for the address of a server that is reached by way of Kubernetes."""
_DEFAULT_PORT = "443"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command works with; None for what was not named. `core`: no server at all."""

    core: bool
    connection: ServerConnection | None = None
    forward: Forward | None = None
    context: Context | None = None
    user: User | None = None


def local_path(call: Call) -> Path:
    return Path(call.text("config")) if call.text("config") else config_path(os.environ)


def local_config(call: Call) -> LocalConfig:
    """An empty one where there is no file."""
    return read_config(local_path(call)) or LocalConfig()


def chosen(call: Call) -> Chosen:
    """Raises FatalError for what does not fit together."""
    if call.yes("core"):
        return Chosen(core=True)
    config = local_config(call)
    context, server, user = _of_context(call, config)
    if server is not None and server.core:
        return Chosen(core=True, context=context)
    forward = forward_of(call)
    address = call.text("server") or os.environ.get("ARGOCD_SERVER", "") or _address(server)
    if forward is not None:
        address = FORWARDED
    if not address:
        return Chosen(core=False)
    connection = replace(
        connection_to(call, address, server), token=_token(call, user.auth_token if user else "")
    )
    return Chosen(core=False, connection=connection, forward=forward, context=context, user=user)


def connection_to(call: Call, address: str, server: Server | None = None) -> ServerConnection:
    """To an address as flags say, over what is known of the server; nobody is logged in."""
    known = server or Server(server=address)
    authority = _file(call, "server-crt") or _decoded(known.certificate_authority_data)
    certificate, key = _client_certificate(call, known)
    root_path = call.text("grpc-web-root-path") or known.grpc_web_root_path
    return ServerConnection(
        address=with_port(address),
        plaintext=call.yes("plaintext") or known.plain_text,
        insecure=call.yes("insecure") or known.insecure,
        authority=authority,
        certificate=certificate,
        key=key,
        grpc_web=call.yes("grpc-web") or known.grpc_web or bool(root_path),
        root_path=root_path,
        headers=tuple(_header(text) for text in call.parts("header")),
        retries=call.number("http-retry-max"),
    )


def forward_of(call: Call) -> Forward | None:
    namespace = call.text("port-forward-namespace")
    if not namespace and not call.yes("port-forward"):
        return None
    named = call.text("server-name") if call.given("server-name") else ""
    return Forward(namespace, named or os.environ.get("ARGOCD_SERVER_NAME") or "argocd-server")


def with_port(address: str) -> str:
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        return address
    return f"{address}:{_DEFAULT_PORT}" if address != FORWARDED else address


def _of_context(
    call: Call, config: LocalConfig
) -> tuple[Context | None, Server | None, User | None]:
    name = call.text("argocd-context") or config.current
    if not name:
        return None, None, None
    context = config.context(name)
    if context is None:
        raise FatalError(f"error resolving context: Context '{name}' undefined", code=1)
    server = config.server(context.server)
    if server is None:
        text = f"error resolving context: Server '{context.server}' undefined"
        raise FatalError(text, code=1)
    return context, server, config.user(context.user)


def _address(server: Server | None) -> str:
    return server.server if server is not None else ""


def _token(call: Call, stored: str) -> str:
    return call.text("auth-token").strip() or os.environ.get("ARGOCD_AUTH_TOKEN", "") or stored


def _client_certificate(call: Call, known: Server) -> tuple[bytes, bytes]:
    if call.given("client-crt") != call.given("client-crt-key"):
        raise FatalError(
            "--client-crt and --client-crt-key must always be specified together", code=1
        )
    return (
        _file(call, "client-crt") or _decoded(known.client_certificate_data),
        _file(call, "client-crt-key") or _decoded(known.client_certificate_key_data),
    )


def _file(call: Call, flag: str) -> bytes:
    path = call.text(flag)
    try:
        return Path(path).read_bytes() if path else b""
    except OSError as error:
        raise FatalError(f"open {path}: {(error.strerror or '').lower()}") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FatalError("local config invalid: a certificate in it is not base64") from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        # The text may be a credential; it is not repeated.
        raise FatalError("additional headers must be colon(:)-separated", code=1)
    return name.strip(), value.strip()
