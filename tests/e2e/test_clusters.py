"""Applications on two clusters: one registered, stopped in the middle of a sync, and back."""

from __future__ import annotations

import base64
import json
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.e2e.kube import Kube
from tests.e2e.manifests import as_yaml, config_map, job
from tests.e2e.repo import Repo
from tests.e2e.stack import BIN, NAMESPACE, Ran, Stack
from tiphys.adapters.devcluster import DevCluster

NEAR = "https://kubernetes.default.svc"


class Far:
    """The second cluster as users see it: a kubeconfig with both, by contexts `near` and `far`.

    `far` logs in by a token, `far-admin` by a client certificate.
    """

    def __init__(self, stack: Stack, cluster: DevCluster) -> None:
        self.stack = stack
        self.cluster = cluster
        self.kube = Kube(cluster.kubeconfig)
        self.server = cluster.server
        self.kubeconfig = stack.folder / "both.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(self._both()))

    def _both(self) -> dict[str, Any]:
        near = yaml.safe_load(self.stack.cluster.kubeconfig.read_text())
        far = yaml.safe_load(self.cluster.kubeconfig.read_text())
        users = {
            "near": _only(near, "users", "user"),
            "far-admin": _only(far, "users", "user"),
            "far": {"token": self._token()},
        }
        places = {"near": _only(near, "clusters", "cluster")}
        places["far"] = places["far-admin"] = _only(far, "clusters", "cluster")
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "near",
            "clusters": [{"name": name, "cluster": one} for name, one in places.items()],
            "users": [{"name": name, "user": one} for name, one in users.items()],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": name}} for name in users
            ],
        }

    def _token(self) -> str:
        """Of somebody who may do everything there."""
        account = {"name": "somebody", "namespace": "kube-system"}
        self.kube.call(
            "POST",
            "/api/v1/namespaces/kube-system/serviceaccounts",
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        )
        self.kube.call(
            "POST",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "somebody"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "cluster-admin",
                },
                "subjects": [{"kind": "ServiceAccount", **account}],
            },
        )
        path = "/api/v1/namespaces/kube-system/serviceaccounts/somebody/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token: str = self.kube.call("POST", path, body)["status"]["token"]
        return token

    def cli(self, *arguments: str) -> Ran:
        done = subprocess.run(
            [BIN / "tiphys", *arguments, "--kubeconfig", self.kubeconfig],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            env=self.stack.user_environment(),
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str) -> str:
        done = self.cli(*arguments)
        assert done.code == 0, f"{arguments}: {done.code}\n{done.out}\n{done.err}"
        return done.out

    def secret(self) -> dict[str, Any]:
        """The data of the Secret of the cluster named far, decoded."""
        found = self.stack.kube.call(
            "GET",
            f"/api/v1/namespaces/{NAMESPACE}/secrets"
            "?labelSelector=argocd.argoproj.io%2Fsecret-type%3Dcluster",
        )
        for one in found["items"]:
            data = {k: base64.b64decode(v).decode() for k, v in one["data"].items()}
            if data["name"] == "far":
                return {**data, "metadata": one["metadata"], "config": json.loads(data["config"])}
        raise AssertionError("there is no Secret of far")

    def apply(self, name: str, repo: Repo, path: str, **spec: Any) -> None:
        destination = {"name": "far", "namespace": name, **spec.pop("destination", {})}
        self.stack.apply(name, repo, path, destination=destination, **spec)


