"""Chart repositories over the wire: what is asked, sent, followed, and said when it fails."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from yarl import URL

from tests.adapters.packages.conftest import USER
from tests.fixtures.authority import Authority
from tests.fixtures.chartserver import ChartServer
from tests.fixtures.proxies import SocksProxy
from tests.fixtures.registry import Registry
from tests.fixtures.tars import tgz
from tiphys.adapters.packages.charts.indexes import IndexLimits
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.core.source.proxies import excepted
from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import (
    BasicLogin,
    BearerLogin,
    ClientCertificate,
    Confidential,
    Proxy,
    Repository,
    RepositoryKind,
    SshKey,
    Trust,
)

ADA = BasicLogin("ada", Confidential("s3cret-of-ada"))
HEADER = "Basic " + base64.b64encode(USER.encode()).decode()


def helm(url: str) -> Repository:
    return Repository(url, kind=RepositoryKind.HELM)


@pytest.fixture
async def elsewhere() -> AsyncIterator[ChartServer]:
    server = ChartServer(path="/elsewhere")
    await server.start()
    yield server
    await server.stop()


async def failure(packages: Packages, repository: Repository, version: str = "1.0.0") -> str:
    with pytest.raises(RepositoryError) as caught:
        await packages.charts.tree(repository, "web", version)
    text = str(caught.value)
    assert "s3cret" not in text
    assert "s3cret" not in caught.value.url
    assert caught.value.__cause__ is None
    return text


# Asking once


async def test_an_index_that_did_not_change_is_not_sent_again(
    server: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0")
    for _ in range(3):
        assert await packages.charts.versions(helm(server.url), "web") == ("1.0.0",)
    assert (server.requests["index.yaml"], server.requests["304"]) == (3, 2)


async def test_an_index_outlives_the_process(
    server: ChartServer, packages: Packages, restarted: Packages
) -> None:
    server.publish("web", "1.0.0")
    await packages.charts.versions(helm(server.url), "web")
    assert await restarted.charts.versions(helm(server.url), "web") == ("1.0.0",)
    assert server.requests["304"] == 1


async def test_all_who_ask_at_once_share_one_request(
    server: ChartServer, settings: PackageSettings
) -> None:
    packages = Packages(replace(settings, index=IndexLimits(shared=5.0)))
    for number in range(20):
        server.publish(f"chart-{number}", "1.0.0")
    asked = (packages.charts.versions(helm(server.url), f"chart-{n}") for n in range(20))
    assert await asyncio.gather(*asked) == [("1.0.0",)] * 20
    await packages.charts.versions(helm(server.url), "chart-0")
    assert server.requests["index.yaml"] == 1
    await packages.aclose()


@pytest.mark.parametrize("absolute", [False, True])
async def test_an_index_that_names_what_others_fetched_is_no_way_to_it(
    server: ChartServer, elsewhere: ChartServer, packages: Packages, *, absolute: bool
) -> None:
    digest = server.publish("web", "1.0.0", {"templates/private.yaml": "kind: Hidden"})
    server.wanted = HEADER
    await packages.charts.tree(replace(helm(server.url), credentials=ADA), "web", "1.0.0")
    url = f"{server.url}/web-1.0.0.tgz" if absolute else ""
    elsewhere.publish("web", "1.0.0", url=url, digest=digest.removeprefix("sha256:"))
    text = await failure(packages, helm(elsewhere.url))
    assert ("login" if absolute else "digest mismatch") in text


async def test_a_login_is_shown_only_what_the_server_shows_it(
    server: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0")
    server.wanted = HEADER
    repository = helm(server.url)
    await packages.charts.versions(replace(repository, credentials=ADA), "web")
    assert "login" in await failure(packages, repository)


async def test_a_chart_is_fetched_once(
    server: ChartServer, packages: Packages, restarted: Packages
) -> None:
    server.publish("web", "1.0.0")
    repository = helm(server.url)
    trees = [packages.charts.tree(repository, "web", "1.0.0") for _ in range(5)]
    await asyncio.gather(*trees)
    await restarted.charts.tree(repository, "web", "1.0.0")
    assert server.requests["web-1.0.0.tgz"] == 1


async def test_a_chart_without_a_digest_in_the_index_is_fetched_once(
    server: ChartServer, packages: Packages
) -> None:
    digest = server.publish("web", "1.0.0", digest="")
    repository = helm(server.url)
    for _ in range(2):
        tree = await packages.charts.tree(repository, "web", "1.0.0")
        assert tree.commit == digest
    assert server.requests["web-1.0.0.tgz"] == 1


async def test_a_version_that_was_published_again_is_found(
    server: ChartServer, packages: Packages
) -> None:
    repository = helm(server.url)
    server.publish("web", "1.0.0", {"values.yaml": "a: 1"})
    await packages.charts.versions(repository, "web")
    digest = server.publish("web", "1.0.0", {"values.yaml": "a: 2"})
    assert (await packages.charts.tree(repository, "web", "1.0.0")).commit == digest


async def test_a_version_that_is_known_needs_no_server_and_no_index(
    server: ChartServer, settings: PackageSettings
) -> None:
    """Until a while is over, and after that where nobody answers."""
    for kept in (180.0, 0.0):
        packages = Packages(replace(settings, index=IndexLimits(shared=0.0, kept=kept)))
        server.publish("web", "1.0.0")
        repository = helm(server.url)
        before = server.requests["index.yaml"]
        for _ in range(2):
            await packages.charts.tree(repository, "web", "1.0.0")
        assert server.requests["index.yaml"] - before == (2 if kept == 0 else 1)
        server.answers = [(503, {})] * 3
        await packages.charts.tree(repository, "web", "1.0.0")
        server.answers.clear()
        server.wanted = HEADER  # it answers, and says no
        if kept == 0:
            assert "login" in await failure(packages, repository)
        server.wanted = ""
        await packages.aclose()


async def test_a_large_index_is_read_apart(server: ChartServer, packages: Packages) -> None:
    filler = b"".join(b"  chart-%d: [{version: 1.0.0, urls: [x]}]\n" % n for n in range(8000))
    server.index = b"apiVersion: v1\nentries:\n" + filler
    assert len(server.index) > 256 << 10
    assert await packages.charts.versions(helm(server.url), "chart-7999") == ("1.0.0",)
    server.index += b"x: ["
    assert "it is no YAML: line 8004" in await failure(packages, helm(server.url))
    server.index = server.index.replace(b"x: [", b"x: " + b"[" * 200 + b"]" * 200)
    assert "nested deeper than 100" in await failure(packages, helm(server.url))


async def test_an_index_that_takes_too_long_to_read(
    server: ChartServer, settings: PackageSettings
) -> None:
    packages = Packages(replace(settings, index=IndexLimits(shared=0.0, parsing=0.01)))
    server.index = b"apiVersion: v1\nentries: {}\n" + b"# nothing\n" * 50_000
    assert "it could not be read in 0.01 s" in await failure(packages, helm(server.url))
    await packages.aclose()


# URLs


async def test_urls_below_the_repository_and_of_their_own(
    server: ChartServer, elsewhere: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0", url="files/web-1.0.0.tgz")
    server.publish("web", "1.1.0", url="/charts/../web-1.1.0.tgz")
    server.publish("web", "1.2.0", url=f"{elsewhere.url}/web-1.2.0.tgz")
    elsewhere.files.update(server.files)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        await packages.charts.tree(helm(f"{server.url}/?key=1"), "web", version)
    assert [request.path_qs for request in server.seen] == [
        "/charts/index.yaml?key=1",
        "/charts/files/web-1.0.0.tgz?key=1",
        "/web-1.1.0.tgz?key=1",
    ]
    assert elsewhere.requests == {"web-1.2.0.tgz": 1}


async def test_an_index_that_leads_to_a_registry(
    server: ChartServer, registry: Registry, packages: Packages
) -> None:
    digest = await registry.push_chart("of-index/web", "1.0.0")
    server.publish("web", "1.0.0", url=f"oci://{registry.host}/of-index/web:1.0.0", digest="")
    repository = replace(helm(server.url), plain_http=True)
    assert (await packages.charts.tree(repository, "web", "1.0.0")).commit == digest


# Logins


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_login_goes_to_its_own_host_alone(
    server: ChartServer, elsewhere: ChartServer, packages: Packages, everywhere: bool
) -> None:
    server.wanted = HEADER
    server.publish("web", "1.0.0", url=f"{elsewhere.url}/web-1.0.0.tgz")
    elsewhere.files.update(server.files)
    repository = replace(helm(server.url), credentials=ADA, pass_credentials=everywhere)
    await packages.charts.tree(repository, "web", "1.0.0")
    (request,) = elsewhere.seen
    assert request.headers.get("Authorization") == (HEADER if everywhere else None)


async def test_a_login_for_all_hosts_stays_encrypted(
    tls_server: ChartServer, elsewhere: ChartServer, packages: Packages
) -> None:
    tls_server.publish("web", "1.0.0", url=f"{elsewhere.url}/web-1.0.0.tgz")
    elsewhere.files.update(tls_server.files)
    repository = replace(
        helm(tls_server.url), credentials=ADA, pass_credentials=True, trust=Trust(insecure=True)
    )
    await packages.charts.tree(repository, "web", "1.0.0")
    assert tls_server.seen[0].headers["Authorization"] == HEADER
    assert [one.headers.get("Authorization") for one in elsewhere.seen] == [None]


async def test_a_login_does_not_follow_a_redirect_to_another_host(
    server: ChartServer, elsewhere: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0")
    elsewhere.publish("web", "1.0.0")
    repository = replace(helm(server.url), credentials=ADA)
    there = f"http://localhost:{elsewhere.port}/elsewhere/index.yaml"
    server.answers = [(302, {"Location": there})]
    assert await packages.charts.versions(repository, "web") == ("1.0.0",)
    assert server.seen[0].headers["Authorization"] == HEADER
    assert [request.headers.get("Authorization") for request in elsewhere.seen] == [None]


async def test_a_login_follows_a_redirect_on_its_host(
    server: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0")
    server.wanted = HEADER
    server.answers = [(301, {"Location": "/charts/index.yaml"})]
    repository = replace(helm(server.url), credentials=ADA)
    assert await packages.charts.versions(repository, "web") == ("1.0.0",)


async def test_every_kind_of_login_that_can_be_sent(
    server: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0")
    url = server.url.replace("://", "://ada:s3cret-of-ada@")
    kinds = [
        replace(helm(server.url), credentials=ADA),
        replace(helm(server.url), credentials=BearerLogin(Confidential("t0ken"))),
        replace(helm(server.url), credentials=SshKey(Confidential("of Git alone"))),
        helm(url),
    ]
    for repository in kinds:
        await packages.charts.versions(repository, "web")
    seen = [request.headers.get("Authorization") for request in server.seen]
    assert seen == [HEADER, "Bearer t0ken", None, HEADER]
    assert "s3cret" not in str([path.read_bytes() for path in _files(packages)])


def _files(packages: Packages) -> list[Path]:
    folder = packages._indexes._shelf.place("")
    return [path for path in folder.rglob("*") if path.is_file()]


# What fails names its step


async def test_a_wrong_password(server: ChartServer, packages: Packages) -> None:
    server.wanted = HEADER
    wrong = BasicLogin("ada", Confidential("s3cret-of-eve"))
    text = await failure(packages, replace(helm(server.url), credentials=wrong))
    assert re.match(r"failed to get index: login: the server answers 401", text)
    assert "check the user and password" in text


async def test_no_login_where_one_is_wanted(server: ChartServer, packages: Packages) -> None:
    server.wanted = HEADER
    text = await failure(packages, helm(server.url))
    assert "login: the server answers 401: it wants a login, and the repository has none" in text


async def test_an_authority_that_nobody_knows(
    tls_server: ChartServer, packages: Packages, authority: Authority
) -> None:
    tls_server.publish("web", "1.0.0")
    text = await failure(packages, helm(tls_server.url))
    assert re.match(r"failed to get index: TLS: the certificate of 127.0.0.1:\d+ is not", text)
    assert "cert add-tls" in text
    known = replace(helm(tls_server.url), trust=Trust(certificates=authority.pem))
    await packages.charts.tree(known, "web", "1.0.0")
    careless = replace(helm(tls_server.url), trust=Trust(insecure=True))
    await packages.charts.tree(careless, "web", "1.0.0")


async def test_a_certificate_that_has_expired(
    authority: Authority, packages: Packages, tmp_path: Path
) -> None:
    expired = authority.server_context(tmp_path, authority.issue(days=-1))
    server = ChartServer(expired)
    await server.start()
    repository = replace(helm(server.url), trust=Trust(certificates=authority.pem))
    text = await failure(packages, repository)
    await server.stop()
    assert "TLS: " in text
    assert "certificate has expired" in text


async def test_a_client_certificate(
    authority: Authority, packages: Packages, tmp_path: Path
) -> None:
    server = ChartServer(authority.server_context(tmp_path, asks_clients=True))
    await server.start()
    server.publish("web", "1.0.0")
    repository = replace(helm(server.url), trust=Trust(certificates=authority.pem))
    text = await failure(packages, repository)
    assert re.search("TLS|connection", text)
    ours = authority.issue("ada", client=True)
    shown = ClientCertificate(ours.certificate, Confidential(ours.key))
    await packages.charts.tree(replace(repository, client_certificate=shown), "web", "1.0.0")
    await server.stop()


async def test_certificates_that_cannot_be_read(server: ChartServer, packages: Packages) -> None:
    url = server.url.replace("http:", "https:")
    broken = "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----"
    text = await failure(packages, replace(helm(url), trust=Trust(certificates=broken)))
    assert "TLS: the certificates for the host cannot be read" in text
    shown = ClientCertificate(broken, Confidential("s3cret"))
    text = await failure(packages, replace(helm(url), client_certificate=shown))
    assert "TLS: the client certificate or its key cannot be read" in text


async def test_tls_where_there_is_none(server: ChartServer, packages: Packages) -> None:
    text = await failure(packages, helm(server.url.replace("http:", "https:")))
    assert "TLS: 127.0.0.1" in text


async def test_a_host_that_nobody_knows(packages: Packages) -> None:
    text = await failure(packages, helm("https://charts.invalid/stable"))
    assert "name resolution: the host 'charts.invalid' cannot be resolved; check the host" in text


@pytest.mark.parametrize("host", ["a" * 70 + ".test", "a..test", "ä" * 70 + ".test"])
async def test_what_is_no_name_of_a_host(packages: Packages, host: str) -> None:
    with pytest.raises(RepositoryError, match=r"name resolution|is refused"):
        await packages.charts.versions(helm(f"https://{host}/stable"), "web")


async def test_a_port_where_nobody_listens(packages: Packages) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = await failure(packages, helm(f"http://127.0.0.1:{port}/charts"))
    assert f"connection: no connection to 127.0.0.1:{port}: connection refused" in text


async def test_a_server_that_does_not_answer(
    server: ChartServer, settings: PackageSettings
) -> None:
    impatient = replace(settings.timing, silence=0.2)
    packages = Packages(replace(settings, timing=impatient))
    server.silent = True
    with pytest.raises(RepositoryUnreachableError, match=r"answer: .* did not answer in time"):
        await packages.charts.versions(helm(server.url), "web")
    await packages.aclose()


async def test_a_chart_or_version_that_is_missing(server: ChartServer, packages: Packages) -> None:
    server.publish("api", "1.0.0")
    assert "chart 'web' not found in index" in await failure(packages, helm(server.url))
    server.publish("web", "1.0.0")
    server.publish("web", "1.4.0")
    text = await failure(packages, helm(server.url), "3.0.0")
    assert text == (
        f'chart "web" version "3.0.0" not found in {server.url} repository; the newest is 1.4.0'
    )


@pytest.mark.parametrize("url", ["//[x", "http://[x", "http:///x", "javascript:x", "\u2028"])
async def test_a_chart_behind_what_is_no_url(
    server: ChartServer, packages: Packages, url: str
) -> None:
    server.publish("web", "1.0.0", url=url)
    await failure(packages, helm(server.url))


async def test_validators_that_cannot_be_sent_back(server: ChartServer, packages: Packages) -> None:
    server.publish("web", "1.0.0")
    server.tag = '"\u00e4\u20ac"'
    for _ in range(2):
        assert await packages.charts.versions(helm(server.url), "web") == ("1.0.0",)


async def test_an_archive_that_is_missing(server: ChartServer, packages: Packages) -> None:
    server.publish("web", "1.0.0")
    server.files.clear()
    with pytest.raises(RevisionNotFoundError, match=r"failed to fetch chart 'web' 1\.0\.0: .*404"):
        await packages.charts.tree(helm(server.url), "web", "1.0.0")


async def test_an_archive_of_another_digest(server: ChartServer, packages: Packages) -> None:
    server.publish("web", "1.0.0")
    server.files["web-1.0.0.tgz"] = tgz({"Chart.yaml": "name: evil"}, "web")
    text = await failure(packages, helm(server.url))
    assert re.search(r"digest mismatch: sha256:[0-9a-f]{64} came instead of sha256:", text)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (b"", "it is empty"),
        (b"<html><body>hello</body></html>", "it is no mapping"),
        (b"just: yaml", "it is no index"),
        (b"apiVersion: [", "it is no YAML: line"),
        (b"apiVersion: v1\nentries: \x00", "it is no YAML: a character"),
        (b"apiVersion: v1\nx: " + b"[" * 200 + b"]" * 200, "nested deeper than 100"),
    ],
)
async def test_what_is_no_index(
    server: ChartServer, packages: Packages, index: bytes, text: str
) -> None:
    server.index = index
    said = await failure(packages, helm(server.url))
    assert said.startswith("failed to get index: ")
    assert text in said


async def test_a_server_at_fault_is_asked_again_and_then_blamed(
    server: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0")
    server.answers = [(503, {}), (500, {})]
    assert await packages.charts.versions(helm(server.url), "web") == ("1.0.0",)
    server.answers = [(503, {})] * 3
    with pytest.raises(RepositoryUnreachableError, match="answer: the server answers 503"):
        await packages.charts.versions(helm(server.url), "web")
    assert server.requests["index.yaml"] == 6


async def test_a_limit_of_the_rate_is_waited_for_or_said(
    server: ChartServer, packages: Packages
) -> None:
    server.publish("web", "1.0.0")
    server.answers = [(429, {"Retry-After": "0"})]
    assert await packages.charts.versions(helm(server.url), "web") == ("1.0.0",)
    server.answers = [(429, {"Retry-After": "120"})]
    with pytest.raises(RepositoryUnreachableError, match=r"limits the rate .* none for 120 s"):
        await packages.charts.versions(helm(server.url), "web")
    # It is left alone until then.
    before = server.requests["index.yaml"]
    with pytest.raises(RepositoryUnreachableError, match="limits the rate"):
        await packages.charts.versions(helm(server.url), "web")
    assert server.requests["index.yaml"] == before


async def test_redirects_without_end(server: ChartServer, packages: Packages) -> None:
    server.answers = [(302, {"Location": "index.yaml"})] * 30
    assert "more than 10 redirects" in await failure(packages, helm(server.url))
    assert server.requests["index.yaml"] == 11


# Proxies, packing


async def test_a_proxy_and_what_is_excepted_from_it(
    server: ChartServer, tls_server: ChartServer, authority: Authority, packages: Packages
) -> None:
    tls_server.publish("web", "1.0.0")
    async with SocksProxy("ada:s3cret") as proxy:
        through = Proxy(f"http://ada:s3cret@127.0.0.1:{proxy.port}", exceptions="10.0.0.0/8,.test")
        repository = replace(
            helm(tls_server.url), trust=Trust(certificates=authority.pem), proxy=through
        )
        await packages.charts.tree(repository, "web", "1.0.0")
        assert set(proxy.connected) == {("127.0.0.1", tls_server.port)}
        proxy.connected.clear()
        excepted = replace(through, exceptions="127.0.0.0/8")
        await packages.charts.versions(replace(repository, proxy=excepted), "web")
        assert proxy.connected == []
        wrong = Proxy(f"http://ada:s3cret-not@127.0.0.1:{proxy.port}")
        text = await failure(packages, replace(repository, proxy=wrong), "2.0.0")
        assert "proxy: the proxy answers 407" in text
    text = await failure(packages, replace(repository, proxy=Proxy("socks5://127.0.0.1:1080")))
    assert "proxy: only http:// and https:// proxies" in text


async def test_a_proxy_of_the_environment_is_not_for_this_machine(
    server: ChartServer, settings: PackageSettings
) -> None:
    server.publish("web", "1.0.0")
    async with SocksProxy() as proxy:
        here = f"127.0.0.1:{proxy.port}"
        environment = {"http_proxy": here, "HTTPS_PROXY": here, "NO_PROXY": "other.test"}
        packages = Packages(replace(settings, environment=environment))
        assert await packages.charts.versions(helm(server.url), "web") == ("1.0.0",)
        with pytest.raises(RepositoryUnreachableError):
            await packages.charts.versions(helm("https://charts.invalid"), "web")
        assert set(proxy.connected) == {("charts.invalid", 443)}
        with pytest.raises(RepositoryUnreachableError, match="name resolution"):
            await packages.charts.versions(helm("https://other.test"), "web")
        await packages.aclose()


@pytest.mark.parametrize(
    ("exceptions", "url", "expected"),
    [
        ("*", "http://a.test", True),
        ("a.test", "http://a.test", True),
        ("a.test", "http://b.a.test", True),
        (".a.test", "http://b.a.test", True),
        (".a.test", "http://a.test", False),
        ("*.a.test", "http://b.a.test", True),
        ("a.test", "http://ba.test", False),
        ("a.test:8080", "http://a.test:8080", True),
        ("a.test:8080", "http://a.test", False),
        (" , b.test , A.test", "http://a.TEST.", True),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("10.0.0.0/8", "http://a.test", False),
        ("10.1.2.3", "http://10.1.2.3:80", True),
        ("[::1]:80,fe80::/10", "http://[fe80::1]", True),
        ("[::1]:80", "http://[::1]", True),
        ("::1", "http://[::1]:99", True),
        ("", "http://a.test", False),
    ],
)
def test_what_is_excepted_from_a_proxy(exceptions: str, url: str, expected: bool) -> None:
    parsed = URL(url)
    assert excepted(parsed.host or "", parsed.port, exceptions) is expected


async def test_an_index_that_is_sent_packed(server: ChartServer, packages: Packages) -> None:
    server.publish("web", "1.0.0")
    server.zipped = True
    assert await packages.charts.versions(helm(server.url), "web") == ("1.0.0",)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://charts.example.com",
        "http://",
        "https://charts.example.com:port/x",
        "file:///x",
        "http://[::1",
        "http://127.0.0.1/\r\nX-Evil: 1",
        "http://127.0.0.1:99999/",
    ],
)
async def test_what_is_no_url_of_a_repository(packages: Packages, url: str) -> None:
    with pytest.raises(UnsupportedRepositoryError, match="is refused"):
        await packages.charts.versions(helm(url), "web")


async def test_a_repository_is_tried_before_it_is_used(
    server: ChartServer, packages: Packages
) -> None:
    await packages.charts.probe(helm(server.url))
    server.wanted = HEADER
    with pytest.raises(RepositoryError, match="failed to get index: login"):
        await packages.charts.probe(helm(server.url))
