"""Cluster Secrets: every key, what is wrong with them, and which cluster a destination means."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tiphys.core.settings.clusters import (
    IN_CLUSTER,
    BrokenCluster,
    ClusterTable,
    cluster_of,
    is_cluster_secret,
    not_managed,
    read_cluster,
)
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import AwsAuth, Cluster, ClusterConfig, ExecProvider
from tiphys.model.errors import DestinationError, SettingsError
from tiphys.model.names import IN_CLUSTER_SERVER, LABEL_SECRET_TYPE
from tiphys.model.resource import ResourceKey

SERVER = "https://far.example:6443"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(config: Any = None, name: str = "far", **data: str) -> dict[str, Any]:
    texts = {"server": SERVER, **data}
    if config is not None:
        texts["config"] = config if isinstance(config, str) else json.dumps(config)
    return {
        "metadata": {"name": name, "labels": {LABEL_SECRET_TYPE: "cluster"}},
        "data": {key: b64(text) for key, text in texts.items()},
    }


def test_a_server_is_enough() -> None:
    assert cluster_of(secret(server=f"{SERVER}/")) == Cluster(
        server=SERVER, name=SERVER, secret="far"
    )


def test_every_key_is_read() -> None:
    manifest = secret(
        {
            "username": "me",
            "password": "p",
            "bearerToken": "t",
            "tlsClientConfig": {
                "insecure": False,
                "serverName": "inside",
                "caData": b64("CA"),
                "certData": b64("CERT"),
                "keyData": b64("KEY"),
            },
            "awsAuthConfig": {"clusterName": "c", "roleARN": "r", "profile": "p"},
            "execProviderConfig": {
                "command": "ask",
                "args": ["a", "b"],
                "env": {"A": "b"},
                "apiVersion": "client.authentication.k8s.io/v1",
                "installHint": "get it",
            },
            "disableCompression": True,
            "proxyUrl": "http://proxy",
        },
        name="far",
        namespaces="a, b,,",
        clusterResources="true",
        shard="3",
        project="team",
    )
    manifest["data"]["name"] = b64("faraway")
    manifest["metadata"]["labels"]["region"] = "eu"
    manifest["metadata"]["annotations"] = {
        "managed-by": "argocd.argoproj.io",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "argocd.argoproj.io/skip-reconcile": "true",
        "note": "x",
    }
    assert cluster_of(manifest) == Cluster(
        server=SERVER,
        name="faraway",
        namespaces=("a", "b"),
        cluster_resources=True,
        shard=3,
        project="team",
        labels={"region": "eu"},
        annotations={"argocd.argoproj.io/skip-reconcile": "true", "note": "x"},
        config=ClusterConfig(
            username="me",
            password="p",
            bearer_token="t",
            server_name="inside",
            ca_data=b"CA",
            cert_data=b"CERT",
            key_data=b"KEY",
            aws=AwsAuth(cluster_name="c", role_arn="r", profile="p"),
            exec_provider=ExecProvider(
                command="ask",
                args=("a", "b"),
                env={"A": "b"},
                api_version="client.authentication.k8s.io/v1",
                install_hint="get it",
            ),
            disable_compression=True,
            proxy_url="http://proxy",
        ),
        secret="far",
        skipped=True,
    )


def test_a_program_speaks_the_older_version_by_default() -> None:
    read = cluster_of(secret({"execProviderConfig": {"command": "ask"}})).config.exec_provider
    assert read is not None
    assert read.api_version == "client.authentication.k8s.io/v1beta1"


@pytest.mark.parametrize(
    ("config", "data", "problem"),
    [
        ({}, {"server": ""}, "server is missing"),
        ({}, {"shard": "hunter2"}, "shard is not a whole number"),
        ({}, {"shard": "1" * 5000}, "shard is not a whole number"),
        ("{hunter2", {}, "config is not JSON"),
        ("[" * 100_000, {}, "config is not JSON"),
        (["hunter2"], {}, "config is not an object"),
        ({"tlsClientConfig": "hunter2"}, {}, "config.tlsClientConfig is not an object"),
        ({"bearerToken": ["hunter2"]}, {}, "config.bearerToken is not a text"),
        ({"disableCompression": "hunter2"}, {}, "config.disableCompression is neither"),
        ({"disableCompression": 1}, {}, "config.disableCompression is neither"),
        ({"tlsClientConfig": {"caData": "hunter2!"}}, {}, "config.tlsClientConfig.caData is not"),
        ({"tlsClientConfig": {"caData": "é"}}, {}, "config.tlsClientConfig.caData is not base64"),
        (
            {"tlsClientConfig": {"insecure": True, "caData": b64("hunter2")}},
            {},
            "config.tlsClientConfig.insecure cannot be true beside caData",
        ),
        (
            {"tlsClientConfig": {"certData": b64("hunter2")}},
            {},
            "config.tlsClientConfig.certData and keyData belong together",
        ),
        ({"execProviderConfig": {}}, {}, "config.execProviderConfig.command is missing"),
        (
            {"execProviderConfig": {"command": "x", "args": "hunter2"}},
            {},
            "config.execProviderConfig.args is not a list of texts",
        ),
        (
            {"execProviderConfig": {"command": "x", "env": {"A": 7}}},
            {},
            "config.execProviderConfig.env is not an object of texts",
        ),
    ],
)
def test_what_is_wrong_names_secret_and_key(
    config: Any, data: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        cluster_of(secret(config, **data))
    assert str(caught.value).startswith(f"Secret far: {problem}")
    assert "hunter2" not in str(caught.value)


def test_a_null_is_nothing() -> None:
    body = {"bearerToken": None, "disableCompression": None, "execProviderConfig": None}
    assert cluster_of(secret(body)).config == ClusterConfig()


def test_a_broken_secret_keeps_its_server_and_name() -> None:
    broken = read_cluster(secret("{", name="far"))
    assert broken == BrokenCluster("far", SERVER, SERVER, "Secret far: config is not JSON")
    unreadable = secret()
    unreadable["data"]["server"] = "?"
    found = read_cluster(unreadable)
    assert found == BrokenCluster("far", "", "", "Secret far: server cannot be read")
    assert read_cluster(secret()) == cluster_of(secret())


def test_the_label_makes_the_cluster_secret() -> None:
    assert is_cluster_secret(secret())
    assert not is_cluster_secret({"metadata": {"name": "x"}})


def test_credentials_are_not_shown() -> None:
    config = {
        "password": "hunter2",
        "bearerToken": "hunter3",
        "proxyUrl": "http://me:hunter4@proxy",
        "execProviderConfig": {"command": "x", "env": {"A": "hunter5"}},
    }
    assert "hunter" not in repr(cluster_of(secret(config)))


# -- destinations ----------------------------------------------------------------------------


def cluster(server: str, name: str, secret_name: str = "") -> Cluster:
    return Cluster(server=server, name=name, secret=secret_name or name)


FAR = cluster("https://far", "far")
TABLE = ClusterTable.of(
    [
        FAR,
        cluster("https://one", "twin"),
        cluster("https://two", "twin", "twin-2"),
        BrokenCluster("odd", "https://odd", "odd", "Secret odd: config is not JSON"),
        BrokenCluster("nowhere", "", "", "Secret nowhere: server is missing"),
    ]
)


@pytest.mark.parametrize(
    ("destination", "found"),
    [
        ({"server": "https://far"}, FAR),
        ({"server": "https://far/"}, FAR),
        ({"name": "far"}, FAR),
        ({"server": IN_CLUSTER_SERVER}, IN_CLUSTER),
        ({"name": "in-cluster"}, IN_CLUSTER),
    ],
)
def test_a_destination_means_a_cluster(destination: dict[str, str], found: Cluster) -> None:
    assert TABLE.resolve(ApplicationDestination(**destination)) == found


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        (
            {"server": "https://far", "name": "far"},
            "application destination can't have both name and server defined: far https://far",
        ),
        ({"name": "absent"}, "there are no clusters with this name: absent"),
        (
            {"name": "twin"},
            "there are 2 clusters with the same name: [https://one https://two]",
        ),
        ({}, "Destination server missing from app spec"),
        (
            {"server": "https://no"},
            'error getting cluster by server "https://no": rpc error: code = NotFound desc = '
            'cluster "https://no" not found',
        ),
        (
            {"name": "odd"},
            'error getting cluster by server "https://odd": Secret odd: config is not JSON',
        ),
    ],
)
def test_a_destination_without_a_cluster_is_said(destination: dict[str, str], said: str) -> None:
    with pytest.raises(DestinationError) as caught:
        TABLE.resolve(ApplicationDestination(**destination))
    assert str(caught.value) == said
    # What is there but cannot be used is told from what is not there.
    assert caught.value.exists is (destination.get("name") in ("twin", "odd"))


def test_the_own_cluster_can_be_no_destination() -> None:
    table = ClusterTable.of([cluster(IN_CLUSTER_SERVER, "here"), FAR], in_cluster=False)
    assert table.clusters == (FAR,)
    with pytest.raises(DestinationError, match=r'desc = cluster ".*" is disabled$'):
        table.resolve(ApplicationDestination(server=IN_CLUSTER_SERVER))
    with pytest.raises(DestinationError, match="no clusters with this name: in-cluster"):
        table.resolve(ApplicationDestination(name="in-cluster"))


def test_a_secret_says_more_of_the_own_cluster() -> None:
    here = cluster(IN_CLUSTER_SERVER, "here")
    table = ClusterTable.of([here])
    for destination in ({"name": "here"}, {"name": "in-cluster"}, {"server": IN_CLUSTER_SERVER}):
        assert table.resolve(ApplicationDestination(**destination)) == here
    assert table.clusters == (here,)


def test_of_two_secrets_for_one_server_the_first_by_name_holds() -> None:
    table = ClusterTable.of([cluster("https://x", "b"), cluster("https://x", "a")])
    assert table.resolve(ApplicationDestination(server="https://x")).secret == "a"


# -- what a cluster may hold -----------------------------------------------------------------

NAMESPACE = ResourceKey("", "Namespace", "", "shop")
CONFIG = ResourceKey("", "ConfigMap", "shop", "settings")


@pytest.mark.parametrize(
    ("namespaces", "resources", "key", "said"),
    [
        ((), False, NAMESPACE, ""),
        (("shop",), False, CONFIG, ""),
        (("shop",), True, NAMESPACE, ""),
        (
            ("shop",),
            False,
            NAMESPACE,
            'cluster level Namespace "shop" can not be managed when in namespaced mode',
        ),
        (("a",), False, CONFIG, 'namespace "shop" for ConfigMap "settings" is not managed'),
    ],
)
def test_only_some_namespaces_are_managed(
    namespaces: tuple[str, ...], resources: bool, key: ResourceKey, said: str
) -> None:
    limited = Cluster(server="s", name="s", namespaces=namespaces, cluster_resources=resources)
    assert not_managed(limited, key, namespaced=bool(key.namespace)) == said
