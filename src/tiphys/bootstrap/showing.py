"""Certificates of our authority in TLS contexts."""

from __future__ import annotations

import ssl
import tempfile

from tiphys.model.certificates import KeyPair
from tiphys.services.authority.authority import Identity


def show(context: ssl.SSLContext, pair: KeyPair) -> None:
    """OpenSSL reads keys from files alone: from one that only we can read, and for a moment."""
    with tempfile.NamedTemporaryFile("w", prefix="tiphys-", suffix=".pem") as file:
        file.write(pair.certificate + pair.key)
        file.flush()
        context.load_cert_chain(file.name)


def server_context(identity: Identity) -> ssl.SSLContext:
    """Who calls has to show a certificate of the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=identity.ca)
    show(context, identity.pair)
    return context


def client_context(identity: Identity) -> ssl.SSLContext:
    """Believes in that authority alone, and shows what it gave us."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=identity.ca)
    show(context, identity.pair)
    return context
