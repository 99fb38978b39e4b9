"""`cluster`: what is asked, made, stored and shown."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import NAMESPACE, NOW, Ran, World, app
from tests.fakes.clusters import FakeConnection
from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.cli.ports import ClusterChoice
from tiphys.model.cluster import Cluster, ClusterConfig, KubeContext
from tiphys.model.errors import KubeUnreachableError
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.applications.service import APPLICATIONS, PROJECTS
from tiphys.services.clusters.accounts import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    ROLES,
)
from tiphys.services.clusters.catalogue import ClusterCatalogue
from tiphys.services.clusters.target import ClusterTarget

FAR = "https://far.example:6443"
HOME = "https://kubernetes.default.svc"


def jwt(secret: str) -> str:
    prefix = "kubernetes.io/serviceaccount/"
    claims = {
        f"{prefix}namespace": "kube-system",
        f"{prefix}service-account.name": "argocd-manager",
        f"{prefix}secret.name": secret,
    }
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"h.{body}.s"


class FarCluster(FakeCluster):
    """It also gives tokens to Secrets of accounts, as Kubernetes does."""

    def __init__(self) -> None:
        kinds = (ACCOUNTS, CLUSTER_ROLES, CLUSTER_BINDINGS, ROLES, BINDINGS)
        super().__init__([*BUILT_IN, *kinds])

    async def create(self, resource: ApiResource, manifest: Manifest, **more: Any) -> Manifest:
        if resource.kind == "Secret":
            metadata = dict(manifest["metadata"])
            prefix = metadata.pop("generateName", None)
            name = metadata.setdefault("name", f"{prefix}x7")
            token = base64.b64encode(jwt(name).encode()).decode()
            manifest = {**manifest, "metadata": metadata, "data": {"token": token}}
        return await super().create(resource, manifest, **more)

    def names(self, kind: str) -> list[tuple[str, str]]:
        return sorted((at.namespace, at.name) for at in self.objects if at.kind == kind)


class Clusters(World):
    """A control plane and a cluster far away, which the kubeconfig knows as `far`."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(capture)
        self.far = FarCluster()
        self.home = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
        self.config = ClusterConfig(ca_data=b"CA")
        self.away = False
        self.opened: list[tuple[str, str]] = []
        self.connected: list[Cluster] = []

    @asynccontextmanager
    async def clusters(self, choice: ClusterChoice) -> AsyncIterator[ClusterCatalogue]:
        self.choices.append(choice)

        async def in_cluster() -> bool:
            return True

        yield ClusterCatalogue(
            self.home,
            self.home,
            self.connect,
            namespace=NAMESPACE,
            in_cluster=in_cluster,
            now=lambda: NOW,
        )

    def connect(self, cluster: Cluster) -> FakeConnection:
        self.connected.append(cluster)
        connection = FakeConnection(self.home if cluster.server == HOME else self.far)
        if self.away and cluster.server != HOME:
            connection.broken = KubeUnreachableError("nobody is there")
        return connection

    def targets(self, kubeconfig: str) -> Clusters:
        del kubeconfig
        return self

    def contexts(self) -> Sequence[KubeContext]:
        return [
            KubeContext(name="far", cluster="distant", server=FAR, current=False),
            KubeContext(name="home", cluster="near", server="https://near", current=True),
        ]

    @asynccontextmanager
    async def open(self, context: str, *, proxy: str = "") -> AsyncIterator[ClusterTarget]:
        self.opened.append((context, proxy))

        async def public() -> tuple[str, bytes]:
            return "https://public.example", b"PUBLIC"

        yield ClusterTarget(FAR, self.config, self.far, self.far, public)

    def secret(self) -> dict[str, Any]:
        found = [one for at, one in self.home.objects.items() if at.kind == "Secret"]
        assert len(found) == 1
        data = {k: base64.b64decode(v).decode() for k, v in found[0]["data"].items()}
        return {**data, "metadata": found[0]["metadata"], "config": json.loads(data["config"])}

    def add(self, *flags: str) -> Ran:
        return self.run("cluster", "add", "far", *flags)


@pytest.fixture
def world(capsys: pytest.CaptureFixture[str]) -> Clusters:
    return Clusters(capsys)


