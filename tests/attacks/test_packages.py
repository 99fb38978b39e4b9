"""Chart servers and registries that lead elsewhere, say too much, or want to hear too much.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.fixtures.chartserver import ChartServer
from tiphys.adapters.packages.charts.indexes import IndexLimits
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.adapters.packages.web import addresses, client
from tiphys.adapters.packages.web.pace import WebTiming
from tiphys.model.errors import RepositoryError, UnsupportedRepositoryError
from tiphys.model.repository import BasicLogin, Confidential, Repository, RepositoryKind

SwitchOff = Callable[[pytest.MonkeyPatch], object]


class Wire:
    """A chart server that attacks, another that must not be reached, and what asks."""

    size = 1_000_000

    def __init__(self, server: ChartServer, inner: ChartServer, folder: Path) -> None:
        self.server = server
        self.inner = inner
        self.folder = folder

    @property
    def repository(self) -> Repository:
        return Repository(self.server.url, kind=RepositoryKind.HELM)

    async def ask(self, repository: Repository, version: str = "1.0.0") -> None:
        packages = Packages(
            PackageSettings(
                self.folder,
                agent="tiphys/test",
                index=IndexLimits(size=self.size, shared=0),
                timing=WebTiming(connect=1.0, silence=1.0, whole=8.0, first_wait=0.01),
            )
        )
        try:
            await packages.charts.tree(repository, "web", version)
        finally:
            await packages.aclose()


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    server, inner = ChartServer(), ChartServer()
    await server.start()
    await inner.start()
    inner.publish("web", "1.0.0")
    server.publish("web", "1.0.0")
    yield Wire(server, inner, tmp_path)
    await server.stop()
    await inner.stop()


Attack = Callable[[Wire, pytest.MonkeyPatch], Awaitable[None]]


def unlimited(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Wire, "size", 1 << 40)


async def huge_index(wire: Wire, _: pytest.MonkeyPatch) -> None:
    wire.server.index = b"apiVersion: v1\nentries: {}\n" + b"# nothing\n" * 200_000
    with pytest.raises(RepositoryError, match="limit: it is larger than 1000000 bytes"):
        await wire.ask(wire.repository)


async def packed_index(wire: Wire, patch: pytest.MonkeyPatch) -> None:
    wire.server.zipped = True
    await huge_index(wire, patch)


def named(patch: pytest.MonkeyPatch, **hosts: str) -> None:
    """Names lead to addresses; those of metadata services are played by 127.0.0.9."""

    class Names(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            address = hosts[host.partition(".")[0]]
            return [
                ResolveResult(
                    hostname=host, host=address, port=port, family=family, proto=0, flags=0
                )
            ]

        async def close(self) -> None:
            """Nothing is open."""

    patch.setattr(addresses, "ThreadedResolver", Names)


METADATA = "127.0.0.9"


@pytest.fixture
async def metadata(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The paths that were asked of a metadata service."""
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=b"apiVersion: v1\n")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, METADATA, 0).start()
    monkeypatch.setattr(addresses, "is_metadata_address", lambda address: address == METADATA)
    monkeypatch.setattr(addresses, "is_metadata_host", lambda host: host == METADATA)
    asked.append(str(runner.addresses[0][1]))
    yield asked
    await runner.cleanup()


