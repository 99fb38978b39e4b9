"""Credentials exchanged for tokens, against servers of the test that answer as the real ones do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.fixtures.authority import Authority
from tiphys.adapters.tokens import TokenLogins, TokenSettings
from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import (
    Anonymous,
    AzureServicePrincipal,
    AzureWorkloadIdentity,
    BasicLogin,
    BearerLogin,
    Confidential,
    GitHubApp,
    GoogleServiceAccount,
    Proxy,
    Repository,
    Trust,
)

_PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = Confidential(
    _PRIVATE.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
)
URL = "https://git.example.com/Acme/web.git"
SECRET = Confidential("s3cret")


class Provider:
    """Answers all three providers' requests, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.installations = [{"id": 7, "account": {"login": "ACME"}}]
        self.answer: web.Response | None = None
        self.lasts = 3600.0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def start(self, tls: Any = None) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.calls.append((request.method, request.path_qs, form))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.answer is not None:
            return self.answer
        number = len(self.calls)
        if request.path.endswith("/app/installations"):
            page = int(request.query["page"]) - 1
            return web.json_response(self.installations[page * 100 : page * 100 + 100])
        if request.path.endswith("/access_tokens"):
            until = datetime.fromtimestamp(time.time() + self.lasts, UTC)
            body = {"token": f"ghs_{number}", "expires_at": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
            return web.json_response(body, status=201)
        return web.json_response({"access_token": f"at_{number}", "expires_in": self.lasts})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    await provider.start()
    yield provider
    await provider.stop()


def app(provider: Provider, **changes: Any) -> Repository:
    known = GitHubApp(42, KEY, installation_id=9, base_url=f"{provider.url}/api/v3/")
    return Repository(URL, credentials=replace(known, **changes))


def service_account(provider: Provider) -> Repository:
    key = {"client_email": "ci@p.iam", "private_key": KEY, "token_uri": f"{provider.url}/token"}
    account = GoogleServiceAccount(Confidential(orjson.dumps(key).decode()))
    return Repository(URL, credentials=account)


def principal(provider: Provider) -> Repository:
    known = AzureServicePrincipal("ten/ant", "client", SECRET, provider.url)
    return Repository(URL, credentials=known)


async def test_a_github_app(provider: Provider) -> None:
    login = await TokenLogins().login(app(provider))
    assert login == BasicLogin("x-access-token", Confidential("ghs_1"))
    assert provider.calls == [("POST", "/api/v3/app/installations/9/access_tokens", {})]
    statement = provider.headers[0]["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(statement, RSAKey.import_key(str(KEY)), algorithms=["RS256"]).claims
    assert claims["iss"] == "42"
    assert claims["iat"] <= time.time() - 30
    assert 0 < claims["exp"] - time.time() <= 600


async def test_an_installation_is_found_by_the_owner(provider: Provider) -> None:
    others: list[dict[str, Any]] = [
        {"id": 100 + n, "account": {"login": f"o{n}"}} for n in range(150)
    ]
    provider.installations = [*others, {"id": 7, "account": {"login": "ACME"}}]
    logins = TokenLogins()
    repository = app(provider, installation_id=0)
    assert await logins.login(repository) == await logins.login(
        replace(repository, url="ssh://git@git.example.com/acme/other")
    )
    assert [path for _, path, _ in provider.calls] == [
        "/api/v3/app/installations?per_page=100&page=1",
        "/api/v3/app/installations?per_page=100&page=2",
        "/api/v3/app/installations/7/access_tokens",
    ]
    other = replace(repository, url="https://git.example.com/o149/x")
    await logins.login(other)
    assert provider.calls[-1][1] == "/api/v3/app/installations/249/access_tokens"
    logins.refused(other)
    await logins.login(other)
    assert [path for _, path, _ in provider.calls[-2:]] == [
        "/api/v3/app/installations/249/access_tokens"
    ] * 2


@pytest.mark.parametrize(("minutes", "asked"), [("10", 2), ("60", 1), ("0", 1), ("soon", 1)])
async def test_what_an_app_was_given_is_kept_for_as_long_as_is_set(
    provider: Provider, minutes: str, asked: int
) -> None:
    now = time.time()
    given = {"ARGOCD_GITHUB_APP_CREDS_EXPIRATION_DURATION": minutes}
    logins = TokenLogins(TokenSettings(given), now=lambda: now)
    await logins.login(app(provider))
    now += 1200
    await logins.login(app(provider))
    assert len(provider.calls) == asked


async def test_an_app_that_is_not_installed(provider: Provider) -> None:
    repository = replace(app(provider, installation_id=0), url="https://git.example.com/none/x")
    with pytest.raises(RepositoryError) as caught:
        await TokenLogins().login(repository)
    assert "ensure the GitHub App (ID: 42) is installed for this organization" in str(caught.value)


async def test_a_google_service_account(provider: Provider) -> None:
    login = await TokenLogins().login(service_account(provider))
    assert login == BasicLogin("ci@p.iam", Confidential("at_1"))
    method, path, form = provider.calls[0]
    assert (method, path) == ("POST", "/token")
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    key = RSAKey.import_key(str(KEY))
    claims = jwt.decode(form["assertion"], key, algorithms=["RS256"]).claims
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert (claims["iss"], claims["aud"]) == ("ci@p.iam", f"{provider.url}/token")


async def test_an_azure_service_principal(provider: Provider) -> None:
    assert await TokenLogins().login(principal(provider)) == BearerLogin(Confidential("at_1"))
    assert provider.calls == [
        (
            "POST",
            "/ten%2Fant/oauth2/v2.0/token",
            {
                "grant_type": "client_credentials",
                "client_id": "client",
                "client_secret": "s3cret",
                "scope": "499b84ac-1321-427f-aa17-267ca6975798/.default",
            },
        )
    ]


async def test_azure_s_identity_of_the_process(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("federated\n")
    given = {
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
        "AZURE_AUTHORITY_HOST": f"{provider.url}/",
    }
    repository = Repository(URL, credentials=AzureWorkloadIdentity())
    logins = TokenLogins(TokenSettings(given))
    assert await logins.login(repository) == BearerLogin(Confidential("at_1"))
    assert provider.calls[0][1] == "/t/oauth2/v2.0/token"
    assert provider.calls[0][2]["client_assertion"] == "federated"
    assert await logins.identity("https://r/.default", repository) == "at_2"
    assert provider.calls[1][2]["scope"] == "https://r/.default"
    (tmp_path / "token").unlink()
    with pytest.raises(RepositoryError, match="AZURE_FEDERATED_TOKEN_FILE cannot be read"):
        await TokenLogins(TokenSettings(given)).login(repository)
    with pytest.raises(RepositoryError, match="AZURE_CLIENT_ID is not set"):
        await TokenLogins(TokenSettings({**given, "AZURE_CLIENT_ID": ""})).login(repository)


@pytest.mark.parametrize("kind", [app, service_account, principal])
async def test_a_token_is_kept_until_shortly_before_its_end(provider: Provider, kind: Any) -> None:
    now = time.time()
    logins = TokenLogins(now=lambda: now)
    repository = kind(provider)
    first = await asyncio.gather(*(logins.login(repository) for _ in range(10)))
    assert len(provider.calls) == 1
    assert len(set(first)) == 1
    now += 3400
    assert await logins.login(repository) == first[0]
    now += 150
    assert await logins.login(repository) != first[0]
    assert len(provider.calls) == 2
    logins.refused(repository)
    await logins.login(repository)
    assert len(provider.calls) == 3


@pytest.mark.parametrize("kind", [app, service_account, principal])
@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, '{"error": "invalid_client", "error_description": "s3cret"}', "HTTP 401"),
        (404, "s3cret", "HTTP 404: check the credentials of the repository"),
        (302, "", "HTTP 302"),
        (500, "s3cret", "HTTP 500"),
        (200, "{}", "the answer holds no token"),
        (200, "s3cret", "HTTP 200"),
    ],
)
async def test_a_refusal_names_the_step_and_no_secret(
    provider: Provider, kind: Any, status: int, body: str, told: str
) -> None:
    provider.answer = web.Response(status=status, text=body, headers={"Location": provider.url})
    with pytest.raises(RepositoryError) as caught:
        await TokenLogins().login(kind(provider))
    assert "token: " in str(caught.value)
    assert told in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert isinstance(caught.value, RepositoryUnreachableError) == (status == 500)
    assert len(provider.calls) == 1


