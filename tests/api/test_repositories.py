"""Repositories, templates, certificates and keys by the API."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.access import ALICE
from tests.fakes.access import FakeAccess
from tests.fakes.connections import FakeConnections
from tests.fakes.keys import FakeKeys
from tests.fakes.kube import FakeCluster
from tiphys.api.calls import Call, Unary
from tiphys.api.handlers.certificate import CertificateHandlers
from tiphys.api.handlers.gpgkey import KeyHandlers
from tiphys.api.handlers.repocreds import RepoCredsHandlers
from tiphys.api.handlers.repository import RepositoryHandlers
from tiphys.model.errors import ApiCode, ApiError, RepositoryUnreachableError
from tiphys.services.repositories.catalogue import RepositoryCatalogue
from tiphys.services.repositories.certificates import CertificateCatalogue
from tiphys.services.repositories.configmaps import ConfigMapEditor
from tiphys.services.repositories.keys import KeyCatalogue

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
URL = "https://git.example.com/a.git"
SHORT = (ApiCode.PERMISSION_DENIED, "permission denied")
HIDDEN = {
    "password": "S-PASSWORD",
    "bearerToken": "S-BEARER",
    "sshPrivateKey": "S-SSH",
    "tlsClientCertKey": "S-TLS",
    "githubAppPrivateKey": "S-GITHUB",
    "gcpServiceAccountKey": "S-GCP",
    "azureServicePrincipalClientSecret": "S-AZURE",
}


def secret(name: str, url: str = URL, kind: str = "repository", **data: str) -> dict[str, Any]:
    texts = {"url": url, **data}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": kind},
            "annotations": {"managed-by": "argocd.argoproj.io"},
        },
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
    }


class Api:
    def __init__(self) -> None:
        self.kube = FakeCluster()
        self.access = FakeAccess()
        self.connections = FakeConnections()
        repositories = RepositoryCatalogue(
            self.kube, self.kube, self.connections, namespace="argocd", now=lambda: NOW
        )
        maps = ConfigMapEditor(self.kube, self.kube, "argocd")
        self.methods = {
            **RepositoryHandlers(repositories, self.access).methods(),
            **RepoCredsHandlers(repositories, self.access).methods(),
            **CertificateHandlers(CertificateCatalogue(maps), self.access).methods(),
            **KeyHandlers(KeyCatalogue(maps, FakeKeys()), self.access).methods(),
        }

    async def call(self, method: str, message: dict[str, Any]) -> Any:
        (handler,) = [
            handler for name, handler in self.methods.items() if name.endswith(f"/{method}")
        ]
        assert isinstance(handler, Unary)
        return await handler.run(Call(ALICE), message)

    async def repo(self, method: str, message: dict[str, Any]) -> Any:
        handler = self.methods[f"repository.RepositoryService/{method}"]
        assert isinstance(handler, Unary)
        return await handler.run(Call(ALICE), message)

    async def keys(self, method: str, message: dict[str, Any]) -> Any:
        handler = self.methods[f"gpgkey.GPGKeyService/{method}"]
        assert isinstance(handler, Unary)
        return await handler.run(Call(ALICE), message)

    def stored(self) -> list[dict[str, str]]:
        return [
            {key: base64.b64decode(text).decode() for key, text in one["data"].items()}
            for at, one in sorted(self.kube.objects.items())
            if at.kind == "Secret"
        ]


async def refused(call: Any) -> tuple[ApiCode, str]:
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value.code, str(caught.value)


@pytest.fixture
def api() -> Api:
    return Api()


# -- repositories ---------------------------------------------------------------------------------


async def test_a_list_shows_no_credentials_and_tries_only_what_is_seen(api: Api) -> None:
    api.kube.seed(
        secret("a", username="u", insecureIgnoreHostKey="true", **HIDDEN),
        secret("b", "https://other", project="team"),
    )
    api.access.allow(f"repositories get {URL}")
    for method in ("List", "ListRepositories"):
        found = await api.repo(method, {})
        assert found["metadata"] == {}
        (item,) = found["items"]
        assert item["repo"] == URL
        assert item["insecure"] is True
        assert item["connectionState"]["status"] == "Successful"
        assert not [value for value in HIDDEN.values() if value in json.dumps(found)]
    # Once for both, and never what may not be seen.
    assert [one.url for one in api.connections.tried] == [URL]
    await api.repo("List", {"forceRefresh": True})
    assert len(api.connections.tried) == 2
    api.access.deny(f"repositories get {URL}")
    assert (await api.repo("List", {}))["items"] is None


async def test_get_and_delete_know_only_what_is_seen(api: Api) -> None:
    api.kube.seed(secret("a", project="one"), secret("b", project="two"))
    for method in ("Get", "Delete", "DeleteRepository"):
        assert await refused(api.repo(method, {"repo": URL})) == SHORT
        assert await refused(api.repo(method, {"repo": "https://absent"})) == SHORT
    api.access.allow(f"repositories get one/{URL}")
    # Of two one is seen: it is the only one for this caller.
    assert (await api.repo("Get", {"repo": URL}))["project"] == "one"
    assert await refused(api.repo("Get", {"repo": URL, "appProject": "two"})) == (
        ApiCode.UNKNOWN,
        f'repository not found for url "{URL}" and project "two"',
    )
    _code, said = await refused(api.repo("Delete", {"repo": URL}))
    assert said == f"permission denied: repositories, delete, one/{URL}"
    api.access.allow(f"repositories delete one/{URL}")
    escaped = "https%3A%2F%2Fgit.example.com%2Fa.git"
    assert await api.repo("Delete", {"repo": escaped}) == {}
    assert [one["project"] for one in api.stored()] == ["two"]


async def test_create(api: Api) -> None:
    asked = {"repo": {"repo": URL, "type": "git", "password": "S-PASSWORD"}}
    assert await refused(api.repo("Create", {})) == (
        ApiCode.INVALID_ARGUMENT,
        "missing payload in request",
    )
    _, said = await refused(api.repo("Create", asked))
    assert said == f"permission denied: repositories, create, {URL}"
    api.access.allow("repositories create *")
    api.connections.failing[URL] = RepositoryUnreachableError("nobody is there")
    _, said = await refused(api.repo("CreateRepository", asked))
    assert said == "error testing repository connectivity: nobody is there"
    # What belongs to a project is not tried.
    api.connections.tried.clear()
    await api.repo("Create", {"repo": {**asked["repo"], "project": "team"}})
    assert not api.connections.tried
    api.connections.failing.clear()
    found = await api.repo("Create", asked)
    assert found == {
        "repo": URL,
        "type": "git",
        "connectionState": {"status": "", "message": "", "attemptedAt": None},
    }
    await api.repo("Create", asked)
    other = {"repo": {**asked["repo"], "username": "u"}}
    _code, said = await refused(api.repo("Create", other))
    assert said.startswith("existing repository spec is different; use upsert flag")
    assert "S-PASSWORD" not in said
    await api.repo("Create", {**other, "upsert": True})
    assert {one.get("username") for one in api.stored()} == {"u", None}


async def test_a_repository_is_tried_with_what_its_template_adds(api: Api) -> None:
    api.kube.seed(secret("t", "https://git.example.com", "repo-creds", username="u", password="p"))
    api.access.allow("repositories create *")
    await api.repo("Create", {"repo": {"repo": URL}})
    assert api.connections.tried[-1].inherited
    await api.repo("ValidateAccess", {"repo": URL})
    assert api.connections.tried[-1].inherited
    assert len(api.stored()) == 2


async def test_validate_needs_the_right_to_create(api: Api) -> None:
    asked = {"repo": URL, "project": "team", "enableOci": True}
    _code, said = await refused(api.repo("ValidateAccess", asked))
    assert said == f"permission denied: repositories, create, team/{URL}"
    api.access.allow(f"repositories create team/{URL}")
    assert await api.repo("ValidateAccess", asked) == {}
    assert api.connections.tried[0].oci


async def test_update_needs_both_rights_and_is_not_tried(api: Api) -> None:
    api.kube.seed(secret("a", username="u", password="p"))
    asked = {"repo": {"repo": "https%3A%2F%2Fgit.example.com%2Fa.git", "username": "v"}}
    assert (await refused(api.repo("Update", asked)))[0] is ApiCode.PERMISSION_DENIED
    api.access.allow(f"repositories update {URL}")
    assert (await api.repo("Update", asked))["repo"] == URL
    assert not api.connections.tried
    assert [(one["username"], one["password"]) for one in api.stored()] == [("v", "")]
    # A repository of a project is another one: it is looked up by both.
    scoped = {"repo": {**asked["repo"], "project": "team"}}
    _code, said = await refused(api.repo("Update", scoped))
    assert said == f"permission denied: repositories, update, team/{URL}"
    api.access.allow(f"repositories update team/{URL}")
    assert await refused(api.repo("UpdateRepository", scoped)) == (
        ApiCode.NOT_FOUND,
        f"repo '{URL}' not found",
    )


@pytest.mark.parametrize(
    "method",
    [
        "repository.RepositoryService/GetWrite",
        "repository.RepositoryService/ListWriteRepositories",
        "repository.RepositoryService/CreateWriteRepository",
        "repository.RepositoryService/UpdateWriteRepository",
        "repository.RepositoryService/DeleteWriteRepository",
        "repository.RepositoryService/ValidateWriteAccess",
    ],
)
async def test_nobody_writes_to_repositories(api: Api, method: str) -> None:
    handler = api.methods[method]
    assert isinstance(handler, Unary)
    assert await refused(handler.run(Call(ALICE), {})) == (
        ApiCode.UNIMPLEMENTED,
        "hydrator is disabled",
    )


# -- templates ------------------------------------------------------------------------------------


async def test_templates(api: Api) -> None:
    url = "https://git.example.com"
    asked = {"creds": {"url": url, "username": "u", "enableOCI": True, **HIDDEN}}
    assert (await refused(api.call("CreateRepositoryCredentials", {})))[0] is (
        ApiCode.INVALID_ARGUMENT
    )
    denied = (ApiCode.PERMISSION_DENIED, f"permission denied: repositories, create, {url}")
    assert await refused(api.call("CreateRepositoryCredentials", asked)) == denied
    api.access.allow("repositories create *")
    assert await api.call("CreateRepositoryCredentials", asked) == {"url": url}
    assert (await api.call("ListRepositoryCredentials", {}))["items"] is None
    api.access.allow(f"repositories get {url}")
    assert (await api.call("ListRepositoryCredentials", {}))["items"] == [
        {"url": url, "username": "u", "enableOCI": True}
    ]
    changed = {"creds": {"url": f"{url}/team", "username": "v"}}
    assert (await refused(api.call("UpdateRepositoryCredentials", changed)))[0] is (
        ApiCode.PERMISSION_DENIED
    )
    api.access.allow("repositories update *", "repositories delete *")
    # The template that such a URL would get its credentials from.
    assert await api.call("UpdateRepositoryCredentials", changed) == {"url": f"{url}/team"}
    assert [(one["url"], one["username"]) for one in api.stored()] == [(url, "v")]
    nowhere = {"creds": {"url": "https://nowhere"}}
    missing = (ApiCode.NOT_FOUND, "repository credentials 'https://nowhere' not found")
    assert await refused(api.call("UpdateRepositoryCredentials", nowhere)) == missing
    escaped = {"url": "https%3A%2F%2Fnowhere"}
    assert await refused(api.call("DeleteRepositoryCredentials", escaped)) == missing
    assert await api.call("DeleteRepositoryCredentials", {"url": url}) == {}
    assert not api.stored()


async def test_templates_to_push_with(api: Api) -> None:
    """They have rights of their own, and are listed by what is read with."""
    url = "https://git.example.com"
    asked = {"creds": {"url": url, "username": "w", "password": "p"}}
    api.access.allow("repositories *")
    denied = (ApiCode.PERMISSION_DENIED, f"permission denied: write-repositories, create, {url}")
    assert await refused(api.call("CreateWriteRepositoryCredentials", asked)) == denied
    api.access.allow("write-repositories *")
    assert await api.call("CreateWriteRepositoryCredentials", asked) == {"url": url}
    assert (await api.call("ListRepositoryCredentials", {}))["items"] is None
    assert (await api.call("ListWriteRepositoryCredentials", {}))["items"] is None
    team = {"creds": {"url": f"{url}/team", "username": "u"}}
    await api.call("CreateRepositoryCredentials", team)
    assert (await api.call("ListWriteRepositoryCredentials", {}))["items"] == [
        {"url": f"{url}/team", "username": "w"}
    ]
    changed = {"creds": {"url": url, "username": "x"}}
    assert await api.call("UpdateWriteRepositoryCredentials", changed) == {"url": url}
    # Nothing can be pushed without a password.
    assert (await api.call("ListWriteRepositoryCredentials", {}))["items"] is None
    assert await api.call("DeleteWriteRepositoryCredentials", {"url": url}) == {}
    missing = (ApiCode.NOT_FOUND, f"repository credentials '{url}' not found")
    assert await refused(api.call("DeleteWriteRepositoryCredentials", {"url": url})) == missing


# -- certificates ---------------------------------------------------------------------------------

KEY_DATA = base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"\0\0\0\x20" + b"k" * 32).decode()


def ssh(server: str = "git.example.com", data: str = KEY_DATA) -> dict[str, Any]:
    return {
        "serverName": server,
        "certType": "ssh",
        "certSubType": "ssh-ed25519",
        "certData": base64.b64encode(data.encode()).decode(),
    }


async def test_certificates(api: Api) -> None:
    for method, action in (
        ("ListCertificates", "get"),
        ("CreateCertificate", "create"),
        ("DeleteCertificate", "delete"),
    ):
        _code, said = await refused(api.call(method, {}))
        assert said == f"permission denied: certificates, {action}, "
    api.access.allow("certificates *")
    assert await api.call("ListCertificates", {}) == {"metadata": {}, "items": None}
    made = await api.call("CreateCertificate", {"certificates": {"items": [ssh()]}})
    digest = hashlib.sha256(base64.b64decode(KEY_DATA)).digest()
    row = {
        "serverName": "git.example.com",
        "certType": "ssh",
        "certSubType": "ssh-ed25519",
        "certData": None,
    }
    assert made["items"] == [{**row, "certInfo": base64.b64encode(digest).decode().rstrip("=")}]
    listed = await api.call("ListCertificates", {"certType": "*", "certSubType": "ssh-ed25519"})
    assert listed["items"] == [{**row, "certInfo": "SHA256:"}]
    assert (await api.call("ListCertificates", {"certSubType": "ssh-rsa"}))["items"] is None
    other = base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"\0\0\0\x20" + b"m" * 32).decode()
    again = {"certificates": {"items": [ssh(data=other)]}}
    assert await refused(api.call("CreateCertificate", again)) == (
        ApiCode.UNKNOWN,
        "key for 'git.example.com' (subtype: 'ssh-ed25519') already exists, "
        "and upsert was not specified",
    )
    gone = await api.call("DeleteCertificate", {"hostNamePattern": "git.*", "certType": "ssh"})
    assert [one["serverName"] for one in gone["items"]] == ["git.example.com"]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"certType": "ftp"}, "certificates are of type ssh or https, not 'ftp'"),
        ({"certType": "ssh", "certData": "!"}, "the data of a certificate is not text"),
        (
            {"certType": "https", "serverName": "a", "certData": "YQ=="},
            "no valid PEM data received",
        ),
    ],
)
async def test_what_is_no_certificate(api: Api, item: dict[str, Any], said: str) -> None:
    api.access.allow("certificates create *")
    call = api.call("CreateCertificate", {"certificates": {"items": [item]}})
    assert await refused(call) == (ApiCode.UNKNOWN, said)


# -- keys -----------------------------------------------------------------------------------------


async def test_keys(api: Api) -> None:
    for method, action in (
        ("List", "get"),
        ("Get", "get"),
        ("Create", "create"),
        ("Delete", "delete"),
    ):
        _code, said = await refused(api.keys(method, {}))
        assert said == f"permission denied: gpgkeys, {action}, "
    api.access.allow("gpgkeys *")
    assert await refused(api.keys("Create", {})) == (
        ApiCode.UNKNOWN,
        "submitted key data is empty",
    )
    one, two = "0123456789ABCDEF", "FEDCBA9876543210"
    data = f"KEY {one} Ann\n"
    assert (await api.keys("Create", {"publickey": {"keyData": data}}))["created"]["items"] == [
        {
            "keyID": one,
            "fingerprint": f"{'A' * 24}{one}",
            "owner": "Ann",
            "trust": "unknown",
            "subType": "rsa4096",
        }
    ]
    more = await api.keys("Create", {"publickey": {"keyData": f"{data}KEY {two} Bob\n"}})
    assert more["skipped"] == [one]
    assert [key["keyID"] for key in more["created"]["items"]] == [two]
    assert len((await api.keys("List", {}))["items"]) == 2
    assert len((await api.keys("List", {"keyID": two}))["items"]) == 1
    found = await api.keys("Get", {"keyID": f"{'A' * 24}{one}"})
    assert found["keyData"] == data
    assert await refused(api.keys("Get", {"keyID": "nothing"})) == (
        ApiCode.UNKNOWN,
        "no such key: nothing",
    )
    assert await refused(api.keys("Delete", {"keyID": one.lower()})) == (
        ApiCode.UNKNOWN,
        f"no such key configured: {one.lower()}",
    )
    assert await api.keys("Delete", {"keyID": one}) == {}
