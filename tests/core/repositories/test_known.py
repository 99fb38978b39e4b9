"""How a URL becomes a repository: lookup by project, templates, credentials, trust."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.repositories.secrets import known, secret, template
from tiphys.core.repositories.known import Known, by_host
from tiphys.core.repositories.opening import host_of, is_ssh
from tiphys.core.repositories.record import Record
from tiphys.core.repositories.secret import read_secret
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import (
    Anonymous,
    AzureServicePrincipal,
    AzureWorkloadIdentity,
    BasicLogin,
    BearerLogin,
    ClientCertificate,
    Confidential,
    GitHubApp,
    GoogleServiceAccount,
    Proxy,
    Repository,
    RepositoryKind,
    SshKey,
    Trust,
)

URL = "https://git.example.com/org/apps.git"
SSH = "git@git.example.com:org/apps.git"
C = Confidential


def found(*manifests: dict[str, Any], url: str = URL, project: str = "default") -> Repository:
    return known(*manifests).find(url, project)


# -- lookup -----------------------------------------------------------------------------------


def test_a_url_that_no_secret_knows_is_a_repository_too() -> None:
    assert found() == Repository(url=URL)
    assert found(url=f" {URL} ").url == URL


def test_what_the_secret_says() -> None:
    repository = found(
        secret(
            url=URL, name="apps", project="default", type="git", enableLfs="t", depth="3",
            proxy="http://proxy:1", noProxy="a,b", enableOCI="1", insecureOCIForceHttp="true",
            webhookManifestCacheWarmDisabled="true",
        )
    )  # fmt: skip
    assert repository == Repository(
        url=URL, name="apps", project="default", lfs=True, depth=3, oci=True, plain_http=True,
        proxy=Proxy("http://proxy:1", "a,b"), trust=Trust(insecure=True), warms=False,
    )  # fmt: skip


def test_a_depth_below_zero_is_none() -> None:
    assert found(secret(url=URL, depth="-1")).depth == 0


@pytest.mark.parametrize("asked", ["https://GIT.example.com/org/apps", f" {URL}"])
def test_urls_are_compared_in_normal_form(asked: str) -> None:
    assert found(secret(url=URL, name="apps"), url=asked).name == "apps"


def test_the_projects_own_secret_wins_over_that_of_all() -> None:
    manifests = (
        secret("a", url=URL, name="all"),
        secret("b", url=URL, name="mine", project="team"),
        secret("c", url=URL, name="theirs", project="other"),
    )
    assert found(*manifests, project="team").name == "mine"
    assert found(*manifests, project="default").name == "all"
    assert found(manifests[2], project="team") == Repository(url=URL)


def test_of_two_for_one_place_the_first_by_name_counts() -> None:
    assert found(secret("b", url=URL, name="b"), secret("a", url=URL, name="a")).name == "a"


def test_a_broken_secret_fails_its_own_repository_only() -> None:
    book = known(secret("bad", url=URL, insecure="s3cret"), secret("good", url=SSH, name="good"))
    for _ in range(2):
        with pytest.raises(RepositoryError, match=r"^Secret bad: key insecure is not a boolean$"):
            book.find(URL, "default")
    assert book.find(SSH, "default").name == "good"
    assert [one.name for one in book.usable("default")] == ["good"]


def test_a_secret_without_url_is_nobodys() -> None:
    assert found(secret(name="x"), template(username="x", password="y")) == Repository(url=URL)


def test_a_type_that_there_is_not() -> None:
    with pytest.raises(RepositoryError, match=r"^Secret r: key type is none of git, helm and oci$"):
        found(secret("r", url=URL, type="svn"))
    with pytest.raises(RepositoryError, match=r"^Secret t: key type is none of git, helm and oci$"):
        found(secret("r", url=URL), template("t", url="https://git", type="svn"))
    with pytest.raises(RepositoryError, match=r"^its type is none of git, helm and oci$"):
        known().open(Record(url=URL, type="svn"))
    assert known().open(Record(url=URL, type="helm")).kind is RepositoryKind.HELM


@pytest.mark.parametrize(
    ("url", "data", "kind"),
    [
        (URL, {}, RepositoryKind.GIT),
        ("oci://registry/x", {}, RepositoryKind.OCI),
        (URL, {"type": "helm"}, RepositoryKind.HELM),
        ("oci://registry/x", {"type": "helm"}, RepositoryKind.HELM),
    ],
)
def test_kinds(url: str, data: dict[str, str], kind: RepositoryKind) -> None:
    assert found(secret(url=url, **data), url=url).kind is kind


def test_usable_are_the_projects_and_those_of_all() -> None:
    book = known(
        secret("a", url=URL, name="all"),
        secret("b", url=URL, name="mine", project="team"),
        secret("c", url=SSH, name="theirs", project="other"),
        secret("d", url="https://x", name="x"),
        secret("e", url="https://write", kind="repository-write"),
    )
    assert sorted(one.name for one in book.usable("team")) == ["mine", "x"]
    assert sorted(one.name for one in book.usable("")) == ["all", "x"]


def test_the_secret_of_a_place() -> None:
    book = known(
        secret("a", url=URL),
        secret("b", url=URL, project="team"),
        secret("w", url=URL, kind="repository-write", password="p"),
    )

    def name(project: str, **how: bool) -> str | None:
        one = book.secret(URL, project, **how)
        return one.name if one is not None else None

    assert name("team") == "b"
    assert name("other") is None
    assert name("other", fallback=True) == "a"
    assert name("", write=True) == "w"
    assert [one.name for one in book.write_repositories()] == ["w"]


# -- templates --------------------------------------------------------------------------------


def test_the_longest_template_wins_without_a_boundary() -> None:
    manifests = (
        template("a", url="https://git.example.com", username="short", password="p"),
        template("b", url="https://git.example.com/OR", username="long", password="p"),
        template("c", url="https://git.example.com/org/apps/deeper", username="no", password="p"),
    )
    repository = found(*manifests)
    assert repository.credentials == BasicLogin("long", C("p"))
    assert repository.inherited is True
    assert found(secret(url=URL, name="apps"), *manifests).credentials == repository.credentials
    assert found(*manifests, url="https://elsewhere").inherited is False


@pytest.mark.parametrize(
    "data",
    [
        {"username": "u"},
        {"password": "p"},
        {"bearerToken": "t"},
        {"sshPrivateKey": "k"},
        {"tlsClientCertData": "c"},
        {"githubAppPrivateKey": "k"},
        {"useAzureWorkloadIdentity": "true"},
        {"azureServicePrincipalClientSecret": "s"},
    ],
    ids=lambda data: next(iter(data)),
)
def test_credentials_of_its_own_keep_templates_away(data: dict[str, str]) -> None:
    repository = found(
        secret(url=URL, **data),
        template(url="https://git", bearerToken="theirs", proxy="http://proxy", type="helm"),
    )
    assert repository.inherited is False
    assert repository.proxy == Proxy()
    assert repository.credentials != BearerLogin(C("theirs"))
    assert repository.kind is RepositoryKind.GIT


def test_a_google_key_does_not_count_as_credentials() -> None:
    repository = found(
        secret(url=URL, gcpServiceAccountKey="mine"),
        template(url="https://git", gcpServiceAccountKey="theirs", username="u", password="p"),
    )
    assert repository.credentials == BasicLogin("u", C("p"))
    assert repository.inherited is True


def test_what_is_inherited() -> None:
    repository = found(
        secret(
            url=URL, insecure="true", enableLfs="true", depth="2", proxy="http://mine",
            enableOCI="true", insecureOCIForceHttp="true", forceHttpBasicAuth="true",
        ),
        template(
            url="https://git", username="u", password="p", proxy="http://theirs", noProxy="x",
            type="helm", tlsClientCertData="c", tlsClientCertKey="k",
        ),
    )  # fmt: skip
    assert repository == Repository(
        url=URL, kind=RepositoryKind.HELM, credentials=BasicLogin("u", C("p")), inherited=True,
        client_certificate=ClientCertificate("c", C("k")), lfs=True, depth=2,
        proxy=Proxy("http://mine", "x"), trust=Trust(insecure=True), oci=False, plain_http=False,
    )  # fmt: skip


def test_what_a_template_overwrites() -> None:
    repository = found(
        secret(url="oci://registry/x"),
        template(
            url="oci://", username="u", password="p", enableOCI="true", type="helm",
            insecureOCIForceHttp="true", forceHttpBasicAuth="true",
        ),
        url="oci://registry/x",
    )  # fmt: skip
    assert (repository.oci, repository.plain_http) == (True, True)
    assert repository.credentials == BasicLogin("u", C("p"), force_header=True)


def test_a_broken_template_fails_whom_it_would_help() -> None:
    book = known(
        template("bad", url="https://git", enableOCI="s3cret"),
        secret("own", url=URL, password="p"),
    )
    assert book.find(URL, "default").credentials == BasicLogin("x-access-token", C("p"))
    with pytest.raises(RepositoryError, match=r"^Secret bad: key enableOCI is not a boolean$"):
        book.find("https://git.example.com/other", "default")
    assert book.templates() == ()


def test_templates_are_listed_longest_first() -> None:
    book = known(
        template("a", url="https://a", username="u", tlsClientCertData="c", tlsClientCertKey="k"),
        template("b", url="https://longer", password="p"),
        template("c", url="https://c", type="svn"),
        secret("w", url="https://w", kind="repo-write-creds"),
        template("d", url="https://d", depth="x", enableOCI="x"),
    )
    assert [one.like.url for one in book.templates()] == ["https://longer", "https://a"]
    assert book.templates()[1].like.client_certificate == ClientCertificate("c", C("k"))
    written = book.template("https://w/x", write=True)
    assert written is not None
    assert written.name == "w"


def test_a_record_filled_up() -> None:
    book = known(template(url="https://git", password="p"))
    assert book.filled(Record(url=URL)).password == "p"
    assert book.filled(Record(url=SSH)) == Record(url=SSH)


# -- credentials ------------------------------------------------------------------------------

AZURE = {
    "azureServicePrincipalClientId": "c",
    "azureServicePrincipalTenantId": "t",
    "azureServicePrincipalClientSecret": "s",
    "azureActiveDirectoryEndpoint": "https://login",
}
APP = {"githubAppPrivateKey": "k", "githubAppID": "7"}


@pytest.mark.parametrize(
    ("data", "credentials"),
    [
        ({}, Anonymous()),
        ({"username": "u"}, Anonymous()),
        ({"username": "u", "password": "p"}, BasicLogin("u", C("p"))),
        ({"password": "p"}, BasicLogin("x-access-token", C("p"))),
        (
            {"username": "u", "password": "p", "forceHttpBasicAuth": "true"},
            BasicLogin("u", C("p"), force_header=True),
        ),
        ({"bearerToken": "t", "password": "p"}, BearerLogin(C("t"))),
        ({"sshPrivateKey": "k", **APP}, SshKey(C("k"))),
        ({"sshPrivateKey": "k", "password": "p", "username": "u"}, BasicLogin("u", C("p"))),
        (APP, GitHubApp(7, C("k"))),
        (
            {**APP, "githubAppInstallationID": "9", "githubAppEnterpriseBaseUrl": "https://api"},
            GitHubApp(7, C("k"), 9, "https://api"),
        ),
        ({"githubAppPrivateKey": "k"}, Anonymous()),
        ({"gcpServiceAccountKey": "{}"}, GoogleServiceAccount(C("{}"))),
        ({"useAzureWorkloadIdentity": "true", **AZURE}, AzureWorkloadIdentity()),
        (AZURE, AzureServicePrincipal("t", "c", C("s"), "https://login")),
        ({**AZURE, "azureServicePrincipalTenantId": ""}, Anonymous()),
    ],
)
def test_the_first_kind_that_is_set_wins(data: dict[str, str], credentials: object) -> None:
    assert found(secret(url=URL, **data)).credentials == credentials


@pytest.mark.parametrize("kind", ["helm", "oci"])
@pytest.mark.parametrize(
    ("data", "credentials"),
    [
        ({}, Anonymous()),
        ({"bearerToken": "t", "sshPrivateKey": "k"}, Anonymous()),
        ({"username": "u"}, BasicLogin("u", C(""))),
        ({"password": "p"}, BasicLogin("", C("p"))),
        ({"useAzureWorkloadIdentity": "true", "password": "p"}, AzureWorkloadIdentity()),
    ],
)
def test_registries_know_users_and_azure(
    kind: str, data: dict[str, str], credentials: object
) -> None:
    assert found(secret(url=URL, type=kind, **data)).credentials == credentials


CERTIFICATE = {"tlsClientCertData": "c", "tlsClientCertKey": "k"}


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        ({**CERTIFICATE}, False),
        ({**CERTIFICATE, "username": "u"}, False),
        ({**CERTIFICATE, "password": "p"}, True),
        ({**CERTIFICATE, "bearerToken": "t"}, True),
        ({**CERTIFICATE, **APP}, True),
        ({**CERTIFICATE, "sshPrivateKey": "k"}, False),
        ({"tlsClientCertData": "c", "password": "p"}, False),
        ({**CERTIFICATE, "type": "helm"}, True),
    ],
)
def test_git_gets_a_client_certificate_only_beside_a_login(
    data: dict[str, str], sent: bool
) -> None:
    certificate = found(secret(url=URL, **data)).client_certificate
    assert certificate == (ClientCertificate("c", C("k")) if sent else None)


# -- trust ------------------------------------------------------------------------------------

TRUST = {
    "certificates": by_host({"Git.example.com": "PEM", "registry": "REG", "empty": " "}),
    "known_hosts": "git.example.com ssh-ed25519 AAAA\n",
}


@pytest.mark.parametrize(
    ("url", "trust"),
    [
        (URL, Trust(certificates="PEM")),
        ("https://user@GIT.example.com:8443/x", Trust(certificates="PEM")),
        ("oci://registry:5000/x", Trust(certificates="REG")),
        ("registry/x", Trust(certificates="REG", known_hosts=TRUST["known_hosts"])),  # type: ignore[arg-type]
        ("https://elsewhere/x", Trust()),
        ("https://empty/x", Trust()),
        (SSH, Trust(known_hosts=TRUST["known_hosts"])),  # type: ignore[arg-type]
        ("ssh://git.example.com:22/x", Trust(known_hosts=TRUST["known_hosts"])),  # type: ignore[arg-type]
        ("git.example.com:x", Trust(certificates="PEM", known_hosts=TRUST["known_hosts"])),  # type: ignore[arg-type]
    ],
)
def test_whom_to_believe(url: str, trust: Trust) -> None:
    assert known(**TRUST).find(url, "").trust == trust


def test_registries_without_a_scheme() -> None:
    book = known(secret(url="registry:5000/charts", type="helm", enableOCI="true"), **TRUST)
    assert book.find("registry:5000/charts", "").trust == Trust(certificates="REG")


@pytest.mark.parametrize("key", ["insecure", "insecureIgnoreHostKey", "insecureOCIForceHttp"])
def test_git_is_insecure_by_each_of_three_keys(key: str) -> None:
    assert found(secret(url=URL, **{key: "true"})).trust.insecure is True
    assert found(secret(url=URL, type="helm", **{key: "true"})).trust.insecure is (
        key == "insecure"
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://h/x", "h"),
        ("https://h?x", "h"),
        ("https://u:p@H:1/x", "h"),
        ("https://[::1]:1/x", "::1"),
        ("git@h:o/r", "h"),
        ("h/x", "h"),
        ("file:///x", ""),
    ],
)
def test_hosts(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "ssh"),
    [
        (SSH, True),
        ("ssh://git@h:2222/o/r", True),
        ("ssh://h/o/r", False),
        ("https://u@h/r", False),
        ("h:r", False),
    ],
)
def test_the_ssh_form(url: str, ssh: bool) -> None:
    assert is_ssh(url) is ssh


# -- changes ----------------------------------------------------------------------------------


def test_a_change_leaves_what_was_handed_out() -> None:
    before = known(secret(url=URL, password="old"))
    held = before.find(URL, "")
    after = before.changed(certificates={"git.example.com": "PEM"}, known_hosts="x")
    assert before.find(URL, "") is held
    assert after.find(URL, "").trust.certificates == "PEM"
    assert (after.secrets, after.known_hosts) == (before.secrets, "x")
    assert before.changed(secrets={}) == Known()


def test_who_is_concerned_by_a_change() -> None:
    before = known(secret(url=URL, password="old"), template(url="https://git", password="t"))
    after = known(secret(url=URL, password="new"), template(url="https://git", password="t"))
    assert not before.opens_alike(after, URL, "any")
    assert before.opens_alike(after, "https://git.example.com/other", "any")
    broken = known(secret(url=URL, insecure="x"))
    assert broken.opens_alike(known(secret(url=URL, insecure="y")), URL, "any")
    assert not broken.opens_alike(after, URL, "any")


def test_what_is_remembered_has_an_end() -> None:
    book = known()
    for number in range(30_000):
        book.find(f"https://h/{number}", "")
    assert book.remembered <= 20_000


def test_no_secret_shows() -> None:
    planted = {
        "password": "s3cret", "bearerToken": "s3cret", "sshPrivateKey": "s3cret",
        "tlsClientCertKey": "s3cret", "githubAppPrivateKey": "s3cret",
        "gcpServiceAccountKey": "s3cret", "azureServicePrincipalClientSecret": "s3cret",
        "proxy": "http://u:s3cret@proxy",
    }  # fmt: skip
    book = known(secret(url=URL, **planted), template(url="https://x", **planted))
    assert "s3cret" not in repr(book)
    url = "https://u:s3cret@h/x"
    held = known(secret(url=url)).find(url, "")
    assert held.url == url
    assert "s3cret" not in repr((held, known().find(url, ""), read_secret(secret(url=url))))
    assert "s3cret" not in repr((book.find(URL, ""), book.templates(), book.usable("")))
    with pytest.raises(RepositoryError) as raised:
        known(secret(url="https://u:s3cret@h/x", insecure="x")).find("https://u:s3cret@h/x", "")
    assert "s3cret" not in f"{raised.value!r} {raised.value.url}"
