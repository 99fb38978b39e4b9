"""Shows the differences between live and desired objects with the user's program for that."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tiphys.cli.app.session import write
from tiphys.cli.errors import FatalError
from tiphys.cli.output import to_yaml
from tiphys.model.resource import Manifest
from tiphys.services.applications.managed import Managed

_NOISE = ("managedFields",)


def changed(objects: Sequence[Managed]) -> list[Managed]:
    """Those that differ; hooks, and what asks to be left alone, never do."""
    return [one for one in objects if one.modified and not one.hook and not one.skipped]


def show(objects: Sequence[Managed]) -> None:
    """A section for each object that differs."""
    with tempfile.TemporaryDirectory(prefix="tiphys-diff-") as folder:
        for one in objects:
            key = one.key
            write(f"\n===== {key.group}/{key.kind} {key.namespace}/{key.name} ======\n")
            both = one.compared is not None and one.predicted is not None
            live, desired = (one.compared, one.predicted) if both else (one.live, one.target)
            name = key.name.replace("/", "_")
            _run(
                _written(Path(folder) / f"{name}-live.yaml", live),
                _written(Path(folder) / name, desired),
            )


def show_two(name: str, first: Manifest, second: Manifest) -> None:
    """The differences between two texts of YAML."""
    with tempfile.TemporaryDirectory(prefix="tiphys-diff-") as folder:
        file = name.replace("/", "_")
        _run(
            _written(Path(folder) / f"{file}-live.yaml", first),
            _written(Path(folder) / file, second),
        )


def _written(path: Path, manifest: Manifest | None) -> str:
    """An absent side is an empty file."""
    path.write_text("" if manifest is None else to_yaml(_plain(manifest)))
    return str(path)


def _plain(manifest: Manifest) -> Manifest:
    metadata = manifest.get("metadata") or {}
    if not any(name in metadata for name in _NOISE):
        return manifest
    kept = {name: value for name, value in metadata.items() if name not in _NOISE}
    return {**manifest, "metadata": kept}


def _run(live: str, desired: str) -> None:
    """Whatever its exit code is: that of `diff` says only that there are differences."""
    external = shlex.split(os.environ.get("KUBECTL_EXTERNAL_DIFF") or "")
    program = external or ["diff"]
    try:
        if external:
            # It may talk to the terminal itself.
            subprocess.run([*program, live, desired], check=False)
            return
        done = subprocess.run([*program, live, desired], check=False, stdout=subprocess.PIPE)
    except OSError as error:
        raise FatalError(f"cannot start {program[0]}: {error.strerror}") from None
    write(done.stdout.decode("utf-8", "replace"))
    sys.stdout.flush()
