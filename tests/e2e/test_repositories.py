"""Repositories with logins: known to Tiphys by its commands, and what changes with them.

Git answers over https with a certificate of the test's own authority and a password, and over
ssh with a key; both are real servers on loopback.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack
from tests.fixtures.authority import Authority
from tests.fixtures.chartserver import ChartServer
from tests.fixtures.gitfront import GitFront, basic
from tests.fixtures.gitssh import GitSsh
from tests.fixtures.registry import Registry
from tiphys.adapters.gitserver.server import GitServer

T = TypeVar("T")
PASSWORD = "s3cret-of-the-front"
HOST = "127.0.0.1"


class Servers:
    """Git behind https and ssh, on a loop of its own. `key` opens the second."""

    def __init__(self, folder: Path, served: Path) -> None:
        self.authority = Authority()
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._git = GitServer(served)
        self.front = GitFront(self._git, self.authority.server_context(folder))
        self.front.wanted = basic("me", PASSWORD)
        self.ssh = GitSsh(served)
        self.charts = ChartServer()
        self.charts.publish("web", "1.2.0")
        self.charts.wanted = basic("me", PASSWORD)
        self.registry = Registry(user=f"me:{PASSWORD}")
        for server in self._all():
            self.run(server.start())
        self.run(self.registry.push_chart("charts/web", "2.1.0"))
        self.key = folder / "key"
        self.key.write_text(self.ssh.client_key)
        self.ca = folder / "ca.pem"
        self.ca.write_text(self.authority.pem)
        self.hosts = folder / "known_hosts"
        self.hosts.write_text(self.ssh.known_hosts())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def stop(self) -> None:
        for server in self._all():
            self.run(server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _all(self) -> tuple[GitServer | GitFront | GitSsh | ChartServer | Registry, ...]:
        return (self._git, self.front, self.ssh, self.charts, self.registry)

    def planted(self) -> list[str]:
        """What must never be seen anywhere."""
        body = self.ssh.client_key.splitlines()[2]
        return [PASSWORD, body, basic("me", PASSWORD).removeprefix("Basic ")]


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("private.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    return repo


@pytest.fixture(scope="module")
def servers(
    stack: Stack, repo: Repo, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"), repo.folder.parent)
    yield servers
    servers.stop()


@pytest.fixture(autouse=True)
def nothing_known(stack: Stack) -> Iterator[None]:
    yield
    for secret in stack.kube.list("Secret", NAMESPACE):
        labels = secret["metadata"].get("labels") or {}
        if labels.get("argocd.argoproj.io/secret-type", "").startswith("repo"):
            stack.kube.delete("Secret", NAMESPACE, secret["metadata"]["name"])
    stack.cli("cert", "rm", "127*")
    stack.cli("cert", "rm", "?127*")


def https(servers: Servers) -> str:
    return f"{servers.front.url}/private.git"


def ssh(servers: Servers) -> str:
    return servers.ssh.url("private.git")


def fatal(stack: Stack, *line: str) -> str:
    ran = stack.cli(*line)
    assert ran.code == 20, ran
    return str(json.loads(ran.err.splitlines()[-1])["msg"])


def apply(stack: Stack, name: str, repo: Repo, url: str, **spec: Any) -> None:
    source = {"repoURL": url, "path": "app"}
    stack.apply(name, repo, "app", source=source, syncPolicy={"automated": {}}, **spec)


def test_a_password_and_a_certificate(stack: Stack, repo: Repo, servers: Servers) -> None:
    url = https(servers)
    add = ("repo", "add", url, "--username", "me", "--password")
    assert "TLS" in fatal(stack, *add, PASSWORD)
    stack.ok("cert", "add-tls", HOST, "--from", str(servers.ca))
    assert "CN=test authority" in stack.ok("cert", "list", "--cert-type", "https")
    said = fatal(stack, *add, "wrong-s3cret")
    assert said.startswith(
        "rpc error: code = Unknown desc = error testing repository connectivity: "
        "unable to ls-remote HEAD on repository: failed to list refs: authentication required"
    )
    assert "wrong-s3cret" not in said
    assert stack.ok(*add, PASSWORD) == f"Repository '{url}' added\n"
    (row,) = [line for line in stack.ok("repo", "list").splitlines() if url in line]
    assert row.split() == ["git", url, "false", "false", "false", "true", "Successful"]
    apply(stack, "over-https", repo, url)
    stack.until_status("over-https", "Synced", "Healthy")


def test_an_ssh_key_and_a_host_key(stack: Stack, repo: Repo, servers: Servers) -> None:
    url = ssh(servers)
    add = ("repo", "add", url, "--ssh-private-key-path", str(servers.key))
    assert "host key" in fatal(stack, *add)
    said = stack.ok("cert", "add-ssh", "--batch", "--from", str(servers.hosts))
    assert said.endswith("Successfully created 1 SSH known host entries\n")
    stack.ok(*add)
    found = json.loads(stack.ok("repo", "get", url, "-o", "json"))
    assert found["connectionState"]["status"] == "Successful"
    apply(stack, "over-ssh", repo, url)
    stack.until_status("over-ssh", "Synced", "Healthy")


def test_credentials_for_all_below_a_url(stack: Stack, repo: Repo, servers: Servers) -> None:
    stack.ok("cert", "add-tls", HOST, "--from", str(servers.ca))
    apply(stack, "templated", repo, https(servers))
    stack.until(
        "it asks for a login", lambda: "authentication" in stack.conditions("templated").get(
            "ComparisonError", ""
        ),
    )  # fmt: skip
    stack.ok("repocreds", "add", servers.front.url, "--username", "me", "--password", PASSWORD)
    stack.until_status("templated", "Synced", "Healthy")
    assert stack.conditions("templated") == {}
    stack.ok("repo", "add", https(servers))
    (row,) = [one for one in stack.ok("repo", "list").splitlines() if https(servers) in one]
    assert row.split()[5:7] == ["inherited", "Successful"]
    stack.ok("repocreds", "rm", servers.front.url)
    state = json.loads(stack.ok("repo", "get", https(servers), "-o", "json"))["connectionState"]
    assert state["status"] == "Failed"
    assert state["message"].startswith("Unable to connect to repository: ")


LOGIN = ("--username", "me", "--password")


def test_charts_of_an_index(stack: Stack, repo: Repo, servers: Servers) -> None:
    url = servers.charts.url
    add = ("repo", "add", url, "--type", "helm", "--name", "charts", *LOGIN)
    assert "login" in fatal(stack, *add, "wrong-s3cret")
    assert "index" in fatal(stack, *add[:2], f"{url}/none", *add[3:], PASSWORD)
    stack.ok(*add, PASSWORD)
    (row,) = [line for line in stack.ok("repo", "list").splitlines() if url in line]
    assert row.split() == ["helm", "charts", url, "false", "false", "false", "true", "Successful"]
    source = {"repoURL": url, "chart": "web", "targetRevision": "1.x"}
    stack.apply("charted", repo, "app", source=source, syncPolicy={"automated": {}})
    stack.until_status("charted", "Synced", "Healthy")
    assert stack.app("charted")["status"]["sync"]["revision"] == "1.2.0"


def test_charts_of_a_registry(stack: Stack, repo: Repo, servers: Servers) -> None:
    url = f"{servers.registry.host}/charts"
    flags = ("--type", "helm", "--name", "registry", "--enable-oci", "--insecure-oci-force-http")
    said = fatal(stack, "repo", "add", f"oci://{url}", *flags, *LOGIN, PASSWORD)
    assert "OCI Helm repository URL should include hostname and port only" in said
    assert "login" in fatal(stack, "repo", "add", url, *flags, *LOGIN, "wrong-s3cret")
    stack.ok("repo", "add", url, *flags, *LOGIN, PASSWORD)
    source = {"repoURL": url, "chart": "web", "targetRevision": "2.1.0"}
    stack.apply("registered", repo, "app", source=source, syncPolicy={"automated": {}})
    stack.until_status("registered", "Synced", "Healthy")


def test_artefacts_of_a_registry(stack: Stack, servers: Servers) -> None:
    url = f"oci://{servers.registry.host}/charts/web"
    add = ("repo", "add", url, "--insecure-oci-force-http", *LOGIN)
    assert "login" in fatal(stack, *add, "wrong-s3cret")
    stack.ok(*add, PASSWORD)
    found = json.loads(stack.ok("repo", "get", url, "-o", "json"))
    assert (found["type"], found["connectionState"]["status"]) == ("oci", "Successful")


def test_a_projects_own_repository(stack: Stack, repo: Repo, servers: Servers) -> None:
    stack.ok("cert", "add-tls", HOST, "--from", str(servers.ca))
    allowed = ("--allow-cluster-resource", "*/Namespace")
    stack.ok("proj", "create", "owns", "-d", "*,*", "-s", "*", *allowed, "--upsert")
    login = ("--username", "me", "--password", PASSWORD)
    stack.ok("repo", "add", https(servers), "--project", "owns", *login)
    apply(stack, "of-owner", repo, https(servers), project="owns")
    apply(stack, "of-another", repo, https(servers))
    stack.until_status("of-owner", "Synced", "Healthy")
    stack.until(
        "another project's is none of its business",
        lambda: "authentication" in stack.conditions("of-another").get("ComparisonError", ""),
    )


def test_a_broken_secret_fails_what_it_opens(stack: Stack, repo: Repo, servers: Servers) -> None:
    stack.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "broken",
                "namespace": NAMESPACE,
                "labels": {"argocd.argoproj.io/secret-type": "repository"},
            },
            "stringData": {"url": https(servers), "insecure": PASSWORD},
        }
    )
    apply(stack, "opened-badly", repo, https(servers))
    apply(stack, "opened-well", repo, repo.url)
    stack.until_status("opened-well", "Synced", "Healthy")
    stack.until(
        "the Secret and its key are named",
        lambda: (
            "Secret broken: key insecure is not a boolean"
            in " ".join(stack.conditions("opened-badly").values())
        ),
    )
    ran = stack.cli("repo", "list")
    assert "Configuration error - please check the server logs" in ran.out
    assert "Secret broken: key insecure is not a boolean" in ran.err
    assert stack.ok("repo", "rm", https(servers)) == f"Repository '{https(servers)}' removed\n"
    kept = stack.kube.get("Secret", NAMESPACE, "broken")
    assert kept is not None
    assert not kept["metadata"].get("labels")
    stack.kube.delete("Secret", NAMESPACE, "broken")


def test_an_application_is_checked_with_its_login(
    stack: Stack, repo: Repo, servers: Servers
) -> None:
    stack.ok("cert", "add-tls", HOST, "--from", str(servers.ca))
    create = (
        "app", "create", "checked", "--repo", https(servers), "--path", "app",
        "--dest-server", "https://kubernetes.default.svc", "--dest-namespace", "checked",
    )  # fmt: skip
    assert "authentication required" in fatal(stack, *create)
    stack.ok("repocreds", "add", servers.front.url, "--username", "me", "--password", PASSWORD)
    assert stack.ok(*create) == "application 'checked' created\n"
    assert "settings" in stack.ok("app", "manifests", "checked")


def test_keys_for_signatures(stack: Stack, tmp_path: Path) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", str(home), "--batch", "--quiet")
    owner = "Someone <someone@example.com>"
    made = (*gpg, "--passphrase", "", "--quick-gen-key", owner, "rsa2048", "sign", "never")
    subprocess.run(made, check=True, capture_output=True)
    file = tmp_path / "key.asc"
    subprocess.run((*gpg, "--armor", "--output", str(file), "--export"), check=True)
    subprocess.run(("gpgconf", "--homedir", str(home), "--kill", "all"), check=True)
    assert stack.ok("gpg", "add", "--from", str(file)) == "Created 1 key(s) from input file.\n"
    (key,) = json.loads(stack.ok("gpg", "list", "-o", "json"))
    assert (key["owner"], key["subType"]) == (owner, "rsa2048")
    assert "BEGIN PGP PUBLIC KEY BLOCK" in stack.ok("gpg", "get", key["fingerprint"])
    assert stack.ok("gpg", "rm", key["keyID"]) == f"Deleted key with key ID {key['keyID']}\n"
    assert stack.ok("gpg", "list") == "KEYID  TYPE  IDENTITY\n"


def test_no_secret_is_seen_anywhere(stack: Stack, servers: Servers) -> None:
    """Runs last: in what the controller wrote, and in what commands say of it."""
    places = {"log": (stack.folder / "tiphys.log").read_text()}
    for kind in ("Application", "AppProject", "Event"):
        places[kind] = json.dumps(list(stack.kube.list(kind, NAMESPACE)))
    for line in (("repo", "list", "-o", "json"), ("repocreds", "list", "-o", "yaml")):
        ran = stack.cli(*line)
        places[" ".join(line)] = ran.out + ran.err
    for name, text in places.items():
        for secret in servers.planted():
            assert secret not in text, f"a secret is in {name}"
