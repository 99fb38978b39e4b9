"""Which server a command talks to, and by what: flags, ARGOCD_OPTS, the environment, the file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import Ran, World
from tiphys.cli.localconfig import config_path
from tiphys.cli.ports import Forward
from tiphys.model.connection import ServerConnection

USER_INFO = "session.SessionService/GetUserInfo"


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    """The configuration file of somebody who is logged in to two servers."""
    world.remote.answers[USER_INFO] = {"loggedIn": True, "username": "admin", "iss": "argocd"}
    path = tmp_path / "config-folder" / "config"
    path.parent.mkdir()
    write(
        path,
        {
            "contexts": [
                {"name": "here", "server": "here:8080", "user": "here"},
                {"name": "there", "server": "there", "user": "there"},
            ],
            "current-context": "here",
            "prompts-enabled": False,
            "servers": [
                {"server": "here:8080", "plain-text": True, "grpc-web-root-path": ""},
                {
                    "server": "there",
                    "insecure": True,
                    "grpc-web": True,
                    "grpc-web-root-path": "cd",
                    "certificate-authority-data": base64.b64encode(b"PEM").decode(),
                },
            ],
            "users": [
                {"name": "here", "auth-token": "token-of-here"},
                {"name": "there", "auth-token": "token-of-there", "refresh-token": "again"},
            ],
        },
    )
    return path


def write(path: Path, config: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)


def info(world: World, *flags: str) -> Ran:
    return world.run("account", "get-user-info", *flags, core=False)


def used(world: World, *flags: str) -> ServerConnection:
    assert info(world, *flags).code == 0
    return world.servers[-1].connection


def test_the_current_context(world: World, file: Path) -> None:
    assert used(world) == ServerConnection(
        address="here:8080", plaintext=True, token="token-of-here"
    )


@proves("everywhere", "--argocd-context")
def test_another_context(world: World, file: Path) -> None:
    assert used(world, "--argocd-context", "there") == ServerConnection(
        address="there:443",
        insecure=True,
        authority=b"PEM",
        token="token-of-there",
        grpc_web=True,
        root_path="cd",
    )
    ran = info(world, "--argocd-context", "nowhere")
    assert (ran.code, ran.fatal) == (1, "error resolving context: Context 'nowhere' undefined")


@proves("everywhere", "--server", "--auth-token")
def test_flags_beat_the_environment_which_beats_the_file(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOCD_SERVER", "env:1")
    monkeypatch.setenv("ARGOCD_AUTH_TOKEN", "token-of-env")
    found = used(world)
    assert (found.address, found.token) == ("env:1", "token-of-env")
    monkeypatch.setenv("ARGOCD_OPTS", "--server opts:2 --auth-token token-of-opts")
    found = used(world)
    assert (found.address, found.token) == ("opts:2", "token-of-opts")
    found = used(world, "--server", "flag:3", "--auth-token", " token-of-flag\n")
    assert (found.address, found.token) == ("flag:3", "token-of-flag")


@proves("everywhere", "--insecure", "--grpc-web")
def test_booleans_only_switch_on(world: World, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert used(world, "--plaintext=false").plaintext
    assert used(world, "--insecure", "--grpc-web") == ServerConnection(
        address="here:8080", plaintext=True, insecure=True, grpc_web=True, token="token-of-here"
    )
    monkeypatch.setenv("ARGOCD_OPTS", "--insecure=1 --grpc-web yes")
    assert not used(world).insecure
    monkeypatch.setenv("ARGOCD_OPTS", "--insecure --grpc-web true")
    assert used(world).insecure
    assert used(world).grpc_web


@proves("everywhere", "--grpc-web-root-path")
def test_a_root_path_means_grpc_web(world: World, file: Path) -> None:
    found = used(world, "--grpc-web-root-path", "below/it")
    assert (found.grpc_web, found.root_path) == (True, "below/it")
    assert found.url == "http://here:8080/below/it"


@pytest.mark.parametrize(
    ("address", "full"),
    [
        ("a", "a:443"), ("a:80", "a:80"), ("127.0.0.1", "127.0.0.1:443"), ("[::1]", "[::1]:443"),
        ("[::1]:80", "[::1]:80"),
    ],
)  # fmt: skip
def test_ports(world: World, file: Path, address: str, full: str) -> None:
    found = used(world, "--server", address)
    assert found.address == full
    assert str(found.port) == full.rpartition(":")[2]


@proves("everywhere", "--header", "--http-retry-max")
def test_headers_and_retries(world: World, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = used(world, "-H", "x-a: one:two,x-b:three", "--http-retry-max", "4")
    assert (found.headers, found.retries) == ((("x-a", "one:two"), ("x-b", "three")), 4)
    monkeypatch.setenv("ARGOCD_OPTS", "--header 'x-c: d,x-e: f'")
    assert used(world).headers == (("x-c", "d"), ("x-e", "f"))
    ran = info(world, "--header", "secret")
    assert (ran.code, ran.fatal) == (1, "additional headers must be colon(:)-separated")


@proves("everywhere", "--server-crt", "--client-crt", "--client-crt-key")
def test_certificates(world: World, file: Path, tmp_path: Path) -> None:
    for name in ("server", "crt", "key"):
        (tmp_path / name).write_text(name)
    given = {"server-crt": "server", "client-crt": "crt", "client-crt-key": "key"}
    flags = [f"--{flag}={tmp_path / name}" for flag, name in given.items()]
    found = used(world, *flags)
    assert (found.authority, found.certificate, found.key) == (b"server", b"crt", b"key")
    assert "key" not in repr(found).replace("key=", "")
    ran = info(world, "--client-crt", str(tmp_path / "crt"))
    assert (ran.code, ran.fatal) == (
        1, "--client-crt and --client-crt-key must always be specified together",
    )  # fmt: skip
    assert (
        info(world, "--server-crt", "/nowhere").fatal == "open /nowhere: no such file or directory"
    )


@proves("everywhere", "--port-forward", "--port-forward-namespace", "--server-name")
def test_forwarding_beats_the_address(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info(world, "--port-forward", "--server", "x")
    assert world.servers[-1].forward == Forward("", "argocd-server")
    monkeypatch.setenv("ARGOCD_SERVER_NAME", "mine")
    info(world, "--port-forward-namespace", "cd")
    assert world.servers[-1].forward == Forward("cd", "mine")
    info(world, "--port-forward-namespace", "cd", "--server-name", "other")
    assert world.servers[-1].forward == Forward("cd", "other")


def test_a_core_context(world: World, file: Path) -> None:
    write(file, {
        "contexts": [{"name": "kubernetes", "server": "kubernetes", "user": "kubernetes"}],
        "current-context": "kubernetes",
        "servers": [{"server": "kubernetes", "core": True, "grpc-web-root-path": ""}],
        "users": [{"name": "kubernetes"}],
    })  # fmt: skip
    assert world.run("app", "list", "-o", "name", core=False) == Ran(0, "", "")
    assert world.run("app", "list", "-o", "name", program="tiphys", core=False) == Ran(0, "", "")
    assert not world.servers


@proves("everywhere", "--core")
def test_core_beats_the_context(world: World, file: Path) -> None:
    assert world.run("app", "list", "-o", "name").code == 0
    assert not world.servers


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o700])
def test_a_file_that_others_may_read(world: World, file: Path, mode: int) -> None:
    file.chmod(mode)
    ran = info(world)
    assert ran.code == 20
    assert ran.fatal.startswith("config file has incorrect permission flags -r")
    assert ran.fatal.endswith("change the file permission either to 0400 or 0600")


def test_a_file_for_reading_only(world: World, file: Path) -> None:
    file.chmod(0o400)
    assert used(world).address == "here:8080"


def test_a_dangling_context(world: World, file: Path) -> None:
    write(file, {"current-context": "gone"})
    assert info(world).fatal == "local config invalid: Context 'gone' undefined"


def test_what_is_no_configuration(world: World, file: Path) -> None:
    file.write_text("auth-token: [secret")
    ran = info(world)
    assert "is no configuration file" in ran.fatal
    assert "secret" not in ran.fatal


@proves("everywhere", "--config")
def test_the_flag_names_the_file(world: World, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(other, {
        "contexts": [{"name": "o", "server": "o:1", "user": "o"}],
        "current-context": "o",
        "servers": [{"server": "o:1"}],
        "users": [{"name": "o", "auth-token": "t"}],
    })  # fmt: skip
    assert used(world, "--config", str(other)).address == "o:1"


def test_where_the_file_is(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert config_path(home) == tmp_path / ".config" / "argocd" / "config"
    xdg = home | {"XDG_CONFIG_HOME": "/x"}
    assert config_path(xdg) == Path("/x/argocd/config")
    (tmp_path / ".argocd").mkdir()
    assert config_path(xdg) == tmp_path / ".argocd" / "config"
    assert config_path(xdg | {"ARGOCD_CONFIG_DIR": "/d"}) == Path("/d/config")


def test_prompts_of_the_file(world: World, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = yaml.safe_load(file.read_text())
    write(file, {**config, "prompts-enabled": True})
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("n\n"))
    line = ("account", "delete-token", "x", "--account", "bob")
    assert "cancelled" in world.run(*line, core=False).out
    world.remote.answers["account.AccountService/DeleteToken"] = {}
    assert world.run(*line, "--prompts-enabled=false", core=False) == Ran(0, "", "")
