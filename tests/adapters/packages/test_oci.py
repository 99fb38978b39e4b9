"""Registries over the wire: a real one with a password and TLS, and one that plays tricks."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from joserfc import jwk, jwt

from tests.adapters.packages.conftest import USER
from tests.fixtures.authority import Authority
from tests.fixtures.registry import (
    CHART,
    CHART_CONFIG,
    IMAGE,
    IMAGE_INDEX,
    LAYER,
    PROVENANCE,
    Blob,
    Registry,
    digest_of,
)
from tests.fixtures.tars import tgz
from tiphys.adapters.packages.oci.challenge import Challenge, challenges
from tiphys.adapters.packages.oci.reference import place_of
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.model.errors import (
    RepositoryError,
    RevisionNotFoundError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import (
    AzureWorkloadIdentity,
    BasicLogin,
    BearerLogin,
    CommitInfo,
    Confidential,
    Repository,
    RepositoryKind,
    Trust,
)

ADA = BasicLogin("ada", Confidential("s3cret-of-ada"))
HEADER = "Basic " + base64.b64encode(USER.encode()).decode()
_NUMBERS = count()


def artifact(host: str, name: str) -> Repository:
    return Repository(f"oci://{host}/{name}", kind=RepositoryKind.OCI, plain_http=True)


@pytest.fixture
def name() -> str:
    return f"oci-{next(_NUMBERS)}/manifests"


async def failure(packages: Packages, repository: Repository, digest: str) -> str:
    with pytest.raises(RepositoryError) as caught:
        await packages.artifacts.tree(repository, digest, ())
    text = str(caught.value)
    assert "s3cret" not in text
    return text


# The real one


async def test_a_registry_with_a_password_and_tls(
    locked_registry: Registry, packages: Packages, authority: Authority, name: str
) -> None:
    digest = await locked_registry.push(name, "v1", [Blob(LAYER, tgz({"cm.yaml": "a: 1"}))])
    repository = Repository(
        f"oci://{locked_registry.host}/{name}",
        kind=RepositoryKind.OCI,
        credentials=ADA,
        trust=Trust(certificates=authority.pem),
    )
    assert await packages.artifacts.digest(repository, "v1") == digest
    assert await packages.artifacts.tags(repository) == ["v1"]
    tree = await packages.artifacts.tree(repository, digest, ())
    assert set(tree.walk("")) == {"", "cm.yaml"}
    await packages.artifacts.probe(repository)
    wrong = replace(repository, credentials=BasicLogin("ada", Confidential("s3cret-of-eve")))
    for ask in (packages.artifacts.probe(wrong), packages.artifacts.digest(wrong, "v1")):
        with pytest.raises(RepositoryError, match="login: the server answers 401 to user and"):
            await ask
    nobody = Repository(repository.url, kind=RepositoryKind.OCI, trust=repository.trust)
    with pytest.raises(RepositoryError, match="it wants a login, and the repository has none"):
        await packages.artifacts.probe(nobody)
    stranger = replace(repository, trust=Trust())
    with pytest.raises(RepositoryError, match="TLS: the certificate of"):
        await packages.artifacts.probe(stranger)


async def test_charts_of_a_registry_with_a_password(
    locked_registry: Registry, packages: Packages, authority: Authority
) -> None:
    await locked_registry.push_chart("stable/web", "1.0.0")
    repository = Repository(
        f"{locked_registry.host}/stable",
        kind=RepositoryKind.HELM,
        oci=True,
        credentials=ADA,
        trust=Trust(certificates=authority.pem),
    )
    await packages.charts.probe(repository)
    assert await packages.charts.versions(repository, "web") == ("1.0.0",)
    tree = await packages.charts.tree(repository, "web", "1.0.0")
    assert "Chart.yaml" in tree.walk("")
    wrong = replace(repository, credentials=BasicLogin("ada", Confidential("s3cret-of-eve")))
    with pytest.raises(RepositoryError, match="login: "):
        await packages.charts.probe(wrong)
    # As the contract has it: without a login there is nothing to try.
    await packages.charts.probe(Repository("localhost:1", kind=RepositoryKind.HELM, oci=True))
    with pytest.raises(
        RepositoryError, match=r"^OCI Helm repository URL should include hostname and port only$"
    ):
        await packages.charts.probe(replace(repository, url=f"oci://{repository.url}"))


async def test_a_chart_of_a_registry_is_fetched_once(
    registry: Registry, packages: Packages, restarted: Packages
) -> None:
    digest = await registry.push_chart("once/web", "1.0.0")
    repository = Repository(f"{registry.host}/once", oci=True, plain_http=True)
    await packages.charts.tree(repository, "web", "1.0.0")
    # Only its listing is on disk afterwards; the layer itself is not asked for again.
    await _forget_blob(registry, "once/web", digest)
    assert (await restarted.charts.tree(repository, "web", "1.0.0")).commit == digest


async def _forget_blob(registry: Registry, name: str, digest: str) -> None:
    assert registry._client is not None
    url = f"http://{registry.host}/v2/{name}/blobs/{digest}"
    async with registry._client.delete(url) as answer:
        assert answer.status == 202


async def test_what_is_missing_in_a_registry(registry: Registry, packages: Packages) -> None:
    await registry.push_chart("there/web", "1.0.0")
    repository = Repository(f"{registry.host}/there", oci=True, plain_http=True)
    with pytest.raises(RevisionNotFoundError, match=r"there/web has no tag for version 2\.0\.0"):
        await packages.charts.tree(repository, "web", "2.0.0")
    with pytest.raises(RevisionNotFoundError, match=r"there is no 127.0.0.1:\d+/there/api; check"):
        await packages.charts.tree(repository, "api", "1")


async def test_charts_with_a_provenance_and_a_scheme(
    registry: Registry, packages: Packages
) -> None:
    layers = [
        Blob(PROVENANCE, b"signed"),
        Blob(CHART, tgz({"Chart.yaml": "name: web"}, "web")),
    ]
    await registry.push("signed/web", "1.0.0", layers, Blob(CHART_CONFIG, b'{"name": "web"}'))
    repository = Repository(f"oci://{registry.host}/signed", oci=False, plain_http=True)
    tree = await packages.charts.tree(repository, "web", "1.0.0")
    assert set(tree.walk("")) == {"", "Chart.yaml"}


async def test_a_manifest_that_is_no_chart(registry: Registry, packages: Packages) -> None:
    await registry.push("plain/web", "1.0.0", [Blob(LAYER, tgz({"a": "1"}))])
    repository = Repository(f"{registry.host}/plain", oci=True, plain_http=True)
    with pytest.raises(RepositoryError, match="is no Helm chart"):
        await packages.charts.tree(repository, "web", "1.0.0")


# Layers, in the contract's words


def layer(number: int = 0, kind: str = LAYER) -> Blob:
    return Blob(kind, tgz({"cm.yaml": f"a: {number}"}))


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([layer(n) for n in range(11)], "expected no more than 10 oci layers, got 11"),
        ([layer(1), layer(2)], "expected only a single oci content layer, got 2"),
        ([layer(1, "text/plain")], "expected only a single oci content layer, got 0"),
        (
            [layer(1, "application/x.tar")],
            "oci layer media type application/x.tar is not in the list of allowed media types",
        ),
    ],
)
async def test_layers_that_are_refused(
    registry: Registry, packages: Packages, name: str, layers: list[Blob], text: str
) -> None:
    digest = await registry.push(name, "v1", layers)
    assert text in await failure(packages, artifact(registry.host, name), digest)


async def test_layers_that_hold_no_content_are_passed_over(
    registry: Registry, packages: Packages, name: str
) -> None:
    layers = [layer(7), Blob("application/vnd.in-toto+json", b"{}"), Blob("text/plain", b"x")]
    digest = await registry.push(name, "v1", layers)
    tree = await packages.artifacts.tree(artifact(registry.host, name), digest, ())
    assert set(tree.walk("")) == {"", "cm.yaml"}


async def test_the_folder_of_a_chart_becomes_the_root(
    registry: Registry, packages: Packages, name: str
) -> None:
    config = Blob(CHART_CONFIG, b"{}")
    # A layer that is no chart's does not count in a chart.
    layers = [Blob(CHART, tgz({"Chart.yaml": "name: x"}, "any-name")), layer(1)]
    digest = await registry.push(name, "v1", layers, config)
    tree = await packages.artifacts.tree(artifact(registry.host, name), digest, ())
    assert set(tree.walk("")) == {"", "Chart.yaml"}
    assert tree.commit == digest


async def test_an_image_index_is_refused(registry: Registry, packages: Packages, name: str) -> None:
    digest = await registry.push(name, "v1", [layer()])
    repository = artifact(registry.host, name)
    entry = {"mediaType": IMAGE, "digest": digest, "size": 600}
    tree = {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [entry]}
    index = await registry.manifest(name, "many", IMAGE_INDEX, tree)
    assert await packages.artifacts.digest(repository, "many") == index
    text = await failure(packages, repository, index)
    assert "expected only a single oci content layer, got 0: it is an image index" in text


async def test_what_annotations_say(registry: Registry, packages: Packages, name: str) -> None:
    prefix = "org.opencontainers.image."
    said = {
        f"{prefix}authors": "Ada <ada@example.com>",
        f"{prefix}created": "2024-05-01T10:00:00Z",
        f"{prefix}description": "the web",
        f"{prefix}version": "1.2.3",
        "other": "x",
    }
    digest = await registry.push(name, "v1", [layer()], annotations=said)
    assert await packages.artifacts.commit_info(artifact(registry.host, name), digest) == (
        CommitInfo("Ada <ada@example.com>", "2024-05-01T10:00:00Z", "the web", ("1.2.3",))
    )


async def test_many_tags_come_in_pages(registry: Registry, packages: Packages, name: str) -> None:
    digest = await registry.push(name, "first", [layer()])
    url = f"http://{registry.host}/v2/{name}/manifests"
    assert registry._client is not None
    async with registry._client.get(f"{url}/{digest}", headers={"Accept": IMAGE}) as answer:
        manifest = json.loads(await answer.read())
    for number in range(1100):
        await registry.manifest(name, f"v{number:04}", IMAGE, manifest)
    tags = await packages.artifacts.tags(artifact(registry.host, name))
    assert tags == ["first", *(f"v{number:04}" for number in range(1100))]


# One that plays tricks

Answering = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]


class Trickster:
    """Answers by path. `asked` are the requests: path with query, and Authorization."""

    def __init__(self) -> None:
        self.answers: dict[str, Answering] = {}
        self.asked: list[tuple[str, str | None]] = []
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, request.headers.get("Authorization")))
        answer = self.answers.get(request.path)
        said = web.Response(status=404) if answer is None else answer(request)
        return said if isinstance(said, web.StreamResponse) else await said

    def serve(self, name: str, layers: list[Blob], **manifest: Any) -> str:
        """A manifest and its layers, as far as they have the digests that they say."""
        said = {"layers": [one.descriptor for one in layers], **manifest}
        data = json.dumps(said).encode()
        for one in layers:
            place = f"/v2/{name}/blobs/{one.descriptor['digest']}"
            self.answers[place] = lambda _, body=one.data: web.Response(body=body)  # type: ignore[misc]
        digest = digest_of(data)
        for reference in (digest, "v1"):
            self.answers[f"/v2/{name}/manifests/{reference}"] = lambda _: web.Response(
                body=data, content_type=IMAGE
            )
        return digest


@pytest.fixture
async def trickster() -> AsyncIterator[Trickster]:
    trickster = Trickster()
    await trickster.start()
    yield trickster
    await trickster.stop()


@pytest.fixture
async def storage() -> AsyncIterator[Trickster]:
    storage = Trickster()
    await storage.start()
    yield storage
    await storage.stop()


async def test_a_manifest_of_another_digest(trickster: Trickster, packages: Packages) -> None:
    digest = trickster.serve("x", [layer(1)])
    other = "sha256:" + "1" * 64
    trickster.answers[f"/v2/x/manifests/{other}"] = trickster.answers[f"/v2/x/manifests/{digest}"]
    text = await failure(packages, artifact(trickster.host, "x"), other)
    assert f"digest mismatch: {digest} came instead of {other}" in text


async def test_a_blob_of_another_digest_or_size(trickster: Trickster, packages: Packages) -> None:
    good = layer(1)
    bad = Blob(LAYER, layer(2).data.ljust(len(good.data)), good.descriptor["digest"])
    digest = trickster.serve("x", [bad])
    text = await failure(packages, artifact(trickster.host, "x"), digest)
    assert "digest mismatch: " in text
    digest = trickster.serve("y", [good])
    place = f"/v2/y/blobs/{good.descriptor['digest']}"
    trickster.answers[place] = lambda _: web.Response(body=good.data[:-9])
    text = await failure(packages, artifact(trickster.host, "y"), digest)
    assert f"{len(good.data) - 9} bytes came instead of {len(good.data)}" in text
    trickster.answers[place] = lambda _: web.Response(body=good.data + bytes(99))
    text = await failure(packages, artifact(trickster.host, "y"), digest)
    assert f"limit: it is larger than {len(good.data)} bytes" in text


async def test_a_registry_that_answers_no_head(trickster: Trickster, packages: Packages) -> None:
    digest = trickster.serve("x", [layer(1)])
    real = trickster.answers["/v2/x/manifests/v1"]
    trickster.answers["/v2/x/manifests/v1"] = lambda request: (
        web.Response(status=405) if request.method == "HEAD" else real(request)
    )
    assert await packages.artifacts.digest(artifact(trickster.host, "x"), "v1") == digest


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"layers": 1}', b'{"layers": [{"digest": 5}]}', b"\xff", b"null"]
)
async def test_a_manifest_that_cannot_be_read(
    trickster: Trickster, packages: Packages, body: bytes
) -> None:
    digest = digest_of(body)
    trickster.answers[f"/v2/x/manifests/{digest}"] = lambda _: web.Response(body=body)
    text = await failure(packages, artifact(trickster.host, "x"), digest)
    assert "answer: its manifest cannot be read" in text


async def test_layers_without_a_digest(trickster: Trickster, packages: Packages) -> None:
    digest = trickster.serve("x", [Blob(LAYER, b"x", "sha256:../../etc")])
    text = await failure(packages, artifact(trickster.host, "x"), digest)
    assert "has no digest or no size" in text


async def test_a_login_does_not_follow_a_blob_to_its_storage(
    trickster: Trickster, storage: Trickster, packages: Packages
) -> None:
    blob = layer(1)
    digest = trickster.serve("x", [blob])
    place = f"/v2/x/blobs/{blob.descriptor['digest']}"
    signed = f"http://{storage.host}/bucket/a%2Fb~c?X-Signature=s3cret%2B%3D&a=b%20c"
    trickster.answers[place] = lambda _: web.Response(status=307, headers={"Location": signed})
    storage.answers["/bucket/a/b~c"] = lambda _: web.Response(body=blob.data)
    repository = replace(
        artifact(trickster.host, "x"), credentials=BearerLogin(Confidential("t0ken"))
    )
    real = trickster.answers[f"/v2/x/manifests/{digest}"]
    trickster.answers[f"/v2/x/manifests/{digest}"] = lambda request: (
        real(request) if "Authorization" in request.headers else web.Response(status=401)
    )
    await packages.artifacts.tree(repository, digest, ())
    assert trickster.asked[-1] == (place, "Bearer t0ken")
    # And not a character of what is signed is changed.
    assert storage.asked == [("/bucket/a%2Fb~c?X-Signature=s3cret%2B%3D&a=b%20c", None)]
    storage.answers.clear()
    other = layer(2)
    trickster.answers[f"/v2/x/blobs/{other.descriptor['digest']}"] = trickster.answers[place]
    unsigned = trickster.serve("x", [other])
    trickster.answers[f"/v2/x/blobs/{other.descriptor['digest']}"] = trickster.answers[place]
    await failure(packages, repository, unsigned)


async def test_tags_that_go_on_elsewhere(
    trickster: Trickster, storage: Trickster, packages: Packages
) -> None:
    trickster.answers["/v2/x/tags/list"] = lambda _: web.json_response(
        {"tags": ["a"]}, headers={"Link": f'<http://{storage.host}/more>; rel="next"'}
    )
    with pytest.raises(RepositoryError, match="list of tags goes on at another host"):
        await packages.artifacts.tags(artifact(trickster.host, "x"))
    assert storage.asked == []


# Tokens


def token_realm(realm: str, token: str = "t0ken", wanted: str | None = HEADER) -> Answering:  # noqa: S107
    def answer(request: web.Request) -> web.Response:
        if wanted is not None and request.headers.get("Authorization") != wanted:
            return web.json_response({"errors": ["s3cret"]}, status=401)
        return web.json_response({"token": token, "expires_in": 300})

    return answer


def guarded(real: Answering, realm: str, token: str = "t0ken") -> Answering:  # noqa: S107
    challenge = f'Bearer realm="{realm}",service="tests",scope="repository:x:pull"'

    def answer(request: web.Request) -> web.StreamResponse | Awaitable[web.StreamResponse]:
        if request.headers.get("Authorization") == f"Bearer {token}":
            return real(request)
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    return answer


async def test_a_token_is_got_once_and_sent(trickster: Trickster, packages: Packages) -> None:
    digest = trickster.serve("x", [layer(1)])
    realm = f"http://{trickster.host}/token"
    for path, answer in list(trickster.answers.items()):
        trickster.answers[path] = guarded(answer, realm)
    trickster.answers["/token"] = token_realm(realm)
    repository = replace(artifact(trickster.host, "x"), credentials=ADA)
    await packages.artifacts.digest(repository, "v1")
    await packages.artifacts.tree(repository, digest, ())
    token = "/token?service=tests&scope=repository:x:pull"
    paths = [path.replace("%3A", ":") for path, _ in trickster.asked]
    assert paths.count(token) == 1
    asked = [login for path, login in trickster.asked if path.startswith("/v2")]
    assert asked == [None, *["Bearer t0ken"] * (len(asked) - 1)]
    assert [login for path, login in trickster.asked if path.startswith("/token")] == [HEADER]


async def test_a_registry_that_refuses_without_saying_what_it_wants(
    trickster: Trickster, packages: Packages
) -> None:
    digest = trickster.serve("x", [layer(1)])
    real = trickster.answers["/v2/x/manifests/v1"]
    trickster.answers["/v2/x/manifests/v1"] = lambda request: (
        real(request)
        if request.headers.get("Authorization") == HEADER
        else web.Response(status=401)
    )
    repository = artifact(trickster.host, "x")
    with pytest.raises(RepositoryError, match="it wants a login"):
        await packages.artifacts.digest(repository, "v1")
    known = replace(repository, credentials=ADA)
    assert await packages.artifacts.digest(known, "v1") == digest


async def test_a_token_that_is_good_no_more_is_got_again(
    trickster: Trickster, packages: Packages
) -> None:
    trickster.serve("x", [layer(1)])
    real = trickster.answers["/v2/x/manifests/v1"]
    realm = f"http://{trickster.host}/token"
    repository = replace(artifact(trickster.host, "x"), credentials=ADA)
    for token in ("first", "second"):
        trickster.answers["/v2/x/manifests/v1"] = guarded(real, realm, token)
        trickster.answers["/token"] = token_realm(realm, token)
        assert await packages.artifacts.digest(repository, "v1") is not None


async def test_a_token_that_is_refused(trickster: Trickster, packages: Packages) -> None:
    trickster.serve("x", [layer(1)])
    realm = f"http://{trickster.host}/token"
    real = trickster.answers["/v2/x/manifests/v1"]
    trickster.answers["/v2/x/manifests/v1"] = guarded(real, realm)
    trickster.answers["/token"] = token_realm(realm, wanted="Basic other")
    for credentials, text in ((ADA, "401 to user and"), (None, "it wants a login")):
        repository = artifact(trickster.host, "x")
        if credentials is not None:
            repository = replace(repository, credentials=credentials)
        with pytest.raises(RepositoryError, match=text) as caught:
            await packages.artifacts.digest(repository, "v1")
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 5}', b'{"token": "a\\nb"}'])
async def test_a_realm_without_a_token(
    trickster: Trickster, packages: Packages, body: bytes
) -> None:
    trickster.serve("x", [layer(1)])
    realm = f"http://{trickster.host}/token"
    real = trickster.answers["/v2/x/manifests/v1"]
    trickster.answers["/v2/x/manifests/v1"] = guarded(real, realm)
    trickster.answers["/token"] = lambda _: web.Response(body=body)
    with pytest.raises(RepositoryError, match=r"login: 127\.0\.0\.1 answers without a token"):
        await packages.artifacts.digest(artifact(trickster.host, "x"), "v1")


async def test_tokens_of_the_distribution_project(packages: Packages, tmp_path: Path) -> None:
    """The real registry checks scope, audience and signature of what our realm gives."""
    key = jwk.ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    realm = Trickster()
    await realm.start()
    now = int(time.time())

    def grant(request: web.Request) -> web.Response:
        asked = parse_qs(request.query_string)
        if request.headers.get("Authorization") != HEADER:
            return web.Response(status=401)
        kind, name, actions = asked["scope"][0].split(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        claims = {
            "iss": "tests",
            "aud": asked["service"][0],
            "sub": "ada",
            "access": access,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": "1",
        }
        token = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
        return web.json_response({"token": token})

    realm.answers["/token"] = grant
    registry = Registry(
        "--realm",
        f"http://{realm.host}/token",
        "--service",
        "tests",
        "--issuer",
        "tests",
        "--jwks",
        str(tmp_path / "keys.json"),
    )
    await registry.start()
    push = jwt.encode(
        {"alg": "ES256", "kid": "one"},
        {
            "iss": "tests",
            "aud": "tests",
            "sub": "ada",
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": "2",
            "access": [{"type": "repository", "name": "a/b", "actions": ["pull", "push"]}],
        },
        key,
    )
    registry.authorize(f"Bearer {push}")
    digest = await registry.push("a/b", "v1", [layer(1)])
    repository = replace(artifact(registry.host, "a/b"), credentials=ADA)
    try:
        assert await packages.artifacts.digest(repository, "v1") == digest
        assert await packages.artifacts.tags(repository) == ["v1"]
        await packages.artifacts.tree(repository, digest, ())
        # One for the tags, one for everything else.
        assert len([path for path, _ in realm.asked if path.startswith("/token")]) == 2
    finally:
        await registry.stop()
        await realm.stop()


class _Identity:
    def __init__(self) -> None:
        self.scopes: list[str] = []

    async def identity(self, scope: str, repository: Repository) -> Confidential:
        self.scopes.append(scope)
        return Confidential("s3cret-of-azure")


async def test_the_own_identity_is_exchanged_for_a_login(
    trickster: Trickster, storage: Trickster, settings: PackageSettings
) -> None:
    forms: list[str] = []
    digest = trickster.serve("x", [layer(1)])
    basic = base64.b64encode(b"00000000-0000-0000-0000-000000000000:refreshed").decode()
    real = trickster.answers["/v2/x/manifests/v1"]
    trickster.answers["/v2/x/manifests/v1"] = lambda request: (
        real(request)
        if request.headers.get("Authorization") == f"Basic {basic}"
        else web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    )

    async def exchange(request: web.Request) -> web.Response:
        forms.append((await request.read()).decode())
        return web.json_response({"refresh_token": "refreshed"})

    trickster.answers["/oauth2/exchange"] = exchange
    identity = _Identity()
    packages = Packages(settings, identity)
    repository = replace(artifact(trickster.host, "x"), credentials=AzureWorkloadIdentity())
    for _ in range(2):
        assert await packages.artifacts.digest(repository, "v1") == digest
    assert parse_qs(forms[0]) == {
        "grant_type": ["access_token"],
        "service": [trickster.host],
        "access_token": ["s3cret-of-azure"],
    }
    assert (len(forms), identity.scopes) == (1, ["https://management.core.windows.net/.default"])
    await packages.aclose()
    # A token in a form goes nowhere else, and no answer is shown.
    for answer, text in (
        (web.Response(status=307, headers={"Location": f"http://{storage.host}/x"}), "answers 307"),
        (web.json_response({"error": "s3cret"}, status=400), "answers 400"),
        (web.json_response(["s3cret"]), "login: the registry answers without a token"),
    ):
        trickster.answers["/oauth2/exchange"] = lambda _, said=answer: said  # type: ignore[misc]
        packages = Packages(settings, identity)
        with pytest.raises(RepositoryError, match=text) as caught:
            await packages.artifacts.digest(repository, "v1")
        assert "s3cret" not in str(caught.value)
        await packages.aclose()
    assert storage.asked == []


async def test_no_identity_where_there_is_none(packages: Packages, trickster: Trickster) -> None:
    trickster.answers["/v2/"] = lambda _: web.Response(
        status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}
    )
    repository = replace(artifact(trickster.host, "x"), credentials=AzureWorkloadIdentity())
    with pytest.raises(RepositoryError, match="Azure workload identity: this process has none"):
        await packages.artifacts.probe(repository)


# Names


@pytest.mark.parametrize(
    ("url", "chart", "base", "name"),
    [
        ("oci://ghcr.io/team/app", "", "https://ghcr.io", "team/app"),
        ("ghcr.io/team", "web", "https://ghcr.io", "team/web"),
        ("OCI://ghcr.io/team/", "/group/web", "https://ghcr.io", "team/group/web"),
        ("oci://docker.io/bitnamicharts", "x", "https://registry-1.docker.io", "bitnamicharts/x"),
        ("localhost:5000", "web", "https://localhost:5000", "web"),
        ("oci://[::1]:5000/a", "", "https://[::1]:5000", "a"),
        ("oci://user:pw@host/a", "", "https://host", "a"),
    ],
)
def test_names_in_registries(url: str, chart: str, base: str, name: str) -> None:
    place = place_of(Repository(url), chart)
    assert (place.base, place.name) == (base, name)


@pytest.mark.parametrize(
    ("url", "chart"),
    [
        ("oci://", ""),
        ("oci:///a", ""),
        ("oci://host/A", ""),
        ("oci://host/a/../b", ""),
        ("oci://host/a", "../b"),
        ("oci://host/a", "b?x=1"),
        ("oci://host/a%2fb", ""),
        ("oci://ho st/a", ""),
        ("-host/a", ""),
        ("oci://host/" + "a" * 300, ""),
    ],
)
def test_what_is_no_name_in_a_registry(url: str, chart: str) -> None:
    with pytest.raises(UnsupportedRepositoryError, match="is refused"):
        place_of(Repository(url), chart)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['Basic realm="x, y"'], [("basic", {"realm": "x, y"})]),
        (
            ['Bearer realm="https://a/b?c=d",service="s",scope="repository:x:pull,push"'],
            [
                (
                    "bearer",
                    {"realm": "https://a/b?c=d", "service": "s", "scope": "repository:x:pull,push"},
                )
            ],
        ),
        (
            ['Basic realm=x, Bearer realm="y" , service=z'],
            [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "service": "z"})],
        ),
        (["Negotiate", 'BASIC Realm="a\\"b"'], [("negotiate", {}), ("basic", {"realm": 'a"b'})]),
        (["", "=", '"'], []),
    ],
)
def test_challenges(headers: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert challenges(headers) == tuple(Challenge(scheme, found) for scheme, found in expected)
