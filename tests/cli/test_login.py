"""`login`, `relogin`, `logout`, `context` and `configure`, and the file that they write."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import Ran, World
from tiphys.model.connection import ServerTls

CREATE = "session.SessionService/Create"


def token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.sig"


ADMIN = token(iss="argocd", sub="admin:login", iat=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config-folder" / "config"


def run(world: World, *line: str) -> Ran:
    return world.run(*line, core=False)


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def logged_in(world: World, *flags: str, server: str = "localhost:18080") -> Ran:
    world.remote.answers[CREATE] = {"token": ADMIN}
    return run(world, "login", server, "--username", "admin", "--password", "secret", *flags)


@proves("login", "--username", "--password")
@proves("everywhere", "--plaintext")
def test_login(world: World, path: Path) -> None:
    ran = logged_in(world, "--plaintext")
    assert ran == Ran(
        0, "'admin:login' logged in successfully\nContext 'localhost:18080' updated\n", ""
    )
    assert world.remote.request("Create") == {"username": "admin", "password": "secret"}
    assert read(path) == {
        "contexts": [
            {"name": "localhost:18080", "server": "localhost:18080", "user": "localhost:18080"}
        ],
        "current-context": "localhost:18080",
        "prompts-enabled": False,
        "servers": [{"grpc-web-root-path": "", "plain-text": True, "server": "localhost:18080"}],
        "users": [{"auth-token": ADMIN, "name": "localhost:18080"}],
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert run(world, "context") == Ran(
        0,
        "CURRENT  NAME             SERVER\n*        localhost:18080  localhost:18080\n",
        "",
    )


@proves("login", "--name")
def test_what_is_typed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.remote.answers[CREATE] = {"token": token(sub="x", name="Jo", email="jo@example.com")}
    types(monkeypatch, "jo\nsecret\n")
    ran = run(world, "login", "a", "--name", "mine")
    assert ran.out == (
        "Username: Password: \n'jo@example.com' logged in successfully\nContext 'mine' updated\n"
    )
    assert world.remote.request("Create") == {"username": "jo", "password": "secret"}


def test_a_root_path_is_part_of_the_name(world: World, path: Path) -> None:
    ran = logged_in(world, "--grpc-web-root-path", "/cd", server="a")
    assert "Context 'a/cd' updated" in ran.out
    assert read(path)["servers"] == [{"grpc-web-root-path": "/cd", "server": "a"}]


def test_core(world: World, path: Path) -> None:
    ran = run(world, "login", "--core")
    assert ran == Ran(0, "Context 'kubernetes' updated\n", "")
    assert read(path) == {
        "contexts": [{"name": "kubernetes", "server": "kubernetes", "user": "kubernetes"}],
        "current-context": "kubernetes",
        "prompts-enabled": False,
        "servers": [{"core": True, "grpc-web-root-path": "", "server": "kubernetes"}],
        "users": [{"name": "kubernetes"}],
    }


@proves("login", "--skip-test-tls")
@pytest.mark.parametrize(
    ("tls", "question", "kept"),
    [
        (
            ServerTls(present=False),
            "WARNING: server is not configured with TLS. Proceed (y/n)? ",
            "plain-text",
        ),
        (
            ServerTls(present=True, problem="self-signed certificate"),
            "WARNING: server certificate had error: self-signed certificate. "
            "Proceed insecurely (y/n)? ",
            "insecure",
        ),
    ],
)
def test_tls_is_looked_at(
    world: World,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tls: ServerTls,
    question: str,
    kept: str,
) -> None:
    world.server_tls = tls
    types(monkeypatch, "n\n")
    assert logged_in(world) == Ran(1, question, "")
    assert not path.exists()
    types(monkeypatch, "Yes\n")
    assert logged_in(world).out.startswith(question)
    assert read(path)["servers"][0][kept] is True
    # Nobody is asked where it is known, or not to be looked at.
    assert logged_in(world, "--plaintext", "--insecure").out.startswith("'admin")
    assert logged_in(world, "--skip-test-tls").out.startswith("'admin")


def test_a_wrong_password_changes_nothing(world: World, path: Path) -> None:
    ran = run(world, "login", "a", "--username", "admin", "--password", "x")
    assert (ran.code, ran.fatal) == (
        20, "rpc error: code = PermissionDenied desc = permission denied",
    )  # fmt: skip
    assert not path.exists()


@proves("relogin", "--password")
def test_relogin(world: World, path: Path) -> None:
    ran = run(world, "relogin")
    assert (ran.code, ran.fatal) == (1, "No context found. Login using `argocd login`")
    logged_in(world)
    again = token(iss="argocd", sub="admin:login", iat=2)
    world.remote.answers[CREATE] = {"token": again}
    ran = run(world, "relogin", "--password", "secret")
    assert ran.out == "Relogging in as 'admin'\nContext 'localhost:18080' updated\n"
    assert read(path)["users"][0]["auth-token"] == again


@proves("everywhere", "--prompts-enabled")
def test_logout(world: World, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(world, "logout", "a")
    assert (ran.code, ran.fatal) == (1, "Nothing to logout from")
    logged_in(world, server="a")
    ran = run(world, "logout", "b")
    assert (ran.code, ran.fatal) == (1, "Context b does not exist")
    types(monkeypatch, "n\n")
    assert run(world, "logout", "a", "--prompts-enabled").out.startswith(
        "Are you sure you want to log out from 'a'?"
    )
    assert read(path)["users"] == [{"auth-token": ADMIN, "name": "a"}]
    assert run(world, "logout", "a") == Ran(0, "Logged out from 'a'\n", "")
    assert world.logged_out == [ADMIN]
    assert read(path)["users"] == [{"name": "a"}]


@proves("context", "--delete")
def test_contexts(world: World, path: Path) -> None:
    for line in (["context"], ["context", "a"], ["context", "--delete", "a"], ["configure"]):
        assert run(world, *line) == Ran(1, "No local configuration found\n", "")
    logged_in(world, server="a")
    logged_in(world, server="b")
    assert run(world, "context", "b") == Ran(0, "Already at context 'b'\n", "")
    assert run(world, "context", "a") == Ran(0, "Switched to context 'a'\n", "")
    assert run(world, "context", "-") == Ran(0, "Switched to context 'b'\n", "")
    ran = run(world, "context", "c")
    assert (ran.code, ran.fatal) == (1, "Context 'c' undefined")
    assert run(world, "context", "--delete", "b") == Ran(0, "Context 'b' deleted\n", "")
    assert read(path)["current-context"] == ""
    assert [one["server"] for one in read(path)["servers"]] == ["a"]
    assert run(world, "context", "--delete", "a") == Ran(0, "Context 'a' deleted\n", "")
    assert not path.exists()


def test_configure(world: World, path: Path) -> None:
    logged_in(world)
    said = "Successfully updated the following configuration settings:\nprompts-enabled: {}\n"
    assert run(world, "configure", "--prompts-enabled").out == said.format("true")
    assert read(path)["prompts-enabled"] is True
    assert run(world, "configure").out == said.format("false")
    assert read(path)["prompts-enabled"] is False


SETTINGS = "cluster.SettingsService/Get"


@proves("login", "--sso", "--sso-port", "--callback", "--sso-launch-browser")
def test_login_at_a_provider(world: World, path: Path) -> None:
    made = token(iss="https://id.example.com", sub="x", email="jo@example.com")
    world.signed = (made, "again")
    world.remote.answers[SETTINGS] = {"oidcConfig": {"issuer": "https://id.example.com"}}
    flags = ("--sso", "--sso-port", "9000", "--callback", "me:1", "--sso-launch-browser=false")
    ran = run(world, "login", "a", *flags)
    assert "'jo@example.com' logged in successfully\n" in ran.out
    assert read(path)["users"] == [{"name": "a", "auth-token": made, "refresh-token": "again"}]
    asked = world.signing[0]
    assert (asked.port, asked.callback, asked.browser) == (9000, "me:1", False)
    assert asked.settings["oidcConfig"]["issuer"] == "https://id.example.com"
    ran = run(world, "relogin")
    assert ran.out == "Reinitiating SSO login\nContext 'a' updated\n"
    asked = world.signing[1]
    assert (asked.port, asked.callback, asked.browser) == (8085, "", True)


def test_a_token_that_ended_is_renewed(world: World, path: Path) -> None:
    world.signed = (token(iss="id", sub="x", exp=1), "again")
    world.remote.answers |= {SETTINGS: {}, "session.SessionService/GetUserInfo": {}}
    run(world, "login", "a", "--sso")
    fresh = token(iss="id", sub="x", exp=99999999999)
    world.signed = (fresh, "once more")
    for _ in range(2):
        assert run(world, "account", "get-user-info").code == 0
        assert world.servers[-1].connection.token == fresh
    assert world.renewed == ["again"]
    assert read(path)["users"][0]["refresh-token"] == "once more"
    # A token that was handed over is nobody's to renew.
    run(world, "account", "get-user-info", "--auth-token", token(exp=1))
    assert world.renewed == ["again"]
