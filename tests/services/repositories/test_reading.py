"""What a command knows of repositories: as much as whoever calls it may read."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.model.repository import Anonymous, BasicLogin, Confidential
from tiphys.model.resource import GroupKind
from tiphys.services.repositories.reading import read_visible

NAMESPACE = "argocd"
URL = "https://git.example.com/apps"


def secret(**data: str) -> dict[str, Any]:
    labels = {"argocd.argoproj.io/secret-type": "repository"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "repo-1", "namespace": NAMESPACE, "labels": labels},
        "data": {key: b64encode(text.encode()).decode() for key, text in data.items()},
    }


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": data,
    }


def cluster() -> FakeCluster:
    made = FakeCluster(BUILT_IN)
    made.seed(secret(url=URL, username="ada", password="s3cret"))
    made.seed(config_map("argocd-ssh-known-hosts-cm", ssh_known_hosts="host ssh-ed25519 AAAA\n"))
    made.seed(config_map("argocd-gpg-keys-cm", ABC="a key"))
    return made


async def test_secrets_and_whom_to_believe() -> None:
    known = await read_visible(cluster(), NAMESPACE)
    assert known.find(URL, "default").credentials == BasicLogin("ada", Confidential("s3cret"))
    assert "host ssh-ed25519 AAAA" in known.known_hosts
    assert known.keyring() == ("a key",)


async def test_who_may_not_read_secrets_reads_repositories_anonymously() -> None:
    made = cluster()
    made.forbidden.add(GroupKind("", "Secret"))
    known = await read_visible(made, NAMESPACE)
    assert known.find(URL, "default").credentials == Anonymous()


async def test_who_may_not_read_config_maps_goes_on_without() -> None:
    made = cluster()
    made.forbidden.add(GroupKind("", "ConfigMap"))
    known = await read_visible(made, NAMESPACE)
    assert known.keyring() == ()
    assert known.find(URL, "default").credentials != Anonymous()
