"""The command line on a server of the API: each command's effect, seen on the cluster."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.api import port
from tests.e2e.leaves import runs
from tests.e2e.manifests import config_map
from tests.e2e.stack import BIN, NAMESPACE, Ran, Stack

SERVER = "https://kubernetes.default.svc"


class Client:
    """Somebody with a configuration file of their own; the program has the contract's name."""

    def __init__(self, stack: Stack, folder: Path, address: str) -> None:
        self.stack = stack
        self.folder = folder
        self.address = address

    def run(self, *arguments: str, stdin: str = "") -> Ran:
        environment = {**os.environ, "ARGOCD_CONFIG_DIR": str(self.folder), "COLUMNS": "200"}
        environment.pop("KUBECONFIG", None)
        done = subprocess.run(
            [BIN / "argocd", *arguments],
            check=False, capture_output=True, text=True, input=stdin, timeout=120, env=environment,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.code == 0, f"{arguments}: {done.code}\n{done.out}\n{done.err}"
        return done.out

    def refused(self, *arguments: str, code: int = 20) -> str:
        """The last line on standard error."""
        done = self.run(*arguments)
        assert done.code == code, f"{arguments}: {done.code}\n{done.out}\n{done.err}"
        return str(json.loads(done.err.splitlines()[-1])["msg"])

    def log_in(self, password: str) -> str:
        flags = ("--plaintext", "--username", "admin", "--password", password)
        return self.ok("login", self.address, *flags)


def password_of(stack: Stack) -> str:
    secret = stack.kube.get("Secret", NAMESPACE, "argocd-initial-admin-secret")
    assert secret is not None
    return base64.b64decode(secret["data"]["password"]).decode()


@pytest.fixture(scope="module")
def client(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Client:
    client = Client(stack, tmp_path_factory.mktemp("config"), f"127.0.0.1:{port(stack)}")
    said = client.log_in(password_of(stack))
    assert said.startswith("'admin:login' logged in successfully\n")
    return client


@pytest.fixture(scope="module")
def web(client: Client) -> str:
    """An application that is synced, by a commit that it names."""
    stack = client.stack
    repo = stack.repo("server-commands")
    repo.write("app/one.yaml", config_map("one", greeting="hello"))
    repo.commit()
    client.ok(
        "app", "create", "server-web", "--repo", repo.url, "--path", "app", "--dest-server",
        SERVER, "--dest-namespace", "server-web", "--sync-option", "CreateNamespace=true",
    )  # fmt: skip
    out = client.ok("app", "sync", "server-web")
    assert "Phase:              Succeeded\n" in out
    return "server-web"


def stored(stack: Stack, name: str) -> Any:
    return stack.kube.get("Application", NAMESPACE, name)


class TestApplications:
    @runs(
        "app get",
        "app list",
        "app history",
        "app manifests",
        "app resources",
        "app get-resource",
        api=True,
    )
    def test_reading(self, client: Client, web: str) -> None:
        assert f"Name:               argocd/{web}\n" in client.ok("app", "get", web)
        assert f"argocd/{web}\n" in client.ok("app", "list", "-o", "name")
        assert client.ok("app", "history", web, "-o", "id") == "0\n"
        assert "greeting: hello" in client.ok("app", "manifests", web)
        assert "uid: " in client.ok("app", "manifests", web, "--source", "live")
        assert "ConfigMap" in client.ok("app", "resources", web)
        assert "ConfigMap/one" in client.ok("app", "get", web, "-o", "tree")
        found = client.ok("app", "get-resource", web, "--kind", "ConfigMap", "-o", "json")
        assert json.loads(found)["data"] == {"greeting": "hello"}
        refreshed = json.loads(client.ok("app", "get", web, "--hard-refresh", "-o", "json"))
        assert "argocd.argoproj.io/refresh" not in refreshed["metadata"].get("annotations", {})

    def test_by_grpc_web(self, client: Client, web: str) -> None:
        plain = client.run("app", "get", web)
        assert client.run("app", "get", web, "--grpc-web") == plain
        missing = client.refused("app", "get", "nosuch", "--grpc-web")
        assert missing == "rpc error: code = PermissionDenied desc = permission denied"

    @runs("app set", "app unset", "app patch", "app confirm-deletion", api=True)
    def test_changing(self, client: Client, web: str) -> None:
        unchecked = ("--kustomize-image", "a=b", "--validate=false")
        client.ok("app", "set", web, "--revision", "main", *unchecked)
        spec = stored(client.stack, web)["spec"]
        assert spec["source"]["targetRevision"] == "main"
        assert spec["source"]["kustomize"]["images"] == ["a=b"]
        client.ok("app", "unset", web, "--kustomize-image", "a")
        assert "kustomize" not in stored(client.stack, web)["spec"]["source"]
        patch = '{"spec":{"revisionHistoryLimit":5}}'
        assert "revisionHistoryLimit: 5" in client.ok(
            "app", "patch", web, "--type", "merge", "--patch", patch
        )
        client.ok("app", "confirm-deletion", web)
        annotations = stored(client.stack, web)["metadata"]["annotations"]
        assert "argocd.argoproj.io/deletion-approved" in annotations

    @runs("app patch-resource", "app diff", "app sync", api=True)
    def test_differences(self, client: Client, web: str, tmp_path: Path) -> None:
        assert client.run("app", "diff", web).code == 0
        live = ("--kind", "ConfigMap", "--resource-name", "one")
        client.ok("app", "patch-resource", web, *live, "--patch", '{"data":{"greeting":"bye"}}')
        drifted = client.run("app", "diff", web, "--refresh")
        assert drifted.code == 1
        assert "<   greeting: bye\n---\n>   greeting: hello\n" in drifted.out
        assert client.run("app", "diff", web, "--server-side-diff").code == 1
        client.ok("app", "sync", web)
        assert client.run("app", "diff", web).code == 0
        (tmp_path / "one.yaml").write_text(config_map("one", greeting="from here"))
        local = client.run("app", "diff", web, "--local", str(tmp_path))
        assert (local.code, "greeting: from here" in local.out) == (1, True)
        dry = client.ok("app", "sync", web, "--local", str(tmp_path), "--dry-run")
        assert "Phase:              Succeeded\n" in dry

    @runs("app wait", api=True)
    def test_waiting(self, client: Client, web: str) -> None:
        client.ok("app", "wait", web, "--sync", "--timeout", "20")
        assert client.refused("app", "wait", web, "--suspended", "--timeout", "1") == (
            f'timed out (1s) waiting for app "{web}" match desired state'
        )
        assert client.refused("app", "terminate-op", web) == (
            "rpc error: code = InvalidArgument desc = Unable to terminate operation. "
            "No operation is in progress"
        )

    @runs("app rollback", api=True)
    def test_going_back(self, client: Client, web: str) -> None:
        client.ok("app", "rollback", web, "0")
        state = client.stack.operation(web)
        assert state["phase"] == "Succeeded"
        assert state["operation"]["initiatedBy"] == {"username": "admin"}

    @runs("app delete-resource", "app delete", api=True)
    def test_live_objects_and_the_end(self, client: Client, web: str) -> None:
        live = ("--kind", "ConfigMap", "--resource-name", "one")
        client.ok("app", "delete-resource", web, *live)
        client.stack.until(
            "it is gone", lambda: client.stack.kube.get("ConfigMap", web, "one") is None
        )
        client.ok("app", "sync", web)
        assert client.ok("app", "delete", web, "-y", "--wait").endswith(
            f"application '{web}' deleted\n"
        )
        assert stored(client.stack, web) is None
        assert client.stack.kube.get("ConfigMap", web, "one") is None


def project(stack: Stack, name: str) -> Any:
    found = stack.kube.get("AppProject", NAMESPACE, name)
    return None if found is None else found["spec"]


def test_projects(client: Client) -> None:
    stack, name = client.stack, "server-team"
    client.ok("proj", "create", name, "-d", f"{SERVER},demo", "-s", "https://a")
    assert f"{name} " in client.ok("proj", "list")
    client.ok("proj", "add-source", name, "https://b")
    client.ok("proj", "remove-source", name, "https://a")
    client.ok("proj", "add-destination", name, SERVER, "more")
    client.ok("proj", "remove-destination", name, SERVER, "demo")
    client.ok("proj", "set", name, "--description", "Ours")
    client.ok("proj", "allow-cluster-resource", name, "g", "K")
    client.ok("proj", "windows", "add", name, "--kind", "deny", "--schedule", "0 0 1 1 *",
              "--duration", "1h", "--applications", "*")  # fmt: skip
    assert "deny" in client.ok("proj", "windows", "list", name)
    client.ok("proj", "windows", "disable-manual-sync", name, "0")
    client.ok("proj", "windows", "delete", name, "0")
    spec = project(stack, name)
    assert spec["sourceRepos"] == ["https://b"]
    assert spec["destinations"] == [{"server": SERVER, "namespace": "more"}]
    assert spec["description"] == "Ours"
    assert spec["clusterResourceWhitelist"] == [{"group": "g", "kind": "K"}]
    assert not spec.get("syncWindows")
    client.ok("proj", "role", "create", name, "ci")
    client.ok("proj", "role", "add-policy", name, "ci", "-a", "get", "-o", "*")
    token = client.ok("proj", "role", "create-token", name, "ci", "-t", "--id", "t").strip()
    assert (
        client.ok("account", "can-i", "get", "applications", f"{name}/x", "--auth-token", token)
        == "yes\n"
    )
    assert (
        client.ok("account", "can-i", "sync", "applications", f"{name}/x", "--auth-token", token)
        == "no\n"
    )
    issued = client.ok("proj", "role", "list-tokens", name, "ci", "-u").split()
    at = next(word for word in issued if word.isdigit())
    client.ok("proj", "role", "delete-token", name, "ci", at)
    assert "invalid session" in client.refused(
        "account", "can-i", "get", "applications", f"{name}/x", "--auth-token", token
    )
    client.ok("proj", "delete", name)
    assert project(stack, name) is None


def test_repositories_and_templates(client: Client) -> None:
    repo = client.stack.repo("server-known")
    repo.write("a.yaml", config_map("a"))
    repo.commit()
    assert client.ok("repo", "add", repo.url) == f"Repository '{repo.url}' added\n"
    assert "Successful" in client.ok("repo", "get", repo.url)
    assert repo.url in client.ok("repo", "list", "-o", "url")
    assert "error testing repository connectivity" in client.refused(
        "repo", "add", f"{client.stack.git_url}/server-nowhere"
    )
    assert client.ok("repo", "rm", repo.url) == f"Repository '{repo.url}' removed\n"
    assert repo.url not in client.ok("repo", "list", "-o", "url")
    url = "https://templates.example.com"
    client.ok("repocreds", "add", url, "--username", "u", "--password", "p")
    assert url in client.ok("repocreds", "list")
    client.ok("repocreds", "rm", url)
    assert url not in client.ok("repocreds", "list")


def test_clusters_certificates_and_keys(client: Client) -> None:
    assert client.ok("cluster", "list", "-o", "server") == f"{SERVER}\n"
    assert "name: in-cluster\n" in client.ok("cluster", "get", "in-cluster")
    assert client.refused("cluster", "get", "nowhere").endswith("permission denied")
    key = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode()
    line = f"server.example.com ssh-ed25519 {key}\n"
    said = client.ok("cert", "add-ssh", "--batch", stdin=line)
    assert said.endswith("Successfully created 1 SSH known host entries\n")
    assert "server.example.com" in client.ok("cert", "list", "--cert-type", "ssh")
    client.ok("cert", "rm", "server.example.com")
    assert "server.example.com" not in client.ok("cert", "list")
    assert client.ok("gpg", "list").startswith("KEYID")


def test_accounts(client: Client) -> None:
    stack = client.stack
    data = {"accounts.robot": "apiKey, login"}
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": data})
    stack.until("robot is known", lambda: "robot" in client.ok("account", "list", "-o", "name"))
    assert client.ok("account", "can-i", "sync", "applications", "*/*") == "yes\n"
    token = client.ok("account", "generate-token", "-a", "robot", "--id", "r").strip()
    info = ("account", "get-user-info", "--auth-token", token)
    assert "Username: robot\n" in client.ok(*info)
    assert "r " in client.ok("account", "get", "-a", "robot")
    client.ok("account", "delete-token", "r", "-a", "robot")
    assert client.ok(*info) == "Logged In: false\n"
    password = password_of(stack)
    flags = ("--current-password", password, "--new-password", "a-new-one-9")
    assert client.ok("account", "update-password", "--account", "robot", *flags) == (
        "Password updated\n"
    )
    assert "Invalid username or password" in client.refused(
        "login", client.address, "--plaintext", "--username", "robot", "--password", password
    )
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {"accounts.robot": None}})


def test_sessions(client: Client, tmp_path: Path) -> None:
    other = Client(client.stack, tmp_path / "other", client.address)
    assert other.refused("account", "list", code=1) == "Argo CD server address unspecified"
    other.log_in(password_of(client.stack))
    assert other.ok("context").splitlines()[1].split() == ["*", client.address, client.address]
    assert other.ok("version", "--short").splitlines()[1].startswith("argocd-server: v3.")
    said = other.ok("relogin", "--password", password_of(client.stack))
    assert said == f"Relogging in as 'admin'\nContext '{client.address}' updated\n"
    token = other.ok("account", "session-token").strip()
    assert other.ok("logout", client.address) == f"Logged out from '{client.address}'\n"
    assert "token is revoked" in client.refused("account", "list", "--auth-token", token)
    assert other.refused("account", "list").endswith("no session information")
