"""What a command says of failures, and the other commands."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.proofs import proves
from tests.cli.world import World
from tiphys.cli.log import Level, log_line
from tiphys.cli.main import said
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ForbiddenError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
    ObjectNotFoundError,
    RepositoryError,
    TiphysError,
)

NOW = datetime(2026, 11, 23, 10, 3, 53, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ApiError(ApiCode.INTERNAL, "x"), "rpc error: code = Internal desc = x"),
        (ObjectNotFoundError("x", status=404), "rpc error: code = NotFound desc = x"),
        (ForbiddenError("x", status=403), "rpc error: code = PermissionDenied desc = x"),
        (InvalidObjectError("x", status=422), "rpc error: code = InvalidArgument desc = x"),
        (KubeUnreachableError("x"), "rpc error: code = Unavailable desc = x"),
        (KubeError("x", status=500), "rpc error: code = Unknown desc = x"),
        (KubeError("no kubeconfig"), "no kubeconfig"),
        (RepositoryError("x"), "x"),
    ],
)
def test_failed_calls(error: TiphysError, text: str) -> None:
    assert said(error) == text


def test_lines_are_json_for_pages() -> None:
    assert log_line(Level.FATAL, 'a & "b"', form="json", now=NOW) == (
        '{"level":"fatal","msg":"a \\u0026 \\"b\\"","time":"2026-11-23T10:03:53Z"}'
    )
    assert log_line(Level.WARN, "a", form="text", now=NOW) == (
        'time="2026-11-23T10:03:53Z" level=warning msg="a"'
    )


def test_a_log_level_that_is_none_is_named(world: World) -> None:
    ran = world.run("app", "list", "--loglevel", "loud", program="tiphys", core=False)
    assert (ran.code, ran.fatal) == (1, "not a valid log level: loud")


@proves("install", "--controller-kubeconfig", "--server-kubeconfig")
@pytest.mark.parametrize(
    ("flag", "account"),
    [
        ("--controller-kubeconfig", "argocd-application-controller"),
        ("--server-kubeconfig", "argocd-server"),
    ],
)
def test_install(world: World, tmp_path: Path, flag: str, account: str) -> None:
    path = tmp_path / "deep" / "kubeconfig"
    ran = world.run("install", flag, str(path), "-n", "cd", core=False)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "ConfigMap/argocd-cm created\nTiphys is installed in namespace cd\n"
    assert path.read_text() == f"for {account} in cd\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [child.name for child in path.parent.iterdir()] == ["kubeconfig"]


def test_install_takes_no_words(world: World) -> None:
    ran = world.run("install", "here", core=False)
    assert ran.code == 1
    assert ran.out.startswith("Usage: argocd install [flags]\n")


def test_the_client_may_be_asked_for_its_version_as_json(world: World) -> None:
    import json

    printed = json.loads(world.run("version", "--client", "-o", "json", core=False).out)
    assert printed["client"]["Version"].startswith("v3.6.0+")
    ran = world.run("version", "--client", "-o", "xml", core=False)
    assert (ran.code, ran.fatal) == (20, "unknown output format: xml")
