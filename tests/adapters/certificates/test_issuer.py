"""Certificates as TLS takes them: a real handshake is the judge."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tiphys.adapters.certificates import CertificateIssuer
from tiphys.model.certificates import KeyPair

ISSUER = CertificateIssuer()
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def contexts(
    folder: Path, root: KeyPair, server: KeyPair, client: KeyPair
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ends = []
    for purpose, pair in ((ssl.Purpose.CLIENT_AUTH, server), (ssl.Purpose.SERVER_AUTH, client)):
        context = ssl.create_default_context(purpose, cadata=root.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        file = folder / purpose.name
        file.write_text(pair.certificate + pair.key)
        context.load_cert_chain(file)
        ends.append(context)
    return ends[0], ends[1]


async def shaken(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bytes:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname=name
        )
        try:
            return await reader.read(5)
        finally:
            writer.close()
    finally:
        listening.close()


@pytest.fixture
def root() -> KeyPair:
    return ISSUER.authority("root", now=NOW, lasts=DAY)


@pytest.mark.parametrize("name", ["render.example.com", "127.0.0.1"])
async def test_both_ends_are_believed(tmp_path: Path, root: KeyPair, name: str) -> None:
    server = ISSUER.issue(
        root, ["render.example.com", "127.0.0.1"], client=False, now=NOW, lasts=DAY
    )
    client = ISSUER.issue(root, ["controller"], client=True, now=NOW, lasts=DAY)
    assert await shaken(*contexts(tmp_path, root, server, client), name) == b"hello"


async def test_another_name_is_not_believed(tmp_path: Path, root: KeyPair) -> None:
    server = ISSUER.issue(root, ["render.example.com"], client=False, now=NOW, lasts=DAY)
    client = ISSUER.issue(root, ["controller"], client=True, now=NOW, lasts=DAY)
    with pytest.raises(ssl.SSLCertVerificationError):
        await shaken(*contexts(tmp_path, root, server, client), "other.example.com")


async def test_a_clients_certificate_is_none_of_a_server(tmp_path: Path, root: KeyPair) -> None:
    client = ISSUER.issue(root, ["render.example.com"], client=True, now=NOW, lasts=DAY)
    with pytest.raises(ssl.SSLCertVerificationError):
        await shaken(*contexts(tmp_path, root, client, client), "render.example.com")


def test_who_made_it_and_when_it_ends(root: KeyPair) -> None:
    other = ISSUER.authority("root", now=NOW, lasts=DAY)
    issued = ISSUER.issue(root, ["x"], client=False, now=NOW, lasts=2 * DAY)
    assert ISSUER.issued_by(issued.certificate, root.certificate)
    assert not ISSUER.issued_by(issued.certificate, other.certificate)
    assert not ISSUER.issued_by("no certificate", root.certificate)
    assert abs(ISSUER.until(issued.certificate) - NOW - 2 * DAY) < timedelta(seconds=2)
    with pytest.raises(ValueError, match="PEM"):
        ISSUER.until("no certificate")
