"""TLS on the one port: what is spoken inside of it, and without it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.api.edges import LIST, VERSION, Native, Site, ask, serve
from tests.api.h2client import h2_ask
from tiphys.adapters.certificates.selfsigned import self_signed
from tiphys.api.edge import ApiServer

ALPN = ["http/1.1", "h2"]


def shown(name: str, folder: Path) -> ssl.SSLContext:
    pair = self_signed(
        ["localhost", name], "Argo CD", now=datetime.now(UTC), lasts=timedelta(days=1)
    )
    file = folder / f"{name}.pem"
    file.write_text(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(ALPN)
    context.load_cert_chain(file)
    return context


def client(*protocols: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class Held:
    """The context that new connections are shown."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def __call__(self) -> ssl.SSLContext:
        return self.context


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(shown("first.test", tmp_path))


@pytest.fixture
async def server(held: Held) -> AsyncIterator[ApiServer]:
    found = await serve(Site(), tls=held)
    yield found
    await found.close()


async def test_every_protocol_inside_of_tls(server: ApiServer) -> None:
    answer = await ask(server.port, "/api/version", tls=client())
    assert answer.json == {"Version": "v3.6.0"}
    native = Native(server.port, tls=client("h2"))
    assert (await native.call(LIST, {"name": "x"}))["items"]
    native.close()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(("h2", "http/1.1"), "http/1.1"), (("h2",), "h2"), ((), None)],
)
async def test_browsers_are_told_the_older_protocol(
    server: ApiServer, offered: tuple[str, ...], chosen: str | None
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=client(*offered))
    found = writer.get_extra_info("ssl_object").selected_alpn_protocol()
    writer.close()
    assert found == chosen


async def test_who_comes_without_tls_is_sent_to_it(server: ApiServer) -> None:
    answer = await ask(server.port, "/api/v1/clusters/a%2Fb?x=1")
    assert answer.status == 307
    assert answer.header("location") == "https://tiphys.test/api/v1/clusters/a%2Fb?x=1"


async def test_http2_without_tls_is_not_spoken_where_tls_is(server: ApiServer) -> None:
    with pytest.raises((AssertionError, ConnectionError)):
        await h2_ask(server.port, "GET", f"/{VERSION}")


async def test_a_renewed_certificate_is_shown_at_once(
    server: ApiServer, held: Held, tmp_path: Path
) -> None:
    async def names() -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=client())
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return found

    assert b"first.test" in await names()
    held.context = shown("second.test", tmp_path)
    assert b"second.test" in await names()


async def test_who_says_nothing_holds_up_nobody(server: ApiServer) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(20)]
    began = time.monotonic()
    assert (await ask(server.port, "/api/version", tls=client())).status == 200
    assert time.monotonic() - began < 5
    for _, writer in silent:
        writer.close()
