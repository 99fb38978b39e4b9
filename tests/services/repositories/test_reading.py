"""Repositories read once, by whoever may read Secrets and by others."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.core.repositories.secrets import secret
from tests.fakes.kube import FakeCluster
from tiphys.model.errors import ForbiddenError, RepositoryError
from tiphys.model.resource import GroupKind
from tiphys.services.repositories.reading import read_known, read_visible

URL = "https://git.example.com/org/apps.git"


def config_map(name: str, **data: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "argocd"},
        "data": data,
    }


async def test_all_that_is_known() -> None:
    cluster = FakeCluster()
    cluster.seed(
        secret("a", url=URL, name="apps"),
        secret("bad", url="https://bad", insecure="x"),
        secret("z", kind="cluster"),
        config_map("argocd-ssh-known-hosts-cm", ssh_known_hosts="h ssh-rsa AAAA"),
        config_map("argocd-gpg-keys-cm", A="KEY"),
    )
    with capture_logs() as said:
        known = await read_known(cluster, "argocd")
    assert said == []
    assert known.find(URL, "").name == "apps"
    assert (known.known_hosts, known.certificates) == ("h ssh-rsa AAAA", {})
    assert known.keyring() == ("KEY",)
    with pytest.raises(RepositoryError, match="Secret bad"):
        known.find("https://bad", "")


async def test_who_may_not_read_secrets() -> None:
    cluster = FakeCluster()
    cluster.seed(secret("a", url=URL, name="apps"), config_map("argocd-tls-certs-cm", h="PEM"))
    cluster.forbidden.add(GroupKind("", "Secret"))
    known = await read_visible(cluster, "argocd")
    assert known.find(URL, "").name == ""
    assert known.certificates == {"h": "PEM"}
    with pytest.raises(ForbiddenError):
        await read_known(cluster, "argocd")
