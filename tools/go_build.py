"""Builds one of the project's Go programs and links it into .venv/bin.

    python tools/go_build.py engine | devcluster | <a folder of tests/programs>

What was built is kept in a cache, keyed by everything that it is made of, so that a second call
only hashes the sources. A build that fails or is interrupted leaves nothing behind.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from go_toolchain import Toolchain, ToolchainError, find_toolchain

ROOT = Path(__file__).resolve().parent.parent
TEST_PROGRAMS = ROOT / "tests" / "programs"
"""Programs of others that tests compare with, or speak to; each a folder with its go.mod."""
UNDEFENDED = "undefended-engine"
"""The engine without its defences, for the tests that show that attacks on it would be noticed."""
PROGRAMS = (
    "engine",
    UNDEFENDED,
    "devcluster",
    *sorted(one.parent.name for one in TEST_PROGRAMS.glob("*/go.mod")),
)
KEPT_BUILDS = 4
"""Older builds of a program that stay in the cache, for switching between branches."""
PROGRESS_INTERVAL = 3.0
"""Seconds between two lines of progress."""


class BuildError(Exception):
    """The program could not be built: the end of the compiler's output."""


@dataclass(frozen=True)
class Plan:
    """What is built from where, and the key of everything that decides the result."""

    name: str
    sources: Path
    flags: tuple[str, ...]
    toolchain: Toolchain

    @property
    def program(self) -> str:
        return f"tiphys-{self.name}"

    def module(self) -> str:
        """The import path of the program itself: when it is compiled, only linking is left."""
        match = re.search(r"^module (\S+)", (self.sources / "go.mod").read_text(), re.MULTILINE)
        return match[1] if match else ""

    def key(self) -> str:
        digest = hashlib.sha256()
        for part in (self.toolchain.version, sys.platform, os.uname().machine, *self.flags):
            digest.update(part.encode() + b"\0")
        for file in source_files(self.sources):
            digest.update(str(file.relative_to(self.sources)).encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()[:20]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=PROGRAMS)
    name: str = parser.parse_args().name
    cache = cache_folder()
    try:
        toolchain = find_toolchain(cache)
        folder, tags = ("engine", ("-tags=undefended",)) if name == UNDEFENDED else (name, ())
        sources = ROOT / folder if (ROOT / folder).is_dir() else TEST_PROGRAMS / folder
        plan = Plan(name, sources, (*build_flags(sources), *tags), toolchain)
        link(built(plan, cache / "build"), ROOT / ".venv" / "bin" / plan.program)
    except (BuildError, ToolchainError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted, nothing was changed", file=sys.stderr)
        return 130
    return 0


def cache_folder() -> Path:
    if own := os.environ.get("TIPHYS_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tiphys"


def source_files(folder: Path) -> list[Path]:
    """Everything that can get into the program: sources, modules' locks and embedded files."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not file.name.endswith("_test.go")
        and "testdata" not in file.relative_to(folder).parts
    )


def build_flags(sources: Path) -> tuple[str, ...]:
    return (
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        f"-ldflags={' '.join(['-s', '-w', *version_stamps(sources)])}",
    )


def version_stamps(sources: Path) -> list[str]:
    """Kubernetes reports the version that is stamped at link time: the one of its module."""
    match = re.search(
        r"^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\S*)", (sources / "go.mod").read_text(), re.MULTILINE
    )
    if match is None:
        return []
    values = {
        "gitVersion": match[1],
        "gitMajor": match[2],
        "gitMinor": match[3],
        "gitTreeState": "clean",
    }
    return [
        f"-X {package}.{variable}={value}"
        # What /version answers, and what clients call themselves.
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for variable, value in values.items()
    ]


def built(plan: Plan, cache: Path) -> Path:
    """The program's file in the cache, built when it is not there yet."""
    home = cache / f"{plan.name}-{plan.key()}"
    program = home / plan.program
    if program.exists():
        os.utime(home)
        return program
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / f"{plan.name}.lock"):
        if program.exists():  # built by another call while this one waited
            return program
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{plan.name}-") as scratch:
            result = Path(scratch) / "result"
            result.mkdir()
            compile_program(plan, result / plan.program)
            result.rename(home)
        prune(cache, plan.name)
    return program


def compile_program(plan: Plan, output: Path) -> None:
    command = [str(plan.toolchain.go), "build", "-v", "-p", str(cores()), *plan.flags]
    command += ["-o", str(output), "."]
    print(f"{plan.name}: building with {plan.toolchain.version}", file=sys.stderr)
    process = subprocess.Popen(
        command, cwd=plan.sources, env=build_environment(), stderr=subprocess.PIPE, text=True
    )
    progress = Progress(plan.name, plan.module())
    try:
        with progress.shown():
            for line in process.stderr or ():
                progress.note(line.rstrip())
            code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if code != 0:
        raise BuildError("the build failed:\n" + "\n".join(progress.complaints()))
    seconds = time.monotonic() - progress.start
    print(f"{plan.name}: built in {seconds:.0f} s", file=sys.stderr)


def build_environment() -> dict[str, str]:
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        # The flags are all on the command line; what the user has set for other work stays out.
        "GOFLAGS": "-mod=readonly",
    }


class Progress:
    """Says every few seconds what a long build is at."""

    def __init__(self, name: str, module: str) -> None:
        self.name = name
        self.module = module
        self.start = time.monotonic()
        self._downloads = 0
        self._packages = 0
        self._latest = ""
        self._lines: list[str] = []
        self._over = threading.Event()

    def note(self, line: str) -> None:
        """Takes one line of the compiler's standard error."""
        if line.startswith("go: downloading "):
            self._downloads += 1
            self._latest = line.split()[2]
        elif re.fullmatch(r"[\w.~-]+(/[\w.~-]+)*", line):
            self._packages += 1
            self._latest = line
        elif line:
            self._lines.append(line)

    def complaints(self) -> list[str]:
        return self._lines[-30:]

    def describe(self) -> str:
        if self._latest == self.module:
            what = "linking"
        elif self._packages:
            what = f"compiling, {self._packages} packages done"
        elif self._downloads:
            what = f"downloading, {self._downloads} modules so far"
        else:
            what = "reading modules"
        detail = f" ({self._latest})" if self._latest and what != "linking" else ""
        return f"{self.name}: {time.monotonic() - self.start:3.0f} s, {what}{detail}"

    @contextmanager
    def shown(self) -> Iterator[None]:
        thread = threading.Thread(target=self._show, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _show(self) -> None:
        while not self._over.wait(PROGRESS_INTERVAL):
            print(self.describe(), file=sys.stderr)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Holds a lock, so that two calls do not compile the same at once."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def prune(cache: Path, name: str) -> None:
    builds = [home for home in cache.glob(f"{name}-*") if home.is_dir()]
    builds.sort(key=lambda home: home.stat().st_mtime, reverse=True)
    for home in builds[KEPT_BUILDS:]:
        shutil.rmtree(home, ignore_errors=True)


def link(program: Path, place: Path) -> None:
    """Points a link at the program in one step."""
    if not place.parent.is_dir():
        raise BuildError(f"{place.parent} is missing: run `make build`")
    if place.is_symlink() and place.readlink() == program:
        return
    temporary = place.with_name(f".{place.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(program)
    temporary.replace(place)


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