async def test_a_provider_that_asks_for_rest_is_left_alone(provider: Provider) -> None:
    now = time.time()
    logins = TokenLogins(now=lambda: now)
    provider.answer = web.Response(
        status=403,
        headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(now) + 60)},
    )
    for _ in range(3):
        with pytest.raises(RepositoryUnreachableError, match="rate limit"):
            await logins.login(app(provider))
    assert len(provider.calls) == 1
    now += 61
    provider.answer = None
    await logins.login(app(provider))


@pytest.mark.parametrize(
    "repository",
    [
        Repository(URL, credentials=GitHubApp(1, Confidential("no key"), 2)),
        Repository(URL, credentials=GoogleServiceAccount(Confidential("no json"))),
        Repository(URL, credentials=GoogleServiceAccount(Confidential('{"client_email": "x"}'))),
        Repository(URL, credentials=Anonymous()),
    ],
)
async def test_what_cannot_be_a_key(repository: Repository) -> None:
    with pytest.raises(RepositoryError, match=r"is no |are nothing"):
        await TokenLogins().login(repository)


async def test_nobody_is_asked_at_a_metadata_service(provider: Provider) -> None:
    known = GitHubApp(42, KEY, 9, base_url="http://169.254.169.254")
    with pytest.raises(UnsupportedRepositoryError, match="metadata service"):
        await TokenLogins().login(Repository(URL, credentials=known))


