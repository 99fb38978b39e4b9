"""kubectl's flags on top of a kubeconfig."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiphys.adapters.kube import KubeConfig
from tiphys.bootstrap.access import limits_of, with_access
from tiphys.cli.errors import FatalError
from tiphys.cli.ports import KubeAccess
from tiphys.model.cluster import ExecProvider

BASE = KubeConfig(
    "https://one",
    namespace="argocd",
    ca="CA",
    token_file="/token",
    exec_provider=ExecProvider(command="aws"),
)


def test_nothing_said_changes_nothing() -> None:
    assert with_access(BASE, KubeAccess()) == BASE


def test_what_is_said_stands_in(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text(name.upper() + "2")
    found = with_access(
        BASE,
        KubeAccess(
            server="https://two/",
            token="t",
            proxy_url="http://proxy",
            tls_server_name="name",
            certificate_authority=str(tmp_path / "ca"),
            client_certificate=str(tmp_path / "cert"),
            client_key=str(tmp_path / "key"),
            insecure_skip_tls_verify=True,
            disable_compression=True,
            act_as="me",
            act_as_group=("a", "b"),
            act_as_uid="7",
        ),
    )
    assert found == KubeConfig(
        "https://two",
        namespace="argocd",
        ca="CA2",
        client_certificate="CERT2",
        client_key="KEY2",
        token="t",
        insecure=True,
        tls_server_name="name",
        compression=False,
        proxy_url="http://proxy",
        acting_as=(
            ("Impersonate-User", "me"),
            ("Impersonate-Group", "a"),
            ("Impersonate-Group", "b"),
            ("Impersonate-Uid", "7"),
        ),
    )


def test_a_name_and_a_password() -> None:
    found = with_access(BASE, KubeAccess(username="me", password="p"))
    assert (found.username, found.password) == ("me", "p")
    assert (found.token, found.token_file, found.exec_provider) == ("", "", None)


def test_no_secret_is_shown() -> None:
    shown = repr(KubeAccess(password="hidden-1", token="hidden-2", proxy_url="http://u:hidden-3@p"))
    assert "hidden" not in shown


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="No such file"):
        with_access(BASE, KubeAccess(client_key=str(tmp_path / "none")))


@pytest.mark.parametrize(("text", "seconds"), [("", 30), ("0", 30), ("5", 5), ("1m", 60)])
def test_request_timeout(text: str, seconds: float) -> None:
    assert limits_of(KubeAccess(request_timeout=text)).request == seconds


def test_a_timeout_that_is_none() -> None:
    with pytest.raises(FatalError, match="--request-timeout"):
        limits_of(KubeAccess(request_timeout="soon"))
