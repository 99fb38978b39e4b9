"""Clusters as Secrets and as the API shows them."""

from __future__ import annotations

import base64
import json

import pytest

from tiphys.core.settings.clusters import cluster_of
from tiphys.core.settings.clustersecret import (
    cluster_secret,
    differing,
    fnv32a,
    kubeconfig,
    secret_name,
    shown,
)
from tiphys.model.cluster import AwsAuth, Cluster, ClusterConfig, ExecProvider

FULL = Cluster(
    server="https://far.example:6443",
    name="far",
    namespaces=("a", "b"),
    cluster_resources=True,
    shard=0,
    project="team",
    labels={"region": "eu"},
    annotations={"note": "x"},
    config=ClusterConfig(
        username="me",
        password="hunter2",
        bearer_token="hunter3",
        server_name="inside",
        ca_data=b"CA",
        cert_data=b"hunter4",
        key_data=b"hunter5",
        aws=AwsAuth(cluster_name="c", role_arn="r"),
        exec_provider=ExecProvider(
            command="ask", args=("hunter6",), env={"A": "hunter7"}, install_hint="get it"
        ),
        disable_compression=True,
        proxy_url="http://me:hunter8@proxy/x",
    ),
    secret="cluster-far",
)


@pytest.mark.parametrize(
    ("text", "found"),
    # The test vectors of the hash's authors.
    [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)],
)
def test_the_hash_is_fnv1a(text: str, found: int) -> None:
    assert fnv32a(text.encode()) == found


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("https://Far.Example:6443/", "far.example"),
        ("https://[fd00::1]:6443", "fd00--1"),
        ("https://10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_secret_is_named_by_host_and_hash(server: str, host: str) -> None:
    assert secret_name(server) == f"cluster-{host}-{fnv32a(server.encode())}"


def test_what_is_written_is_read_again() -> None:
    assert cluster_of(cluster_secret(FULL, "argocd")) == FULL
    small = Cluster(server="https://s", name="", secret="x")
    assert cluster_of(cluster_secret(small, "argocd")).name == "https://s"


def test_a_secret_has_the_contracts_marks() -> None:
    manifest = cluster_secret(Cluster(server="https://s/", name="s"), "argocd")
    metadata = manifest["metadata"]
    assert metadata["name"] == secret_name("https://s/")
    assert metadata["labels"] == {"argocd.argoproj.io/secret-type": "cluster"}
    assert metadata["annotations"] == {"managed-by": "argocd.argoproj.io"}
    texts = {k: base64.b64decode(v).decode() for k, v in manifest["data"].items()}
    assert texts == {
        "server": "https://s",
        "name": "s",
        "config": '{"tlsClientConfig":{"insecure":false}}',
    }


def test_what_is_shown_holds_no_secret() -> None:
    found = shown(FULL, {"connectionState": {"status": "Successful"}, "serverVersion": "v1"})
    assert "hunter" not in json.dumps(found)
    assert found == {
        "annotations": {"note": "x"},
        "clusterResources": True,
        "config": {
            "awsAuthConfig": {"clusterName": "c", "roleARN": "r"},
            "disableCompression": True,
            "proxyUrl": "http://proxy/x",
            "tlsClientConfig": {"insecure": False, "serverName": "inside"},
        },
        "connectionState": {"status": "Successful"},
        "info": {"connectionState": {"status": "Successful"}, "serverVersion": "v1"},
        "labels": {"region": "eu"},
        "name": "far",
        "namespaces": ["a", "b"],
        "project": "team",
        "server": "https://far.example:6443",
        "serverVersion": "v1",
        "shard": 0,
    }


def test_little_is_shown_of_little() -> None:
    assert shown(Cluster(server="https://s", name="s")) == {
        "config": {"tlsClientConfig": {"insecure": False}},
        "name": "s",
        "server": "https://s",
    }


def test_differences_are_named() -> None:
    other = Cluster(server=FULL.server, name="other", secret="else", config=FULL.config)
    assert differing(FULL, FULL) == []
    assert differing(FULL, other) == [
        "name",
        "namespaces",
        "shard",
        "cluster_resources",
        "labels",
        "annotations",
        "project",
    ]


def test_a_kubeconfig_says_the_same() -> None:
    found = kubeconfig(FULL)
    assert found["contexts"] == [{"name": "far", "context": {"cluster": "far", "user": "far"}}]
    assert found["clusters"][0]["cluster"] == {
        "server": "https://far.example:6443",
        "tls-server-name": "inside",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
        "disable-compression": True,
        "proxy-url": "http://me:hunter8@proxy/x",
    }
    user = found["users"][0]["user"]
    assert user["token"] == "hunter3"
    assert user["exec"] == {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "ask",
        "interactiveMode": "Never",
        "args": ["hunter6"],
        "env": [{"name": "A", "value": "hunter7"}],
        "installHint": "get it",
    }
    small = kubeconfig(Cluster(server="https://s", name="", config=ClusterConfig(insecure=True)))
    assert small["clusters"][0]["cluster"] == {
        "server": "https://s",
        "insecure-skip-tls-verify": True,
    }
    assert small["users"][0]["user"] == {}
    assert small["current-context"] == "https://s"