async def test_an_enterprise_s_own_authority_and_an_unreachable_one(tmp_path: Path) -> None:
    authority = Authority()
    provider = Provider()
    await provider.start(authority.server_context(tmp_path))
    try:
        base = provider.url.replace("http:", "https:")
        repository = Repository(URL, credentials=GitHubApp(42, KEY, 9, base_url=base))
        with pytest.raises(RepositoryUnreachableError, match="TLS: the certificate is not trus"):
            await TokenLogins().login(repository)
        for trust in (Trust(certificates=authority.pem), Trust(insecure=True)):
            await TokenLogins().login(replace(repository, trust=trust))
    finally:
        await provider.stop()
    with pytest.raises(RepositoryUnreachableError, match="connection: it cannot be reached"):
        await TokenLogins().login(repository)
    proxied = replace(repository, proxy=Proxy("http://u:s3cret@127.0.0.1:1"))
    with pytest.raises(RepositoryUnreachableError, match="the proxy does not let") as caught:
        await TokenLogins().login(proxied)
    assert "s3cret" not in str(caught.value)


async def test_the_way_through_a_proxy(provider: Provider) -> None:
    repository = app(provider)
    excepted = replace(repository, proxy=Proxy("http://127.0.0.1:1", "127.0.0.0/8"))
    await TokenLogins().login(excepted)
    for other in (Proxy("http://127.0.0.1:1"), Proxy("http://127.0.0.1:1", "example.com")):
        with pytest.raises(RepositoryUnreachableError, match="the proxy does not let"):
            await TokenLogins().login(replace(repository, proxy=other))
    with pytest.raises(RepositoryError, match="only http:// and https:// proxies"):
        await TokenLogins().login(replace(repository, proxy=Proxy("socks5://127.0.0.1:1")))
