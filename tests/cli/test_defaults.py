"""ARGOCD_OPTS, and commands that other programs add."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.world import Ran, World, app


@pytest.fixture
def seeded(world: World) -> World:
    return world.seed(app("a"))


def listed(world: World, *flags: str) -> Ran:
    return world.run("app", "list", "-o", "name", *flags, core=False)


@pytest.mark.parametrize("text", ["--core", "--core true", "--core=true", "--frobnicate x --core"])
def test_flags_of_the_environment(
    seeded: World, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    assert listed(seeded).fatal == "Argo CD server address unspecified"
    monkeypatch.setenv("ARGOCD_OPTS", text)
    assert listed(seeded) == Ran(0, "argocd/a\n", "")


@pytest.mark.parametrize("text", ["", "--core=1", "--core yes", "--kube-context x"])
def test_what_says_nothing(seeded: World, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Booleans count only as `true`, and only the contract's flags count."""
    monkeypatch.setenv("ARGOCD_OPTS", text)
    assert listed(seeded).fatal == "Argo CD server address unspecified"


def test_the_line_beats_the_environment(seeded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOCD_OPTS", "--core --logformat text")
    assert "level=fatal" in seeded.run("app", "get", "nosuch", core=False).err
    line = ["app", "get", "nosuch", "--logformat", "json"]
    assert seeded.run(*line, core=False).fatal.endswith("permission denied")
    assert "address unspecified" in listed(seeded, "--core=false").err


@pytest.mark.parametrize(
    ("text", "message"),
    [("core", "ARGOCD_OPTS invalid at 'core'"), ("--core true x", "ARGOCD_OPTS invalid at 'x'"),
     ("--core '", "ARGOCD_OPTS cannot be read: a quote is not closed")],
)  # fmt: skip
def test_what_cannot_be_read(
    seeded: World, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setenv("ARGOCD_OPTS", text)
    ran = listed(seeded)
    assert (ran.code, ran.fatal) == (1, message)


def plugin(folder: Path, name: str, code: int) -> None:
    file = folder / name
    file.write_text(f'#!/bin/sh\necho "$0 $*" > {folder}/said\nexit {code}\n')
    file.chmod(0o700)


def test_commands_of_other_programs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin(tmp_path, "argocd-greet", 3)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for program in ("argocd", "tiphys"):
        assert world.run("greet", "you", "--loud", program=program, core=False).code == 3
        assert (tmp_path / "said").read_text() == f"{tmp_path}/argocd-greet you --loud\n"
    plugin(tmp_path, "tiphys-greet", 4)
    assert world.run("greet", program="tiphys", core=False).code == 4
    assert world.run("greet", program="argocd", core=False).code == 3
    # Only at the top, and never in place of a command.
    plugin(tmp_path, "argocd-app", 5)
    assert world.run("app", "greet", core=False).out.startswith("Error: unknown command")


def test_the_current_folder_is_not_looked_in(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin(tmp_path, "argocd-greet", 3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".:/usr/bin:/bin")
    ran = world.run("greet", core=False)
    assert (ran.code, ran.fatal) == (
        1, "argocd-greet is found in the current folder only, and is not run",
    )  # fmt: skip
    assert not (tmp_path / "said").exists()