def said(ran: Ran) -> list[str]:
    return [json.loads(line)["msg"] for line in ran.err.splitlines()]


def test_an_account_is_made_and_its_token_stored(world: Clusters) -> None:
    ran = world.add()
    assert (ran.code, ran.out) == (0, f"Cluster '{FAR}' added\n")
    assert said(ran) == [
        'ServiceAccount "argocd-manager" created in namespace "kube-system"',
        'ClusterRole "argocd-manager-role" created',
        'ClusterRoleBinding "argocd-manager-role-binding" created',
        'Created bearer token secret "argocd-manager-long-lived-token" '
        'for ServiceAccount "argocd-manager"',
    ]
    secret = world.secret()
    assert (secret["name"], secret["server"]) == ("far", FAR)
    assert secret["config"] == {
        "bearerToken": jwt("argocd-manager-long-lived-token"),
        "tlsClientConfig": {"insecure": False, "caData": base64.b64encode(b"CA").decode()},
    }
    assert world.choices[-1].namespace == ""


@proves(
    "cluster add",
    "--namespace",
    "--system-namespace",
    "--cluster-resources",
    "--shard",
    "--project",
    "--name",
    "--label",
    "--annotation",
)
def test_namespaces_get_roles_of_their_own(world: Clusters) -> None:
    ran = world.add(
        "--namespace", "a", "--namespace", "b", "--system-namespace", "ops",
        "--cluster-resources", "--shard", "2", "--project", "team", "--name", "faraway",
        "--label", "region=eu", "--annotation", "note=x=y",
    )  # fmt: skip
    assert ran.code == 0
    assert 'Role "a/argocd-manager-role" created' in said(ran)
    assert world.far.names("RoleBinding") == [
        ("a", "argocd-manager-role-binding"),
        ("b", "argocd-manager-role-binding"),
    ]
    assert world.far.names("ClusterRole") == []
    assert world.far.names("ServiceAccount") == [("ops", "argocd-manager")]
    secret = world.secret()
    texts = {k: secret[k] for k in ("name", "namespaces", "clusterResources", "shard", "project")}
    assert texts == {
        "name": "faraway",
        "namespaces": "a,b",
        "clusterResources": "true",
        "shard": "2",
        "project": "team",
    }
    assert secret["metadata"]["labels"]["region"] == "eu"
    assert secret["metadata"]["annotations"]["note"] == "x=y"


def test_a_certificate_is_stored_in_place_of_a_token(world: Clusters) -> None:
    world.config = ClusterConfig(cert_data=b"CERT", key_data=b"KEY")
    assert world.add().code == 0
    config = world.secret()["config"]
    assert "bearerToken" not in config
    assert config["tlsClientConfig"]["certData"] == base64.b64encode(b"CERT").decode()


@proves(
    "cluster add",
    "--exec-command",
    "--exec-command-args",
    "--exec-command-env",
    "--exec-command-api-version",
    "--exec-command-install-hint",
    "--disable-compression",
    "--proxy-url",
    "--aws-cluster-name",
    "--aws-role-arn",
    "--aws-profile",
)
def test_programs_and_eks_need_no_account(world: Clusters) -> None:
    ran = world.add(
        "--exec-command", "ask", "--exec-command-args", "a", "--exec-command-args", "b",
        "--exec-command-env", "A=b,C=d", "--exec-command-api-version", "v7",
        "--exec-command-install-hint", "get it", "--disable-compression",
        "--proxy-url", "http://proxy",
    )  # fmt: skip
    assert ran.code == 0
    assert world.far.objects == {}
    assert world.opened == [("far", "http://proxy")]
    config = world.secret()["config"]
    assert config["execProviderConfig"] == {
        "command": "ask",
        "args": ["a", "b"],
        "env": {"A": "b", "C": "d"},
        "apiVersion": "v7",
        "installHint": "get it",
    }
    assert (config["disableCompression"], config["proxyUrl"]) == (True, "http://proxy")
    eks = world.add(
        "--upsert", "--aws-cluster-name", "prod", "--aws-role-arn", "arn", "--aws-profile", "p"
    )
    assert eks.code == 0
    config = world.secret()["config"]
    assert config["awsAuthConfig"] == {"clusterName": "prod", "roleARN": "arn", "profile": "p"}
    assert "execProviderConfig" not in config
    both = world.add("--aws-cluster-name", "prod", "--exec-command", "ask")
    assert both.code == 1