class Swallowing:
    """A way to a server on which a test may have everything sent come to nothing."""

    def __init__(self, server: str) -> None:
        where = urlsplit(server)
        self._target = (where.hostname or "", where.port or 443)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.server = f"https://127.0.0.1:{self._listening.getsockname()[1]}"
        self.swallows = False
        self._open: list[socket.socket] = []

    def __enter__(self) -> Swallowing:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                onward = socket.create_connection(self._target)
                self._open += [near, onward]
                for pair in ((near, onward), (onward, near)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.swallows:
                    sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _only(config: dict[str, Any], plural: str, singular: str) -> dict[str, Any]:
    found: dict[str, Any] = config[plural][0][singular]
    return found


@pytest.fixture(scope="module")
def far(stack: Stack, second_cluster: DevCluster) -> Iterator[Far]:
    far = Far(stack, second_cluster)
    out = far.ok("cluster", "add", "far", "--label", "region=eu")
    assert out == f"Cluster '{far.server}' added\n"
    yield far
    stack.forget_applications()
    far.ok("cluster", "rm", "far", "-y")


def test_an_added_cluster_has_an_account_and_a_secret(far: Far) -> None:
    secret = far.secret()
    host = "127.0.0.1"
    assert secret["metadata"]["name"].startswith(f"cluster-{host}-")
    assert secret["metadata"]["labels"]["region"] == "eu"
    assert secret["metadata"]["annotations"]["managed-by"] == "argocd.argoproj.io"
    assert secret["server"] == far.server
    assert secret["config"]["bearerToken"]
    account = far.kube.call("GET", "/api/v1/namespaces/kube-system/serviceaccounts/argocd-manager")
    assert account["metadata"]["name"] == "argocd-manager"
    role = far.kube.call(
        "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/argocd-manager-role"
    )
    assert role["rules"] == [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]


def test_added_again_it_is_the_same(far: Far) -> None:
    assert far.ok("cluster", "add", "far", "--label", "region=eu").endswith("added\n")
    refused = far.cli("cluster", "add", "far", "--label", "region=us")
    assert refused.code == 20
    assert "existing cluster spec is different; use upsert flag to force update" in refused.err
    far.ok("cluster", "add", "far", "--label", "region=us", "--upsert")
    assert far.secret()["metadata"]["labels"]["region"] == "us"


def test_clusters_are_listed_and_shown(far: Far) -> None:
    lines = far.ok("cluster", "list").splitlines()
    assert lines[0].split() == ["SERVER", "NAME", "VERSION", "STATUS", "MESSAGE", "PROJECT"]
    assert [line.split()[:2] for line in lines[1:]] == [[far.server, "far"], [NEAR, "in-cluster"]]
    assert all("Successful" in line for line in lines[1:])
    shown = yaml.safe_load(far.ok("cluster", "get", far.server))
    assert shown["name"] == "far"
    assert shown["connectionState"]["status"] == "Successful"
    assert "v1/ConfigMap" in shown["info"]["apiVersions"]
    assert far.secret()["config"]["bearerToken"] not in json.dumps(shown)
    assert far.ok("cluster", "get", "far", "-o", "server") == f"{far.server}\n"
    assert far.cli("cluster", "get", "nowhere").code == 20


def test_a_context_has_to_be_named(far: Far) -> None:
    nothing = far.cli("cluster", "add")
    assert nothing.code == 1
    assert "Choose a context name from:" in nothing.err
    rows = [line.split() for line in nothing.out.splitlines()]
    assert rows[0] == ["CURRENT", "NAME", "CLUSTER", "SERVER"]
    assert ["*", "near", "near", far.stack.cluster.server] in rows
    absent = far.cli("cluster", "add", "absent")
    assert absent.code == 20
    assert "context absent does not exist in kubeconfig" in absent.err


def test_a_cluster_is_changed(far: Far) -> None:
    assert "Specify the cluster field to be updated." in far.ok("cluster", "set", "far")
    out = far.ok("cluster", "set", "far", "--annotation", "note=x", "--label", "region=eu")
    assert out == "Cluster 'far' updated.\n"
    metadata = far.secret()["metadata"]
    assert (metadata["annotations"]["note"], metadata["labels"]["region"]) == ("x", "eu")


def test_a_token_is_renewed(far: Far) -> None:
    before = far.secret()["config"]["bearerToken"]
    assert far.ok("cluster", "rotate-auth", "far") == "Cluster 'far' rotated auth\n"
    assert far.secret()["config"]["bearerToken"] != before
    secrets = far.kube.call("GET", "/api/v1/namespaces/kube-system/secrets")["items"]
    named = {one["metadata"]["name"] for one in secrets}
    assert "argocd-manager-long-lived-token" not in named


def test_each_application_goes_to_its_own_cluster(far: Far, stack: Stack) -> None:
    repo = stack.repo("both.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    auto = {"automated": {"prune": True, "selfHeal": True}}
    stack.apply("here", repo, "app", syncPolicy=auto)
    far.apply("there", repo, "app", syncPolicy=auto)
    stack.until_status("here", "Synced", "Healthy")
    stack.until_status("there", "Synced", "Healthy")
    assert stack.kube.get("ConfigMap", "here", "settings") is not None
    assert stack.kube.get("ConfigMap", "there", "settings") is None
    assert far.kube.get("ConfigMap", "there", "settings") is not None
    # A change by hand over there is seen, and undone.
    far.kube.merge("ConfigMap", "there", "settings", {"data": {"a": "2"}})

    def healed() -> bool:
        found = far.kube.get("ConfigMap", "there", "settings")
        return found is not None and found["data"]["a"] == "1"

    stack.until("the change is undone", healed)


def test_a_cluster_that_stops_in_a_sync_holds_up_nobody(far: Far, stack: Stack) -> None:
    repo = stack.repo("stopped.git")
    repo.write("near/cm.yaml", config_map("settings", a="1"))
    repo.write("far/a.yaml", config_map("first", a="1"))
    repo.write("far/wait.yaml", job("wait", hook="Sync", wave=1, behaviour="slow"))
    for number in range(20):
        note = {"argocd.argoproj.io/sync-wave": "2"}
        repo.write(f"far/late{number}.yaml", config_map(f"late{number}", note, a="1"))
    repo.commit()
    auto = {"automated": {"prune": True, "selfHeal": True}}
    stack.apply("stays", repo, "near", syncPolicy=auto)
    stack.until_status("stays", "Synced", "Healthy")
    far.apply("goes", repo, "far", syncPolicy=auto)
    for number in range(25):
        # More applications than there are workers: none of them may be held by the cluster.
        far.apply(f"crowd{number}", repo, "near")
    stack.until("its hook runs", lambda: far.kube.get("Job", "goes", "wait"))
    far.cluster.down()
    try:
        repo.write("near/cm.yaml", config_map("settings", a="2"))
        began = time.monotonic()
        commit = repo.commit()
        stack.until_done("stays", commit, seconds=15)
        assert time.monotonic() - began < 15
        stack.until("it is Unknown", lambda: stack.status("goes") == ("Unknown", "Unknown"))
        said = stack.conditions("goes")["ComparisonError"]
        assert said.startswith(
            f'Failed to load live state: cluster "far" ({far.server}) cannot be reached since 20'
        )
        stack.until("so is the crowd", lambda: stack.status("crowd24") == ("Unknown", "Unknown"))
        out = far.ok("app", "get", "goes")
        assert "Unknown" in out
        assert "cannot be reached since" in out
        assert "Failed" in far.ok("cluster", "list")
        state = stack.operation("goes")
        assert state["phase"] == "Running"
        time.sleep(3)
        assert stack.conditions("goes")["ComparisonError"] == said
    finally:
        far.cluster.up()
    state = stack.until_done("goes", seconds=120)
    stack.until_status("goes", "Synced", "Healthy")
    assert "ComparisonError" not in stack.conditions("goes")
    assert far.kube.get("ConfigMap", "goes", "late19") is not None
    jobs = [one for one in far.kube.list("Job", "goes") if one["metadata"]["name"] == "wait"]
    assert len(jobs) == 1
    stack.until("so is the crowd", lambda: stack.status("crowd24")[0] == "OutOfSync")


def test_a_cluster_that_swallows_everything_holds_up_nobody(far: Far, stack: Stack) -> None:
    repo = stack.repo("swallowed.git")
    repo.write("near/cm.yaml", config_map("settings", a="1"))
    repo.write("far/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    auto = {"automated": {"prune": True, "selfHeal": True}}
    with Swallowing(far.server) as way:
        config = yaml.safe_load(far.kubeconfig.read_text())
        config["clusters"].append(
            {
                "name": "swallowed",
                "cluster": {**config["clusters"][1]["cluster"], "server": way.server},
            }
        )
        context = {"cluster": "swallowed", "user": "far"}
        config["contexts"].append({"name": "swallowed", "context": context})
        far.kubeconfig.write_text(yaml.safe_dump(config))
        far.ok("cluster", "add", "swallowed")
        try:
            stack.apply("moves", repo, "near", syncPolicy=auto)
            stack.until_status("moves", "Synced", "Healthy")
            for number in range(25):
                destination = {"name": "swallowed"}
                name = f"stuck{number}"
                far.apply(name, repo, "far", destination=destination, syncPolicy=auto)
            stack.until_status("stuck24", "Synced", "Healthy")
            way.swallows = True
            repo.write("near/cm.yaml", config_map("settings", a="2"))
            repo.write("far/cm.yaml", config_map("settings", a="2"))
            began = time.monotonic()
            stack.until_done("moves", repo.commit(), seconds=15)
            assert time.monotonic() - began < 15
            stack.until("it is said", lambda: stack.status("stuck24") == ("Unknown", "Unknown"))
            assert "cannot be reached since" in stack.conditions("stuck24")["ComparisonError"]
            way.swallows = False
            stack.until_status("stuck24", "Synced", "Healthy", seconds=90)
            found = far.kube.get("ConfigMap", "stuck24", "settings")
            assert found is not None
            assert found["data"]["a"] == "2"
        finally:
            for number in range(25):
                stack.kube.delete("Application", NAMESPACE, f"stuck{number}")
            far.ok("cluster", "rm", "swallowed", "-y")
            # The account was the other cluster's too.
            far.ok("cluster", "add", "far", "--upsert")


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        (
            {"name": "far", "server": NEAR},
            f"application destination can't have both name and server defined: far {NEAR}",
        ),
        ({"name": "nowhere"}, "there are no clusters with this name: nowhere"),
        (
            {"name": "", "server": "https://nowhere"},
            'error getting cluster by server "https://nowhere": rpc error: code = NotFound '
            'desc = cluster "https://nowhere" not found',
        ),
        ({"name": ""}, "Destination server missing from app spec"),
    ],
)
def test_a_destination_that_is_none_is_said(
    far: Far, stack: Stack, destination: dict[str, str], said: str
) -> None:
    repo = _small(stack)
    name = f"dest-{len(said)}"
    far.apply(name, repo, "app", destination=destination)
    stack.until("it is said", lambda: stack.conditions(name).get("InvalidSpecError") == said)


def test_a_destination_that_comes_later_is_found(far: Far, stack: Stack) -> None:
    far.apply("early", _small(stack), "app", destination={"name": "again"})
    stack.until("it is missing", lambda: "InvalidSpecError" in stack.conditions("early"))
    far.ok("cluster", "set", "far", "--name", "again")
    try:
        stack.until("it is found", lambda: stack.status("early")[0] == "OutOfSync")
    finally:
        far.ok("cluster", "set", "again", "--name", "far")
    stack.until("it is missing", lambda: "InvalidSpecError" in stack.conditions("early"))


def test_only_some_namespaces_are_managed(far: Far, stack: Stack) -> None:
    far.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "allowed"}})
    far.ok("cluster", "set", "far", "--namespace", "allowed")
    try:
        repo = stack.repo("namespaced.git")
        repo.write("inside/cm.yaml", config_map("settings", a="1"))
        repo.write("wide/ns.yaml", as_yaml("Namespace", "wide", {}))
        repo.commit()
        far.apply("inside", repo, "inside", destination={"namespace": "allowed"}, syncPolicy={})
        far.apply("outside", repo, "inside")
        far.apply("wide", repo, "wide", destination={"namespace": "allowed"})
        stack.until("it is compared", lambda: stack.status("inside")[0] == "OutOfSync")
        said = 'Failed to load live state: namespace "outside" for ConfigMap "settings"'
        stack.until(
            "it is said",
            lambda: stack.conditions("outside").get("ComparisonError") == f"{said} is not managed",
        )
        said = 'cluster level Namespace "wide" can not be managed when in namespaced mode'
        stack.until(
            "it is said",
            lambda: (
                stack.conditions("wide").get("ComparisonError")
                == f"Failed to load live state: {said}"
            ),
        )
    finally:
        far.ok("cluster", "set", "far", "--namespace", "*")
    stack.until("all is managed", lambda: stack.status("outside")[0] == "OutOfSync")


