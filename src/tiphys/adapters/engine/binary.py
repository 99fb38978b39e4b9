"""Where the engine's program is, and the bounds it runs in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from xxhash import xxh3_128

from tiphys.adapters.engine.errors import EngineNotBuiltError

NAME = "tiphys-engine"
VARIABLE = "TIPHYS_ENGINE"
LOG_VARIABLE = "TIPHYS_ENGINE_LOG"


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Bounds of one engine process, in bytes but for `files`.

    The defaults leave room for a chart of a few thousand objects; a process that passes one ends
    its own request only.
    """

    memory: int = 768 << 20
    input: int = 128 << 20
    files: int = 50_000
    output: int = 64 << 20
    # The contract's max-combined-directory-manifests-size.
    directory: int = 10_000_000

    def environment(self, request_log: Path | None) -> dict[str, str]:
        """All that the process finds in its environment: nothing of ours is a renderer's."""
        log = str(request_log) if request_log else os.environ.get(LOG_VARIABLE, "")
        return {
            LOG_VARIABLE: log,
            "GOTRACEBACK": "none",
            "TZ": "UTC",
            "TIPHYS_ENGINE_MEMORY": str(self.memory),
            "TIPHYS_ENGINE_INPUT": str(self.input),
            "TIPHYS_ENGINE_FILES": str(self.files),
            "TIPHYS_ENGINE_OUTPUT": str(self.output),
        }


def locate() -> Path:
    """The engine that TIPHYS_ENGINE names, or the one that lies beside the interpreter."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else Path(sys.executable).parent / NAME
    if not os.access(path, os.X_OK):
        raise EngineNotBuiltError(f"{path} is not there: run `make build`, or set {VARIABLE}")
    return path


def fingerprint() -> str:
    """Tells one engine's renders from another's: its program by content. Blocking, some 20 ms."""
    digest = xxh3_128()
    with locate().open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
