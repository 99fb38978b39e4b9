"""TLS towards a server of the API."""

from __future__ import annotations

import os
import ssl
import tempfile

from tiphys.adapters.apiclient.errors import ConnectError
from tiphys.model.connection import ServerConnection


def tls_context(connection: ServerConnection, *protocols: str) -> ssl.SSLContext | None:
    """None for a server without TLS. Raises ConnectError for certificates that cannot be read."""
    if connection.plaintext:
        return None
    try:
        context = ssl.create_default_context()
        if connection.authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=connection.authority.decode())
        # A server's own certificate may be what is trusted, without any authority.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if connection.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if connection.certificate:
            _present(context, connection)
    except (OSError, ValueError) as error:
        raise ConnectError(connection.address, f"TLS: {error}") from None
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def _present(context: ssl.SSLContext, connection: ServerConnection) -> None:
    """OpenSSL reads certificates and keys from files only, which nobody else can open here."""
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(connection.certificate + b"\n" + connection.key)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