@proves("cluster add", "--in-cluster", "--cluster-endpoint")
@pytest.mark.parametrize(
    ("flags", "server"),
    [
        (("--in-cluster",), HOME),
        (("--cluster-endpoint", "internal"), HOME),
        (("--cluster-endpoint", "kubeconfig"), FAR),
        (("--cluster-endpoint", "kube-public"), "https://public.example"),
    ],
)
def test_the_address_can_be_another(world: Clusters, flags: tuple[str, ...], server: str) -> None:
    ran = world.add(*flags)
    assert ran.out == f"Cluster '{server}' added\n"
    assert world.secret()["server"] == server
    assert world.add("--cluster-endpoint", "elsewhere").code == 20


@proves("cluster add", "--service-account", "--server-proxy-url")
def test_an_account_that_exists_can_be_used(world: Clusters) -> None:
    ran = world.add("--service-account", "robot", "--server-proxy-url", "http://here")
    assert ran.code == 0
    assert world.far.names("ServiceAccount") == []
    assert world.secret()["config"]["bearerToken"] == jwt("robot-long-lived-token")
    assert world.opened == [("far", "http://here")]
    assert "proxyUrl" not in world.secret()["config"]


@proves("cluster add", "--yes")
def test_an_account_is_asked_for_on_a_terminal(
    world: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    ran = world.add("--namespace", "a")
    assert ran.code == 1
    assert ran.out == (
        "WARNING: This will create a service account `argocd-manager` on the cluster referenced "
        "by context `far` with full namespace level privileges. Do you want to continue [y/N]? "
    )
    assert world.far.objects == {}
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert world.add("-y").code == 0


def test_a_context_has_to_be_chosen(world: Clusters) -> None:
    ran = world.run("cluster", "add")
    assert (ran.code, said(ran)) == (1, ["Choose a context name from:"])
    assert [line.split() for line in ran.out.splitlines()] == [
        ["CURRENT", "NAME", "CLUSTER", "SERVER"],
        ["far", "distant", FAR],
        ["*", "home", "near", "https://near"],
    ]
    absent = world.run("cluster", "add", "absent")
    assert (absent.code, absent.fatal) == (20, "context absent does not exist in kubeconfig")


def test_a_cluster_that_does_not_answer_is_not_stored(world: Clusters) -> None:
    world.away = True
    ran = world.add()
    assert ran.code == 20
    assert ran.fatal.endswith("error getting server version: nobody is there")
    assert not any(at.kind == "Secret" for at in world.home.objects)


@proves("cluster add", "--upsert")
def test_what_is_there_is_left_alone_unless_told(world: Clusters) -> None:
    assert world.add().code == 0
    before = world.secret()
    assert world.add().code == 0
    assert world.secret() == before
    other = world.add("--project", "team")
    assert other.code == 20
    assert "existing cluster spec is different; use upsert flag to force update" in other.fatal
    assert world.add("--project", "team", "--upsert").code == 0
    assert world.secret()["project"] == "team"


@proves("cluster list", "--output")
def test_clusters_are_listed_the_own_one_last(world: Clusters) -> None:
    world.add("--namespace", "a", "--namespace", "b", "--project", "team")
    world.away = True
    rows = [line.split("  ") for line in world.run("cluster", "list").out.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells == [
        ["SERVER", "NAME", "VERSION", "STATUS", "MESSAGE", "PROJECT"],
        [f"{FAR} (2 namespaces)", "far", "Failed", "nobody is there", "team"],
        [HOME, "in-cluster", "v1.36.3", "Successful"],
    ]
    assert world.run("cluster", "list", "-o", "server").out == f"{FAR}\n{HOME}\n"
    found = json.loads(world.run("cluster", "list", "-o", "json").out)
    assert [one["name"] for one in found] == ["far", "in-cluster"]
    assert world.run("cluster", "list", "-o", "yaml").out.startswith("- config:")
    assert world.run("cluster", "list", "-o", "xml").code == 20


@proves("cluster get", "--output")
def test_a_cluster_is_shown_with_its_applications(world: Clusters) -> None:
    world.add()
    world.home.seed(
        app("a", spec={"destination": {"name": "far"}}),
        app("b", spec={"destination": {"server": FAR}}),
        app("c"),
        app("d", spec={"destination": {"name": "nowhere"}}),
    )
    shown = yaml.safe_load(world.run("cluster", "get", "far").out)
    assert shown["info"]["applicationsCount"] == 2
    assert shown["connectionState"] == {
        "attemptedAt": "2026-11-23T10:03:33Z",
        "message": "",
        "status": "Successful",
    }
    assert shown["serverVersion"] == "v1.36.3"
    assert "v1/ConfigMap" in shown["info"]["apiVersions"]
    assert "h." not in json.dumps(shown["config"])
    several = json.loads(world.run("cluster", "get", FAR, "in-cluster", "-o", "json").out)
    assert [one["server"] for one in several] == [FAR, HOME]
    wide = world.run("cluster", "get", "far", "-o", "wide").out
    assert wide.startswith("Cluster information\n\n  Server URL:            https://far")
    assert "oAuth authentication:  true" in wide
    absent = world.run("cluster", "get", "absent")
    assert (absent.code, absent.fatal) == (
        20,
        "rpc error: code = PermissionDenied desc = permission denied",
    )
    assert world.run("cluster", "get").code == 1


@proves("cluster set", "--namespace", "--annotation", "--name", "--label")
def test_a_cluster_is_changed_field_by_field(world: Clusters) -> None:
    world.add("--label", "region=eu")
    nothing = world.run("cluster", "set", "far")
    assert (nothing.code, nothing.out) == (0, "Specify the cluster field to be updated.\n")
    ran = world.run("cluster", "set", "far", "--namespace", "a", "--annotation", "n=x")
    assert ran.out == "Cluster 'far' updated.\n"
    secret = world.secret()
    assert secret["namespaces"] == "a"
    assert secret["metadata"]["labels"]["region"] == "eu"
    assert secret["metadata"]["annotations"]["n"] == "x"
    world.run("cluster", "set", "far", "--namespace", "*", "--name", "other", "--label", "a=b")
    secret = world.secret()
    assert "namespaces" not in secret
    assert (secret["name"], secret["metadata"]["labels"]["a"]) == ("other", "b")
    assert world.run("cluster", "set", "far", "--label", "x").code == 20


def test_the_own_cluster_gets_a_secret_when_it_is_changed(world: Clusters) -> None:
    assert world.run("cluster", "set", "in-cluster", "--label", "a=b").code == 0
    secret = world.secret()
    assert (secret["server"], secret["name"]) == (HOME, "in-cluster")


@proves("cluster rm", "--yes")
def test_a_cluster_is_forgotten_with_its_account(
    world: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add()
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    refused = world.run("cluster", "rm", "far")
    assert refused.out == (
        "Are you sure you want to remove 'far'? Any Apps deploying to this cluster will go to "
        "health status Unknown.[y/n] The command to remove 'far' was cancelled.\n"
    )
    assert world.secret()["name"] == "far"
    ran = world.run("cluster", "rm", FAR, "-y")
    assert (ran.code, ran.out) == (0, f"Cluster '{FAR}' removed\n")
    assert not any(at.kind == "Secret" for at in world.home.objects)
    for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding"):
        assert world.far.names(kind) == []
    assert world.run("cluster", "rm", "far", "-y").code == 20


def test_a_cluster_that_the_kubeconfig_does_not_know_is_forgotten_all_the_same(
    world: Clusters,
) -> None:
    world.add("--name", "other")
    ran = world.run("cluster", "rm", "other", "-y")
    assert (ran.code, ran.fatal) == (20, "context other does not exist in kubeconfig")
    assert ran.out == "Cluster 'other' removed\n"
    assert not any(at.kind == "Secret" for at in world.home.objects)


def test_a_token_is_exchanged(world: Clusters) -> None:
    world.add()
    ran = world.run("cluster", "rotate-auth", "far")
    assert (ran.code, ran.out) == (0, "Cluster 'far' rotated auth\n")
    assert world.secret()["config"]["bearerToken"] == jwt("argocd-manager-token-x7")
    assert [name for _, name in world.far.names("Secret")] == ["argocd-manager-token-x7"]
    # Before it was stored it had to work.
    assert world.connected[-1].config.bearer_token == jwt("argocd-manager-token-x7")


def test_only_tokens_can_be_exchanged(world: Clusters) -> None:
    world.add("--exec-command", "ask")
    ran = world.run("cluster", "rotate-auth", "far")
    assert ran.code == 20
    assert f"Cluster '{FAR}' does not use bearer token authentication" in ran.fatal


@pytest.mark.parametrize("verb", ["set", "rm", "rotate-auth"])
def test_a_cluster_has_to_be_named(world: Clusters, verb: str) -> None:
    assert world.run("cluster", verb).code == 1


def test_kubectls_flags_are_handed_on(world: Clusters) -> None:
    world.run("cluster", "list", "--token", "t", "-n", "ops")
    choice = world.choices[-1]
    assert (choice.access.token, choice.namespace) == ("t", "ops")
    world.run("admin", "cluster", "stats", "--as", "jane", "--replicas", "1")
    assert world.choices[-1].access.act_as == "jane"
    world.add("--proxy-url", "http://proxy")
    assert world.choices[-1].access.proxy_url == ""


# -- admin ------------------------------------------------------------------------------------


@proves("admin cluster generate-spec", "--output", "--name", "--generate-bearer-token")
def test_a_secret_is_printed(world: Clusters) -> None:
    ran = world.run("admin", "cluster", "generate-spec", "far", "--name", "x", "-o", "json")
    assert ran.code == 0
    shown = json.loads(ran.out)
    assert shown["kind"] == "Secret"
    assert "namespace" not in shown["metadata"]
    assert shown["stringData"]["name"] == "x"
    assert json.loads(shown["stringData"]["config"])["bearerToken"] == "bearer-token"
    made = world.run("admin", "cluster", "generate-spec", "far", "--generate-bearer-token")
    config = json.loads(yaml.safe_load(made.out)["stringData"]["config"])
    assert config["bearerToken"] == jwt("argocd-manager-long-lived-token")
    assert world.run("admin", "cluster", "generate-spec", "absent").code == 20
    assert world.run("admin", "cluster", "generate-spec", "far", "-o", "xml").code == 20


@proves("admin cluster generate-spec", "--bearer-token", "--service-account")
@pytest.mark.parametrize(
    ("flags", "token"),
    [
        (("--bearer-token", "mine"), "mine"),
        (
            ("--generate-bearer-token", "--service-account", "robot"),
            jwt("robot-long-lived-token"),
        ),
    ],
)
def test_whose_token_is_printed(world: Clusters, flags: tuple[str, ...], token: str) -> None:
    ran = world.run("admin", "cluster", "generate-spec", "far", *flags)
    config = json.loads(yaml.safe_load(ran.out)["stringData"]["config"])
    assert config["bearerToken"] == token


@proves("admin dashboard", "--address")
def test_a_dashboard_says_where_it_is(world: Clusters) -> None:
    ran = world.run("admin", "dashboard", "--address", "127.0.0.7", "--port", "4", core=False)
    assert ran.out == "Argo CD UI is available at http://127.0.0.7:4\n"
    ran = world.run("admin", "dashboard", core=False)
    assert ran.out == "Argo CD UI is available at http://localhost:8080\n"


def test_a_kubeconfig_is_written_for_its_owner_only(world: Clusters, tmp_path: Path) -> None:
    world.add()
    file = tmp_path / "far.kubeconfig"
    assert world.run("admin", "cluster", "kubeconfig", FAR, str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    written = yaml.safe_load(file.read_text())
    assert written["clusters"][0]["cluster"]["server"] == FAR
    assert written["users"][0]["user"]["token"] == jwt("argocd-manager-long-lived-token")
    own = world.run("admin", "cluster", "kubeconfig", HOME, str(file))
    assert own.code == 20
    nowhere = world.run("admin", "cluster", "kubeconfig", FAR, str(tmp_path / "no" / "x"))
    assert nowhere.code == 20


def applications(world: Clusters) -> None:
    world.add()
    for number, name in enumerate(("ccc", "bb", "a", "dddd", "eeeee")):
        destination = {"name": "far", "namespace": name}
        world.home.seed(app(f"app{number}", spec={"destination": destination}))
    world.home.seed(
        app(
            "here",
            spec={"destination": {"server": HOME, "namespace": "demo"}},
            status={"resources": [{"kind": "ConfigMap", "namespace": "more", "name": "x"}]},
        )
    )


def test_namespaces_of_applications_are_shown(world: Clusters) -> None:
    applications(world)
    out = world.run("admin", "cluster", "namespaces").out
    assert [line.split(maxsplit=1) for line in out.splitlines()] == [
        ["CLUSTER", "NAMESPACES"],
        [FAR, "a,bb,ccc,dddd (total 5)"],
        [HOME, "demo,more"],
    ]


@proves("admin cluster namespaces", "--dry-run", "--max-namespace-count", "--cluster-resources")
def test_namespaced_mode_is_switched(world: Clusters) -> None:
    applications(world)
    prefix = ("admin", "cluster", "namespaces")
    dry = world.run(*prefix, "enable-namespaced-mode", "https://far*")
    said = f"Setting cluster {FAR} namespaces to [a bb ccc dddd eeeee]...done"
    assert dry.out == f"{said} (dry run)\n"
    assert "namespaces" not in world.secret()
    few = world.run(*prefix, "enable-namespaced-mode", "*", "--max-namespace-count", "4")
    assert few.out.startswith(f"Setting cluster {HOME}")
    done = world.run(
        *prefix, "enable-namespaced-mode", "https://far*", "--dry-run=false", "--cluster-resources"
    )
    assert done.out == f"{said}\n"
    assert world.secret()["namespaces"] == "a,bb,ccc,dddd,eeeee"
    assert world.secret()["clusterResources"] == "true"
    off = world.run(*prefix, "disable-namespaced-mode", "*", "--dry-run=false")
    assert off.out == f"Setting cluster {FAR} namespaces to []...done\n"
    assert "namespaces" not in world.secret()
    assert world.run(*prefix, "enable-namespaced-mode").code == 1


@proves("admin cluster stats", "--shard")
def test_what_is_on_clusters_is_counted(world: Clusters) -> None:
    applications(world)
    ran = world.run("admin", "cluster", "stats", "--replicas", "1")
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == [
        "SERVER",
        "SHARD",
        "CONNECTION",
        "NAMESPACES",
        "COUNT",
        "APPS",
        "COUNT",
        "RESOURCES",
        "COUNT",
    ]
    count = len(world.far.objects)
    assert rows[1] == [FAR, "0", "Successful", "5", "5", str(count)]
    assert rows[2][:5] == [HOME, "0", "Successful", "2", "1"]
    assert world.run("admin", "cluster", "stats", "--shard", "3").out.count("\n") == 1
    world.away = True
    away = world.run("admin", "cluster", "stats", "--replicas", "1").out.splitlines()[1].split()
    assert away[2:] == ["Failed", "5", "5", "0"]


@proves("admin cluster shards", "--replicas", "--sharding-method")
def test_what_falls_to_each_replica_is_shown(world: Clusters) -> None:
    applications(world)
    assert world.run("admin", "cluster", "shards").out == ""
    total = len(world.far.objects) + len(world.home.objects)
    ran = world.run("admin", "cluster", "shards", "--replicas", "1")
    head, row = (line.split("  ") for line in ran.out.splitlines())
    assert head[-1] == f"% OF AVG PER SHARD ({total})"
    assert [cell.strip() for cell in row if cell.strip()] == ["0", str(total), "100%", "100%"]
    other = world.run("admin", "cluster", "shards", "--sharding-method", "consistent-hashing")
    assert other.code == 20
    assert "consistent-hashing is not supported" in other.fatal
    spread = world.run(
        "admin", "cluster", "shards", "--replicas", "2", "--sharding-method", "round-robin"
    )
    assert [line.split()[0] for line in spread.out.splitlines()[1:]] == ["0", "1"]
