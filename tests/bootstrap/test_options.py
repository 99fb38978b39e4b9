"""How the API server is found, and what flags say of the way to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tiphys.adapters.kube import KubeConfigError
from tiphys.bootstrap.options import Connection
from tiphys.cli.errors import FatalError
from tiphys.cli.ports import KubeAccess


def kubeconfig(path: Path, server: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "from-file"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_flag_beats_the_variable_which_beats_home(tmp_path: Path) -> None:
    home = kubeconfig(tmp_path / ".kube" / "config", "https://home")
    named = kubeconfig(tmp_path / "named", "https://named")
    flag = kubeconfig(tmp_path / "flag", "https://flag")
    environment = {"HOME": str(tmp_path)}
    assert Connection().config(environment).server == "https://home"
    environment["KUBECONFIG"] = str(named)
    assert Connection().config(environment).server == "https://named"
    assert Connection(kubeconfig=str(flag)).config(environment).server == "https://flag"
    assert home.exists()


def test_in_a_pod_home_is_not_looked_at(tmp_path: Path) -> None:
    kubeconfig(tmp_path / ".kube" / "config", "https://home")
    environment = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    with pytest.raises(KubeConfigError, match="not in a pod with a service account"):
        Connection().config(environment)


def test_flags_beat_what_the_kubeconfig_says(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("PEM")
    connection = Connection(
        kubeconfig=str(kubeconfig(tmp_path / "k", "https://file")),
        access=KubeAccess(
            server="https://flag/",
            certificate_authority=str(ca),
            token="from-flag",
            tls_server_name="api",
            insecure_skip_tls_verify=True,
            disable_compression=True,
            act_as="alice",
            act_as_group=("one", "two"),
        ),
    )
    config = connection.config({})
    assert (config.server, config.ca, config.token) == ("https://flag", "PEM", "from-flag")
    assert (config.tls_server_name, config.insecure, config.compression) == ("api", True, False)
    assert config.acting_as == (
        ("Impersonate-User", "alice"),
        ("Impersonate-Group", "one"),
        ("Impersonate-Group", "two"),
    )
    assert "from-flag" not in repr(connection)
    plain = Connection(kubeconfig=connection.kubeconfig).config({})
    assert (plain.token, plain.compression) == ("from-file", True)


def test_clusters_and_users_of_the_kubeconfig_can_be_named(tmp_path: Path) -> None:
    path = str(kubeconfig(tmp_path / "k", "https://file"))
    with pytest.raises(KubeConfigError, match="cluster other"):
        Connection(kubeconfig=path, access=KubeAccess(cluster="other")).config({})


def test_a_server_alone_is_enough(tmp_path: Path) -> None:
    assert Connection(access=KubeAccess(server="https://only")).config({}).server == "https://only"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    access = KubeAccess(server="https://only", certificate_authority=missing)
    connection = Connection(access=access)
    with pytest.raises(FatalError, match=r"missing\.pem"):
        connection.config({})
