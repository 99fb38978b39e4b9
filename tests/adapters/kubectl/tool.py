"""kubectl as tests run it: many objects in one call."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tiphys.adapters.devcluster import find_program

_DIFFERS = re.compile(r"^diff -r .*/(\S+)$", re.MULTILINE)
_UNPATCHED = re.compile(
    r'^The request is invalid: patch: .*?\\"name\\":\\"([a-z]+-\d+)\\"', re.MULTILINE
)
_FAILED = re.compile(r'(?:The \S+|"?\S+) "?([a-z]+-\d+)"? is invalid', re.MULTILINE)


@dataclass(frozen=True)
class Kubectl:
    kubeconfig: Path
    folder: Path

    def apply(self, manifests: Sequence[Any], *options: str) -> dict[str, str]:
        """What is said of each object that cannot be applied, by its name."""
        failed: dict[str, str] = {}
        run = self._run("apply", manifests, *options)
        for name in [*_FAILED.findall(run.stderr), *_UNPATCHED.findall(run.stderr)]:
            failed[name] = run.stderr
        assert run.returncode == 0 or failed, run.stderr
        return failed

    def differing(self, manifests: Sequence[Any]) -> set[str]:
        """The names of the objects that `kubectl diff` shows."""
        run = self._run("diff", manifests)
        assert run.returncode in (0, 1), run.stderr
        return {name.rpartition(".")[2] for name in _DIFFERS.findall(run.stdout)}

    def _run(
        self, verb: str, manifests: Sequence[Any], *options: str
    ) -> subprocess.CompletedProcess[str]:
        document = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        file = self.folder / "objects.json"
        file.write_bytes(orjson.dumps(document))
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            # Some registries count a patch that changes nothing.
            "KUBECTL_EXTERNAL_DIFF": "diff -r -N -Igeneration",
        }
        return subprocess.run(
            [find_program(os.environ), "kubectl", verb, "-f", file, *options],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
