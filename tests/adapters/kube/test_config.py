"""Kubeconfigs and service accounts: what is read, and what is refused by its field's name."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tiphys.adapters.kube import KubeConfigError, in_cluster_config, load_kubeconfig
from tiphys.adapters.kube.config import KubeConfig
from tiphys.adapters.kube.credentials import credentials_of
from tiphys.model.cluster import ExecProvider


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
) -> dict[str, Any]:
    server = {"server": "https://one.example.com:6443/", **(cluster or {})}
    return {
        "current-context": "main",
        "contexts": [
            {"name": "main", "context": {"cluster": "c", "user": "u", **(context or {})}},
            {"name": "other", "context": {"cluster": "c2", "user": "u"}},
        ],
        "clusters": [
            {"name": "c", "cluster": server},
            {"name": "c2", "cluster": {"server": "https://two.example.com"}},
        ],
        "users": [{"name": "u", "user": user or {}}],
    }


def load(path: Path, document: Any, context: str = "") -> KubeConfig:
    file = path / "config"
    file.write_text(yaml.safe_dump(document))
    return load_kubeconfig([file], context)


def test_the_current_context_is_read(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        kubeconfig(
            cluster={
                "certificate-authority-data": encoded("CA"),
                "tls-server-name": "kubernetes",
                "disable-compression": True,
            },
            user={
                "client-certificate-data": encoded("CERT"),
                "client-key-data": encoded("KEY"),
                "token": "t",
            },
            context={"namespace": "argocd"},
        ),
    )
    assert config == KubeConfig(
        server="https://one.example.com:6443",
        namespace="argocd",
        context="main",
        ca="CA",
        client_certificate="CERT",
        client_key="KEY",
        token="t",
        tls_server_name="kubernetes",
        compression=False,
    )


def test_a_named_context_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, kubeconfig(cluster={"insecure-skip-tls-verify": True}), "other")
    assert (config.server, config.context) == ("https://two.example.com", "other")
    assert not config.insecure


def test_a_cluster_and_a_user_stand_in_for_those_of_the_context(tmp_path: Path) -> None:
    document = kubeconfig(user={"token": "t"}, context={"namespace": "argocd"})
    document["users"].append({"name": "u2", "user": {"token": "t2"}})
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    config = load_kubeconfig([tmp_path / "config"], cluster="c2", user="u2")
    assert (config.server, config.token) == ("https://two.example.com", "t2")
    assert (config.context, config.namespace) == ("main", "argocd")
    with pytest.raises(KubeConfigError, match="user u3"):
        load_kubeconfig([tmp_path / "config"], user="u3")


def test_files_are_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("CA")
    config = load(
        tmp_path,
        kubeconfig(cluster={"certificate-authority": "ca.pem"}, user={"tokenFile": "token"}),
    )
    assert config.ca == "CA"
    assert config.token_file == str(tmp_path / "token")


def test_of_two_files_the_first_to_name_something_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(yaml.safe_dump({"users": [{"name": "u", "user": {"token": "first"}}]}))
    second.write_text(yaml.safe_dump(kubeconfig(user={"token": "second"})))
    config = load_kubeconfig([tmp_path / "absent", first, second])
    assert (config.token, config.context) == ("first", "main")


@pytest.mark.parametrize(
    ("user", "field"),
    [
        ({"auth-provider": {"name": "gcp"}}, "users[u].auth-provider"),
        ({"as": "root", "as-user-extra": {"a": ["b"]}}, "users[u].as-user-extra"),
        (
            {"exec": {"command": "aws", "interactiveMode": "Always"}},
            "users[u].exec.interactiveMode",
        ),
    ],
)
def test_ways_to_log_in_that_are_not_supported_are_named(
    tmp_path: Path, user: dict[str, Any], field: str
) -> None:
    with pytest.raises(KubeConfigError, match="not supported") as caught:
        load(tmp_path, kubeconfig(user=user))
    assert caught.value.field == field
    assert field in str(caught.value)


def test_other_proxies_than_http_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KubeConfigError) as caught:
        load(tmp_path, kubeconfig(cluster={"proxy-url": "socks5://me:hunter2@proxy"}))
    assert caught.value.field == "proxy-url"
    assert "hunter2" not in str(caught.value)


def test_ways_to_log_in_are_read(tmp_path: Path) -> None:
    program = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./ask",
        "args": ["for", "it"],
        "env": [{"name": "A", "value": "b"}],
        "installHint": "get it",
        "provideClusterInfo": True,
    }
    config = load(
        tmp_path,
        kubeconfig(
            cluster={"proxy-url": "http://proxy"},
            user={"exec": program, "as": "jane", "as-groups": ["a", "b"], "as-uid": "7"},
        ),
    )
    assert config.exec_provider == ExecProvider(
        command=str(tmp_path / "ask"),
        args=("for", "it"),
        env={"A": "b"},
        api_version="client.authentication.k8s.io/v1",
        install_hint="get it",
        cluster_info=True,
    )
    assert config.proxy_url == "http://proxy"
    assert config.acting_as == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "7"),
    )
    named = load(tmp_path, kubeconfig(user={"username": "me", "password": "p"}))
    assert (named.username, named.password) == ("me", "p")


def test_a_program_needs_a_command(tmp_path: Path) -> None:
    with pytest.raises(KubeConfigError, match=r"users\[u\]\.exec\.command is missing"):
        load(tmp_path, kubeconfig(user={"exec": {"args": ["x"]}}))


@pytest.mark.parametrize(
    ("document", "context", "said"),
    [
        ({}, "", "no current context"),
        (kubeconfig(), "absent", "context absent does not exist in kubeconfig"),
        (kubeconfig(context={"cluster": "x"}), "", "cluster x of context main has no server"),
        (kubeconfig(context={"user": "x"}), "", "user x of context main does not exist"),
        (kubeconfig(cluster={"server": ""}), "", "cluster c of context main has no server"),
        (
            kubeconfig(cluster={"certificate-authority-data": "%%%"}),
            "",
            "certificate-authority of the kubeconfig cannot be read",
        ),
        (
            kubeconfig(cluster={"certificate-authority": "absent.pem"}),
            "",
            "certificate-authority of the kubeconfig cannot be read",
        ),
        (["a list"], "", "not a kubeconfig"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, document: Any, context: str, said: str) -> None:
    with pytest.raises(KubeConfigError, match=said):
        load(tmp_path, document, context)


def test_no_file_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(KubeConfigError, match="absent"):
        load_kubeconfig([tmp_path / "absent"])


def test_text_that_is_no_yaml_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("token: 'hunter2\n  - [")
    with pytest.raises(KubeConfigError, match="not a readable kubeconfig") as caught:
        load_kubeconfig([file])
    assert "hunter2" not in str(caught.value)


def test_credentials_are_not_shown() -> None:
    shown = repr(KubeConfig(server="s", token="hunter2", client_key="hunter3"))
    assert "hunter" not in shown


def test_a_broken_client_certificate_is_named() -> None:
    config = KubeConfig(server="https://s", client_certificate="hunter2", client_key="x")
    with pytest.raises(KubeConfigError) as caught:
        config.ssl_context()
    assert caught.value.field == "client-certificate-data"
    assert "hunter2" not in str(caught.value)


def test_plain_http_needs_no_certificates() -> None:
    assert KubeConfig(server="http://localhost").ssl_context() is None


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "namespace").write_text("argocd\n")
    return tmp_path


async def test_a_pods_service_account_is_read(account: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    config = in_cluster_config(environ, account)
    assert (config.server, config.namespace, config.ca) == ("https://10.0.0.1:6443", "argocd", "CA")
    assert await credentials_of(config).headers() == {"Authorization": "Bearer first"}


def test_an_ipv6_server_is_bracketed(account: Path) -> None:
    (account / "namespace").unlink()
    config = in_cluster_config({"KUBERNETES_SERVICE_HOST": "fd00::1"}, account)
    assert (config.server, config.namespace) == ("https://[fd00::1]:443", "")


def test_outside_of_a_pod_there_is_no_service_account(account: Path) -> None:
    with pytest.raises(KubeConfigError, match="not in a pod"):
        in_cluster_config({}, account)
    (account / "token").unlink()
    with pytest.raises(KubeConfigError, match="not in a pod"):
        in_cluster_config({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, account)


async def test_a_token_file_is_read_again_when_it_changes(account: Path) -> None:
    token = credentials_of(KubeConfig(server="s", token_file=str(account / "token")))
    assert await token.headers() == {"Authorization": "Bearer first"}
    assert not await token.renew()
    rewrite(account / "token", "second")
    assert await token.headers() == {"Authorization": "Bearer second"}
    (account / "token").unlink()
    assert await token.headers() == {"Authorization": "Bearer second"}
    assert not await token.renew()


async def test_renewing_says_whether_there_is_another_token(account: Path) -> None:
    token = credentials_of(KubeConfig(server="s", token_file=str(account / "token")))
    await token.headers()
    (account / "token").write_text("second")
    assert await token.renew()


async def test_a_token_file_that_never_was_is_named(tmp_path: Path) -> None:
    token = credentials_of(KubeConfig(server="s", token_file=str(tmp_path / "absent")))
    with pytest.raises(KubeConfigError, match="absent") as caught:
        await token.headers()
    assert caught.value.field == "tokenFile"


async def test_a_fixed_token_cannot_be_renewed() -> None:
    token = credentials_of(KubeConfig(server="s", token="t"))
    assert await token.headers() == {"Authorization": "Bearer t"}
    assert not await token.renew()
    assert await credentials_of(KubeConfig(server="s")).headers() == {}


def rewrite(file: Path, text: str) -> None:
    """A write that certainly moves the time of change."""
    later = file.stat().st_mtime_ns + 1_000_000
    file.write_text(text)
    os.utime(file, ns=(later, later))