def test_an_account_of_some_namespaces_is_enough(far: Far, stack: Stack) -> None:
    """Without any right in the rest of the cluster, and without `respectRBAC`."""
    far.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    far.ok("cluster", "rm", "far", "-y")
    try:
        far.ok("cluster", "add", "far", "--namespace", "team")
        role = far.kube.call(
            "GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/team/roles/argocd-manager-role"
        )
        assert role["rules"] == [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        auto = {"automated": {"prune": True, "selfHeal": True}}
        stack.kube.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": "team", "namespace": NAMESPACE},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": _small(stack).url, "path": "app"},
                    "destination": {"name": "far", "namespace": "team"},
                    "syncPolicy": auto,
                },
            }
        )
        stack.until_status("team", "Synced", "Healthy")
        far.kube.merge("ConfigMap", "team", "settings", {"data": {"a": "2"}})

        def healed() -> bool:
            found = far.kube.get("ConfigMap", "team", "settings")
            return found is not None and found["data"]["a"] == "1"

        stack.until("the change is undone", healed)
        assert f"{far.server} (1 namespaces)" in far.ok("cluster", "list")
    finally:
        far.ok("cluster", "rm", "far", "-y")
        far.ok("cluster", "add", "far")


def test_a_program_gives_the_credentials(far: Far, stack: Stack, tmp_path: Path) -> None:
    token = yaml.safe_load(far.kubeconfig.read_text())["users"][2]["user"]["token"]
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    program = tmp_path / "credentials"
    program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(answer)}\nEOF\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    far.ok(
        "cluster", "add", "far", "--upsert", "--exec-command", str(program),
        "--exec-command-api-version", "client.authentication.k8s.io/v1",
    )  # fmt: skip
    config = far.secret()["config"]
    assert "bearerToken" not in config
    assert config["execProviderConfig"]["command"] == str(program)
    far.apply("by-program", _small(stack), "app", syncPolicy={"automated": {}})
    stack.until_status("by-program", "Synced", "Healthy")


def _small(stack: Stack) -> Repo:
    folder = stack.folder / "repositories" / "small.git"
    if folder.exists():
        known = Repo.__new__(Repo)
        known.folder, known.url = folder, f"{stack.git_url}/small.git"
        return known
    repo = stack.repo("small.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    return repo
