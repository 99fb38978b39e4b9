"""Where control planes are kept, and where their program is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tiphys.model.errors import DevClusterError

PROGRAM = "tiphys-devcluster"


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder of all instances: TIPHYS_DEVCLUSTER_DIR, or the user's state folder."""
    if own := environment.get("TIPHYS_DEVCLUSTER_DIR"):
        return Path(own)
    state = environment.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "tiphys" / "devcluster"


def find_program(environment: Mapping[str, str]) -> Path:
    """TIPHYS_DEVCLUSTER, or the program beside this Python, or on PATH."""
    if own := environment.get("TIPHYS_DEVCLUSTER"):
        return _runnable(Path(own), "which TIPHYS_DEVCLUSTER names")
    beside = Path(sys.executable).with_name(PROGRAM)
    on_path = shutil.which(PROGRAM, path=environment.get("PATH"))
    return _runnable(beside if beside.exists() or on_path is None else Path(on_path), "")


def _runnable(program: Path, why: str) -> Path:
    if shutil.which(program) is None:
        where = f"{program}, {why}," if why else str(program)
        raise DevClusterError(f"{where} is missing or cannot be run: build it with `make build`")
    return program