def metadata_is_like_any(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(addresses, "is_metadata_address", lambda _: False)
    patch.setattr(addresses, "is_metadata_host", lambda _: False)


async def straight(wire: Wire, port: str) -> None:
    await wire.ask(replace(wire.repository, url=f"http://{METADATA}:{port}"))


async def by_name(wire: Wire, port: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        named(patch, charts=METADATA)
        await wire.ask(replace(wire.repository, url=f"http://charts.test:{port}"))


async def by_redirect(wire: Wire, port: str) -> None:
    wire.server.answers = [(302, {"Location": f"http://{METADATA}:{port}/latest"})]
    await wire.ask(wire.repository)


async def by_index(wire: Wire, port: str) -> None:
    wire.server.publish("web", "1.0.0", url=f"http://{METADATA}:{port}/latest")
    await wire.ask(wire.repository)


async def by_realm(wire: Wire, port: str) -> None:
    realm = f'Bearer realm="http://{METADATA}:{port}/token",service="x"'
    wire.server.answers = [(401, {"WWW-Authenticate": realm})] * 2
    url = wire.server.url.removeprefix("http://").partition("/")[0]
    await wire.ask(Repository(f"{url}/team", oci=True, plain_http=True))


LEADING = [straight, by_name, by_redirect, by_index, by_realm]


async def leads(
    attack: Callable[[Wire, str], Awaitable[None]], wire: Wire, metadata: list[str]
) -> None:
    with pytest.raises(UnsupportedRepositoryError, match="its host is a metadata service"):
        await attack(wire, metadata[0])
    assert metadata[1:] == []


@pytest.mark.parametrize("attack", LEADING)
async def test_nothing_leads_to_a_metadata_service(
    attack: Callable[[Wire, str], Awaitable[None]], wire: Wire, metadata: list[str]
) -> None:
    await leads(attack, wire, metadata)


@pytest.mark.parametrize("attack", LEADING)
async def test_what_led_to_a_metadata_service_would_be_noticed(
    attack: Callable[[Wire, str], Awaitable[None]],
    wire: Wire,
    metadata: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metadata_is_like_any(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, RepositoryError)):
        await leads(attack, wire, metadata)
    assert metadata[1:] != []


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "100.100.100.200",
    ],
)
@pytest.mark.parametrize("form", ["http://{}/charts", "https://{}:8443", "{}/charts", "oci://{}/x"])
async def test_every_form_of_a_metadata_address(host: str, form: str, tmp_path: Path) -> None:
    packages = Packages(PackageSettings(tmp_path, agent="tiphys/test"))
    url = form.format(host)
    repository = Repository(url, kind=RepositoryKind.HELM, oci="://" not in url)
    with pytest.raises(UnsupportedRepositoryError):
        await packages.charts.versions(repository, "web")
    if url.startswith("oci"):
        with pytest.raises(UnsupportedRepositoryError):
            await packages.artifacts.digest(repository, "v1")
    await packages.aclose()


async def redirect_home(wire: Wire, patch: pytest.MonkeyPatch) -> None:
    """A server out there sends us to what listens on this machine alone."""
    named(patch, charts="127.0.0.1", inner="127.0.0.1")
    port = wire.inner.port
    for place in (f"127.0.0.1:{port}", f"inner.test:{port}", f"[::ffff:127.0.0.1]:{port}"):
        wire.server.answers = [(302, {"Location": f"http://{place}/charts/index.yaml"})]
        url = wire.server.url.replace("127.0.0.1", "charts.test")
        with pytest.raises(UnsupportedRepositoryError, match="this machine or its own link"):
            await wire.ask(replace(wire.repository, url=url))
    assert wire.inner.seen == []


def near_is_like_far(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(addresses, "_near", lambda _: False)


# Secrets


async def user_in_the_url(wire: Wire, _: pytest.MonkeyPatch) -> None:
    wire.server.publish("web", "1.0.0", url="http://ada:s3cret@127.0.0.1:port/web.tgz")
    with pytest.raises(RepositoryError) as caught:
        await wire.ask(wire.repository)
    assert "s3cret" not in str(caught.value) + caught.value.url


async def login_to_another_host(wire: Wire, _: pytest.MonkeyPatch) -> None:
    there = f"http://localhost:{wire.inner.port}/charts"
    wire.server.publish("web", "1.0.0", url=f"{there}/web-1.0.0.tgz")
    login = BasicLogin("ada", Confidential("s3cret"))
    await wire.ask(replace(wire.repository, credentials=login))
    assert [one.headers.get("Authorization") for one in wire.inner.seen] == [None]


ON_THE_WIRE: dict[str, tuple[Attack, SwitchOff]] = {
    "huge index": (huge_index, unlimited),
    "huge index, packed": (packed_index, unlimited),
    "redirect to this machine": (redirect_home, near_is_like_far),
    "user in the URL": (
        user_in_the_url,
        lambda patch: patch.setattr(client, "shown", str),
    ),
    "login to another host": (
        login_to_another_host,
        lambda patch: patch.setattr(client, "reaches", lambda *_: True),
    ),
}


@pytest.mark.parametrize("name", ON_THE_WIRE)
async def test_on_the_wire(name: str, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    await ON_THE_WIRE[name][0](wire, monkeypatch)


@pytest.mark.parametrize("name", ON_THE_WIRE)
async def test_on_the_wire_it_would_be_noticed(
    name: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack, off = ON_THE_WIRE[name]
    off(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, RepositoryError)):
        await attack(wire, monkeypatch)
