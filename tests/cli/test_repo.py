"""`repo` and `repocreds`: what is asked, tried, stored and shown."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import NAMESPACE, NOW, Ran, World
from tests.core.repositories.secrets import secret, template
from tests.fakes.connections import FakeConnections
from tests.fakes.kube import FakeCluster
from tiphys.cli.ports import ClusterChoice
from tiphys.core.repositories.record import KEYS, Form
from tiphys.core.settings.clustersecret import fnv32a
from tiphys.model.errors import (
    ConflictError,
    KubeError,
    RepositoryError,
    RepositoryUnreachableError,
)
from tiphys.model.repository import BasicLogin, Confidential, SshKey
from tiphys.model.resource import ResourceKey
from tiphys.services.repositories.catalogue import RepositoryCatalogue

URL = "https://git.example.com/org/apps.git"
SSH = "git@git.example.com:org/apps.git"
TYPE = "argocd.argoproj.io/secret-type"
HEADER = "TYPE  NAME  REPO"
REFUSED = ["Unable", "to", "connect", "to", "repository:", "SSH", "host", "key:", "unknown", "host"]


class Repositories(World):
    """A control plane, and repositories that answer unless they are said to fail."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(capture)
        self.home = FakeCluster()
        self.connections = FakeConnections()

    @asynccontextmanager
    async def repositories(self, choice: ClusterChoice) -> AsyncIterator[RepositoryCatalogue]:
        self.choices.append(choice)
        yield RepositoryCatalogue(
            self.home, self.home, self.connections, namespace=NAMESPACE, now=lambda: NOW
        )

    def secrets(self) -> dict[str, dict[str, Any]]:
        return {at.name: one for at, one in self.home.objects.items() if at.kind == "Secret"}

    def texts(self, name: str) -> dict[str, str]:
        data = self.secrets()[name]["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def add(self, *line: str) -> Ran:
        return self.run("repo", "add", *line)


@pytest.fixture
def world(capsys: pytest.CaptureFixture[str]) -> Repositories:
    return Repositories(capsys)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


# -- repo add ---------------------------------------------------------------------------------


@proves("repo add", "--username", "--password", "--name")
def test_a_repository_is_tried_and_stored(world: Repositories) -> None:
    ran = world.add(URL, "--username", "me", "--password", "s3cret", "--name", "apps")
    assert (ran.code, ran.out, ran.err) == (0, f"Repository '{URL}' added\n", "")
    (tried,) = world.connections.tried
    assert tried.credentials == BasicLogin("me", Confidential("s3cret"))
    name = f"repo-{fnv32a(URL.encode())}"
    stored = world.secrets()[name]
    assert stored["metadata"]["labels"] == {TYPE: "repository"}
    assert stored["metadata"]["annotations"] == {"managed-by": "argocd.argoproj.io"}
    assert world.texts(name) == {
        "url": URL, "type": "git", "name": "apps", "username": "me", "password": "s3cret",
    }  # fmt: skip


@proves(
    "repo add",
    "--project",
    "--depth",
    "--enable-lfs",
    "--enable-oci",
    "--force-http-basic-auth",
    "--insecure-oci-force-http",
    "--insecure-ignore-host-key",
    "--insecure-skip-server-verification",
    "--use-azure-workload-identity",
    "--azure-active-directory-endpoint",
    "--azure-service-principal-client-id",
    "--azure-service-principal-client-secret",
    "--azure-service-principal-tenant-id",
    "--bearer-token",
    "--gcp-service-account-key-path",
    "--github-app-enterprise-base-url",
    "--github-app-id",
    "--github-app-installation-id",
    "--github-app-private-key-path",
    "--no-proxy",
    "--proxy",
    "--tls-client-cert-key-path",
    "--tls-client-cert-path",
    "--webhook-manifest-cache-warm-disabled",
)
def test_all_that_can_be_said(world: Repositories, tmp_path: Path) -> None:
    for name in ("key", "cert", "app", "google"):
        (tmp_path / name).write_text(f"the {name}\n")
    ran = world.add(
        URL, "--project", "team", "--depth", "3", "--enable-lfs", "--enable-oci",
        "--force-http-basic-auth", "--insecure-oci-force-http", "--insecure-ignore-host-key",
        "--insecure-skip-server-verification", "--use-azure-workload-identity",
        "--azure-active-directory-endpoint", "https://login",
        "--azure-service-principal-client-id", "c", "--azure-service-principal-client-secret",
        "s", "--azure-service-principal-tenant-id", "t", "--bearer-token", "b",
        "--gcp-service-account-key-path", str(tmp_path / "google"),
        "--github-app-enterprise-base-url", "https://api", "--github-app-id", "1",
        "--github-app-installation-id", "2",
        "--github-app-private-key-path", str(tmp_path / "app"),
        "--no-proxy", "a,b", "--proxy", "http://u:p@proxy",
        "--tls-client-cert-key-path", str(tmp_path / "key"),
        "--tls-client-cert-path", str(tmp_path / "cert"),
        "--webhook-manifest-cache-warm-disabled",
    )  # fmt: skip
    assert ran.code == 0
    assert world.texts(f"repo-{fnv32a(f'{URL}team'.encode())}") == {
        "url": URL, "type": "git", "project": "team", "depth": "3", "enableLfs": "true",
        "enableOCI": "true", "forceHttpBasicAuth": "true", "insecureOCIForceHttp": "true",
        "insecureIgnoreHostKey": "true", "insecure": "true", "useAzureWorkloadIdentity": "true",
        "azureActiveDirectoryEndpoint": "https://login", "azureServicePrincipalClientId": "c",
        "azureServicePrincipalClientSecret": "s", "azureServicePrincipalTenantId": "t",
        "bearerToken": "b", "gcpServiceAccountKey": "the google\n",
        "githubAppEnterpriseBaseUrl": "https://api", "githubAppID": "1",
        "githubAppInstallationID": "2", "githubAppPrivateKey": "the app\n", "noProxy": "a,b",
        "proxy": "http://u:p@proxy", "tlsClientCertKey": "the key\n",
        "tlsClientCertData": "the cert\n", "webhookManifestCacheWarmDisabled": "true",
    }  # fmt: skip


@proves("repo add", "--ssh-private-key-path")
def test_an_ssh_key(world: Repositories, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("PRIVATE")
    assert world.add(SSH, "--ssh-private-key-path", str(tmp_path / "key")).code == 0
    assert world.connections.tried[0].credentials == SshKey(Confidential("PRIVATE"))


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ((URL, "--type", "helm"), 20, "Must specify --name for repos of type 'helm'"),
        ((URL, "--type", "svn"), 20, 'unsupported repository type "svn"'),
        (
            (URL, "--ssh-private-key-path", "x"), 20,
            "--ssh-private-key-path is only supported for SSH repositories.",
        ),
        (
            (URL, "--tls-client-cert-path", "x"), 20,
            "--tls-client-cert-path and --tls-client-cert-key-path must be specified together",
        ),
        (
            (SSH, "--tls-client-cert-path", "x", "--tls-client-cert-key-path", "y"), 20,
            "--tls-client-cert-path is only supported for HTTPS repositories",
        ),
        (
            (SSH, "--github-app-private-key-path", "x"), 20,
            "--github-app-private-key-path is only supported for HTTPS repositories",
        ),
        (
            (SSH, "--gcp-service-account-key-path", "x"), 20,
            "--gcp-service-account-key-path is only supported for HTTPS repositories",
        ),
        (
            (URL, "--bearer-token", "s3cret", "--password", "s3cret"), 20,
            "only --bearer-token or --password is allowed, not both",
        ),
        (
            (URL, "--bearer-token", "s3cret", "--type", "helm", "--name", "x"), 20,
            "--bearer-token is only supported for Git repositories",
        ),
        (
            ("http://h/x", "--bearer-token", "s3cret"), 20,
            "--bearer-token is only supported for HTTPS repositories",
        ),
        (
            (SSH, "--ssh-private-key-path", "/no/such"), 1,
            "open /no/such: no such file or directory",
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_together(
    world: Repositories, line: tuple[str, ...], code: int, said: str
) -> None:
    ran = world.add(*line)
    assert (ran.code, ran.fatal) == (code, said)
    assert "s3cret" not in ran.out + ran.err
    assert world.connections.tried == []


@pytest.mark.parametrize("line", [(), (URL, SSH)])
def test_one_url_is_needed(world: Repositories, line: tuple[str, ...]) -> None:
    ran = world.add(*line)
    assert ran.code == 1
    assert "repo add REPOURL [flags]" in ran.out


def test_what_does_not_answer_is_not_stored(world: Repositories) -> None:
    world.connections.failing[URL] = RepositoryUnreachableError(
        "unable to ls-remote HEAD on repository: failed to list refs: name resolution: no such host"
    )
    ran = world.add(URL, "--password", "s3cret")
    assert (ran.code, ran.fatal) == (
        20,
        "rpc error: code = Unknown desc = error testing repository connectivity: "
        "unable to ls-remote HEAD on repository: failed to list refs: name resolution: "
        "no such host",
    )
    assert world.secrets() == {}
    assert "s3cret" not in ran.out + ran.err


def test_a_template_helps_with_the_test(world: Repositories) -> None:
    world.home.seed(template(url="https://git", username="u", password="s3cret"))
    assert world.add(URL).code == 0
    assert world.connections.tried[0].credentials == BasicLogin("u", Confidential("s3cret"))
    assert world.texts(f"repo-{fnv32a(URL.encode())}") == {"url": URL, "type": "git"}


def test_the_password_is_asked_for(world: Repositories, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "s3cret\n")
    ran = world.add(URL, "--username", "me")
    assert ran.out == f"Password: \nRepository '{URL}' added\n"
    assert world.texts(f"repo-{fnv32a(URL.encode())}")["password"] == "s3cret"
    typed(monkeypatch, "")
    ran = world.add(SSH, "--username", "me")
    assert (ran.code, ran.fatal) == (20, "EOF")


def test_artefacts_are_known_by_their_url(world: Repositories) -> None:
    assert world.add("oci://registry/manifests").code == 0
    assert world.texts(f"repo-{fnv32a(b'oci://registry/manifests')}")["type"] == "oci"


def test_the_same_again_is_well(world: Repositories) -> None:
    assert world.add(URL, "--password", "a").code == 0
    assert world.add("HTTPS://git.example.com/org/apps", "--password", "a").code == 0
    assert len(world.secrets()) == 1


@proves("repo add", "--upsert")
def test_another_spec_needs_upsert(world: Repositories) -> None:
    declared = secret("mine", url=URL, password="s3cret-old", name="old", extra="kept")
    world.home.seed(declared)
    ran = world.add(URL, "--password", "s3cret-new")
    assert (ran.code, ran.fatal) == (
        20,
        "rpc error: code = InvalidArgument desc = existing repository spec is different; "
        'use upsert flag to force update; difference in keys "name,password,type"',
    )
    assert "s3cret" not in ran.err
    assert world.add(URL, "--password", "s3cret-new", "--upsert").code == 0
    assert list(world.secrets()) == ["mine"]
    assert world.texts("mine") == {
        "url": URL, "password": "s3cret-new", "name": "", "type": "git", "extra": "kept",
    }  # fmt: skip
    assert world.secrets()["mine"]["metadata"]["annotations"] == {
        "managed-by": "argocd.argoproj.io"
    }


def test_projects_have_repositories_of_their_own(world: Repositories) -> None:
    assert world.add(URL, "--password", "a").code == 0
    assert world.add(URL, "--password", "b", "--project", "team").code == 0
    assert len(world.secrets()) == 2


def test_a_secret_that_only_has_the_name(world: Repositories) -> None:
    name = f"repo-{fnv32a(URL.encode())}"
    taken = secret(name)
    taken["metadata"]["labels"] = {}
    world.home.seed(taken)
    ran = world.add(URL)
    assert ran.fatal == (
        f'rpc error: code = InvalidArgument desc = secret "{name}" doesn\'t have the proper '
        f'"{TYPE}" label: please fix the secret or delete it'
    )
    world.home.change(secret(name, url=SSH))
    ran = world.add(URL)
    assert ran.fatal == (
        f'rpc error: code = AlreadyExists desc = repository "{URL}" already exists'
    )


# -- repo list and get ------------------------------------------------------------------------


def test_a_list_without_repositories(world: Repositories) -> None:
    ran = world.run("repo", "list")
    assert ran.out == ("TYPE  NAME  REPO  INSECURE  OCI  LFS  CREDS  STATUS  MESSAGE  PROJECT\n")
    assert world.run("repo", "list", "-o", "json").out == "[]\n"
    assert world.run("repo", "list", "-o", "yaml").out == "[]\n"


def test_the_contracts_table(world: Repositories) -> None:
    url = "http://127.0.0.1:9181/examples.git"
    world.home.seed(secret(url=url, type="git"))
    expected = (
        "TYPE  NAME  REPO                                INSECURE  OCI    LFS    CREDS  "
        "STATUS      MESSAGE  PROJECT\n"
        "git         http://127.0.0.1:9181/examples.git  false     false  false  false  "
        "Successful           \n"
    )
    assert world.run("repo", "list").out == expected
    assert world.run("repo", "get", url).out == expected


@proves("repo list", "--output")
def test_what_is_shown(world: Repositories) -> None:
    world.connections.failing[SSH] = RepositoryError("SSH host key: unknown\nhost")
    world.home.seed(
        secret("c", url=SSH, sshPrivateKey="s3cret"),
        secret("a", url=URL, username="me", password="s3cret", type="helm", name="charts",
               enableOCI="true", enableLfs="true", insecureIgnoreHostKey="true"),
        template("t", url="https://other", password="s3cret"),
        secret("d", url="https://other/x", project="team"),
    )  # fmt: skip
    ran = world.run("repo", "list")
    rows = [line.split() for line in ran.out.splitlines()[1:]]
    assert rows == [
        ["git", SSH, "false", "false", "false", "false", "Failed",
         *REFUSED],
        ["helm", "charts", URL, "true", "true", "true", "true", "Successful"],
        ["git", "https://other/x", "false", "false", "false", "inherited", "Successful", "team"],
    ]  # fmt: skip
    found = json.loads(world.run("repo", "list", "-o", "json").out)
    assert found[1] == {
        "repo": URL, "username": "me",
        "connectionState": {
            "status": "Successful", "message": "", "attemptedAt": "2026-11-23T10:03:33Z",
        },
        "insecure": True, "enableLfs": True, "type": "helm", "name": "charts", "enableOCI": True,
    }  # fmt: skip
    assert found[2]["inheritedCreds"] is True
    assert yaml.safe_load(world.run("repo", "list", "-o", "yaml").out) == found
    everything = "".join(world.run("repo", "list", "-o", form).out for form in ("json", "yaml"))
    assert "s3cret" not in everything + ran.out + ran.err


def test_urls_alone_try_nothing(world: Repositories) -> None:
    world.home.seed(secret("a", url=URL), secret("b", url="https://u:s3cret@h/x"))
    ran = world.run("repo", "list", "-o", "url")
    assert ran.out == f"{URL}\nhttps://u@h/x\n"
    assert world.connections.tried == []


def test_a_broken_secret_is_listed_and_said(world: Repositories) -> None:
    world.home.seed(secret("bad", url=URL, insecure="s3cret"), secret("good", url=SSH))
    ran = world.run("repo", "list")
    assert "Configuration error - please check the server logs" in ran.out
    assert "Successful" in ran.out
    (line,) = ran.err.splitlines()
    assert json.loads(line)["level"] == "warning"
    assert json.loads(line)["msg"] == "Secret bad: key insecure is not a boolean"
    assert "s3cret" not in ran.out + ran.err
    assert world.run("repo", "get", URL).code == 0


def test_unknown_forms(world: Repositories) -> None:
    ran = world.run("repo", "list", "-o", "xml")
    assert (ran.code, ran.fatal) == (20, "unknown output format: xml")
    for line in (("list",), ("get", URL)):
        ran = world.run("repo", *line, "--refresh", "soft")
        assert (ran.code, ran.fatal) == (
            20, "unknown refresh value: soft. Supported values: hard",
        )  # fmt: skip


@proves("repo get", "--output", "--project")
def test_get(world: Repositories) -> None:
    assert world.run("repo", "get").code == 1
    ran = world.run("repo", "get", URL)
    assert (ran.code, ran.fatal) == (
        20, "rpc error: code = PermissionDenied desc = permission denied",
    )  # fmt: skip
    world.home.seed(secret("a", url=URL, name="mine", project="team"))
    body = json.loads(world.run("repo", "get", URL, "-o", "json", "--refresh", "hard").out)
    assert (body["repo"], body["name"], body["project"]) == (URL, "mine", "team")
    assert world.run("repo", "get", URL, "-o", "url").out == f"{URL}\n"
    ran = world.run("repo", "get", URL, "--project", "other")
    assert ran.fatal == (
        f'rpc error: code = Unknown desc = repository not found for url "{URL}" and project "other"'
    )
    world.home.seed(secret("b", url=URL, name="theirs", project="other"))
    assert "theirs" in world.run("repo", "get", URL, "--project", "other").out
    assert world.run("repo", "get", URL).fatal.endswith(f'url "{URL}" and project ""')


# -- repo rm ----------------------------------------------------------------------------------


def test_what_a_call_made_goes(world: Repositories) -> None:
    world.add(URL)
    world.add("https://other/x")
    ran = world.run("repo", "rm", URL, "https://other/x")
    assert (ran.code, ran.out) == (
        0, f"Repository '{URL}' removed\nRepository 'https://other/x' removed\n",
    )  # fmt: skip
    assert world.secrets() == {}
    assert world.run("repo", "rm").code == 1
    assert world.run("repo", "rm", URL).fatal.endswith("desc = permission denied")


def test_what_somebody_declared_is_only_forgotten(world: Repositories) -> None:
    world.home.seed(secret("mine", url=URL, password="p"))
    assert world.run("repo", "rm", URL).code == 0
    kept = world.secrets()["mine"]
    assert kept["metadata"].get("labels") in (None, {})
    assert world.texts("mine")["password"] == "p"
    assert HEADER in world.run("repo", "list").out


def test_removal_asks_those_who_want_it(
    world: Repositories, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add(URL)
    typed(monkeypatch, "n\n")
    ran = world.run("repo", "rm", URL, "--prompts-enabled")
    assert ran.out == (
        f"Are you sure you want to delete repository '{URL}'? [y/n]"
        f"The command to delete '{URL}' was cancelled.\n"
    )
    assert len(world.secrets()) == 1


# -- repocreds --------------------------------------------------------------------------------


@proves("repocreds add", "--proxy-url")
@proves("repocreds list", "--output")
def test_templates_come_and_go(world: Repositories) -> None:
    url = "https://git.example.com/"
    ran = world.run(
        "repocreds", "add", url, "--username", "me", "--password", "s3cret", "--proxy-url",
        "http://proxy", "--azure-service-principal-client-id", "c",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, f"Repository credentials for '{url}' added\n")
    assert world.choices[-1].access.proxy_url == ""
    name = f"creds-{fnv32a(url.encode())}"
    assert world.secrets()[name]["metadata"]["labels"] == {TYPE: "repo-creds"}
    assert world.texts(name) == {
        "url": url, "type": "git", "username": "me", "password": "s3cret",
        "proxy": "http://proxy", "azureServicePrincipalClientID": "c",
    }  # fmt: skip
    assert world.connections.tried == []
    ran = world.run("repocreds", "list")
    assert ran.out == (
        "URL PATTERN               USERNAME  SSH_CREDS  TLS_CREDS\n"
        f"{url}  me        false      false\n"
    )
    shown = [{"url": url, "username": "me", "type": "git"}]
    assert json.loads(world.run("repocreds", "list", "-o", "json").out) == shown
    assert yaml.safe_load(world.run("repocreds", "list", "-o", "yaml").out) == shown
    assert world.run("repocreds", "list", "-o", "url").out == f"{url}\n"
    assert world.run("repocreds", "list", "-o", "x").fatal == "unknown output format: x"
    ran = world.run("repocreds", "rm", url)
    assert (ran.code, ran.out) == (0, f"Repository credentials for '{url}' removed\n")
    assert world.secrets() == {}
    assert world.run("repocreds", "list").out == "URL PATTERN  USERNAME  SSH_CREDS  TLS_CREDS\n"


@proves("repocreds add", "--upsert")
def test_templates_that_differ(world: Repositories) -> None:
    assert world.run("repocreds", "add", URL, "--password", "a").code == 0
    assert world.run("repocreds", "add", URL, "--password", "a").code == 0
    ran = world.run("repocreds", "add", URL, "--password", "b")
    assert ran.fatal == (
        "rpc error: code = InvalidArgument desc = existing repository credentials spec is "
        'different; use upsert flag to force update; difference in keys "password"'
    )
    assert world.run("repocreds", "add", URL, "--password", "b", "--upsert").code == 0
    (name,) = world.secrets()
    assert world.texts(name)["password"] == "b"
    assert world.run("repocreds", "list").out.splitlines()[1].split()[1] == "-"


def test_removal_of_templates(world: Repositories, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.run("repocreds", "rm").code == 1
    ran = world.run("repocreds", "rm", URL)
    assert ran.fatal == (
        f"rpc error: code = NotFound desc = repository credentials '{URL}' not found"
    )
    world.home.seed(template(url="https://git", password="p"))
    typed(monkeypatch, "n\ny\n")
    ran = world.run("repocreds", "rm", URL, "--prompts-enabled")
    assert ran.out == (
        f"Are you sure you want to remove '{URL}'? [y/n] "
        f"The command to remove '{URL}' was cancelled.\n"
    )
    assert world.run("repocreds", "rm", URL, "--prompts-enabled").code == 0
    # It was declared: only its label goes.
    assert world.secrets()["creds-1"]["metadata"].get("labels") in (None, {})


@pytest.mark.parametrize("line", [("repocreds", "add"), ("repocreds", "add", URL, SSH)])
def test_one_prefix_is_needed(world: Repositories, line: tuple[str, ...]) -> None:
    assert world.run(*line).code == 1


# -- admin repo -------------------------------------------------------------------------------


@proves("admin repo generate-spec", "--output", "--name")
def test_a_spec_is_printed(world: Repositories, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "p\n")
    ran = world.run("admin", "repo", "generate-spec", URL, "--name", "x", core=False)
    assert yaml.safe_load(ran.out) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"repo-{fnv32a(URL.encode())}",
            "labels": {TYPE: "repository"},
            "annotations": {"managed-by": "argocd.argoproj.io"},
        },
        "type": "Opaque",
        "stringData": {"url": URL, "type": "git", "name": "x"},
    }
    ran = world.run("admin", "repo", "generate-spec", URL, "-o", "json", core=False)
    assert json.loads(ran.out)["stringData"] == {"url": URL, "type": "git"}
    assert world.run("admin", "repo", "generate-spec", core=False).code == 1
    ran = world.run("admin", "repo", "generate-spec", URL, "-o", "x", core=False)
    assert ran.fatal == "unknown output format: x"


def test_core_has_to_be_said(world: Repositories) -> None:
    ran = world.run("repo", "list", core=False)
    assert (ran.code, ran.fatal) == (1, "Argo CD server address unspecified")


def test_someone_else_writes_meanwhile(world: Repositories) -> None:
    world.home.seed(secret("mine", url=URL, password="a"))
    conflicts = 2

    def fail(verb: str, key: ResourceKey) -> KubeError | None:
        nonlocal conflicts
        if verb != "update" or conflicts == 0:
            return None
        conflicts -= 1
        return ConflictError("changed", status=409)

    world.home.fail = fail
    assert world.add(URL, "--password", "b", "--upsert").code == 0
    assert world.texts("mine")["password"] == "b"
    conflicts = 99
    ran = world.add(URL, "--password", "c", "--upsert")
    assert (ran.code, ran.fatal) == (
        20,
        "rpc error: code = Unknown desc = Secret mine changes all the time",
    )


# -- secrets ----------------------------------------------------------------------------------

PLANTED = {key.name: f"pl4nted-{key.name}" for key in KEYS if key.form is Form.SECRET}
PLANTED |= {"proxy": "http://me:pl4nted@proxy/", "githubAppID": "7"}
BROKEN = {key.name: f"pl4nted-{key.name}" for key in KEYS if key.form in (Form.BOOL, Form.NUMBER)}
ADDED = (
    "--password", "pl4nted", "--azure-service-principal-client-secret", "pl4nted",
    "--proxy", "http://me:pl4nted@proxy/",
)  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        *(("repo", "list", "-o", form) for form in ("wide", "json", "yaml", "url")),
        *(("repo", "get", URL, "-o", form) for form in ("wide", "json", "yaml", "url")),
        *(("repocreds", "list", "-o", form) for form in ("wide", "json", "yaml", "url")),
        ("repo", "get", "https://broken/a"),
        ("repo", "add", URL, *ADDED),
        ("repo", "add", URL, *ADDED, "--upsert"),
        ("repo", "add", "https://new", *ADDED),
        ("repo", "add", "https://broken/a", *ADDED),
        ("repo", "add", "https://broken/b"),
        ("repo", "add", "https://failing", *ADDED),
        ("repocreds", "add", "https://git", "--password", "pl4nted-other"),
        ("repo", "rm", URL),
        ("repo", "rm", "https://broken/a"),
        ("repocreds", "rm", "https://git.example.com"),
        ("repo", "add", "https://me:pl4nted@new/x"),
        ("repo", "add", "https://me:pl4nted@h/x", "--name", "other"),
        ("repo", "get", "https://me:pl4nted@h/x", "--project", "none"),
        ("repo", "rm", "https://me:pl4nted@h/x"),
        ("repocreds", "add", "https://me:pl4nted@new/x"),
        ("repocreds", "rm", "https://me:pl4nted@none"),
    ],
    ids=lambda line: " ".join(line[:4]),
)
def test_nothing_that_is_planted_comes_out(world: Repositories, line: tuple[str, ...]) -> None:
    world.home.seed(
        secret("a", url=URL, **PLANTED),
        template("t", url="https://git", **PLANTED),
        secret("b", url="https://me:pl4nted@h/x", **PLANTED),
        secret("w", kind="repository-write", url=URL, **PLANTED),
        *(secret(f"c{at}", url="https://broken/a", **{key: text}, project=str(at))
          for at, (key, text) in enumerate(BROKEN.items())),
        secret("d", url="https://broken/a", **BROKEN),
        template("e", url="https://broken/", enableOCI="pl4nted"),
    )  # fmt: skip
    world.connections.failing["https://failing"] = RepositoryError("login: refused")
    ran = world.run(*line)
    assert ran.out + ran.err
    assert "pl4nted" not in ran.out + ran.err
