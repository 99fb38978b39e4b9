"""Two objects, shown by `diff` or by the program that the environment names."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tiphys.cli.errors import FatalError
from tiphys.cli.output import to_yaml
from tiphys.model.resource import Manifest

_NOISE = "managedFields"


def show_difference(name: str, old: Manifest | None, new: Manifest | None) -> None:
    """An absent side is an empty file."""
    with tempfile.TemporaryDirectory(prefix="tiphys-diff-") as folder:
        plain = name.replace("/", "_")
        _run(
            _written(Path(folder) / f"{plain}-live.yaml", old),
            _written(Path(folder) / plain, new),
        )


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
    sys.stdout.write(done.stdout.decode("utf-8", "replace"))
    sys.stdout.flush()


def _written(path: Path, manifest: Manifest | None) -> str:
    path.write_text("" if manifest is None else to_yaml(_plain(manifest)))
    return str(path)


def _plain(manifest: Manifest) -> Manifest:
    metadata = manifest.get("metadata") or {}
    if _NOISE not in metadata:
        return manifest
    kept = {name: value for name, value in metadata.items() if name != _NOISE}
    return {**manifest, "metadata": kept}
