"""A control plane and a Git server of the bench's own; Tiphys starts anew for every run."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.workload import TARGET
from tests.e2e.kube import ApiError
from tests.e2e.stack import NAMESPACE, Stack
from tiphys.adapters.devcluster import DevCluster


@contextmanager
def lab(*, interval: str = "120s") -> Iterator[Stack]:
    """`interval` between two listings of the repository; the usual one is a user's."""
    folder = Path(tempfile.mkdtemp(prefix="tiphys-bench-"))
    cluster = DevCluster("bench", root=folder / "devcluster")
    cluster.up()
    stack = Stack(cluster, folder)
    try:
        stack.install()
        polled = {"timeout.reconciliation": interval}
        if interval == "120s":
            polled["timeout.reconciliation.jitter"] = "60s"
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": polled})
        stack.start_git()
        with suppress(ApiError):
            stack.kube.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TARGET}}
            )
        yield stack
    finally:
        stack.kill_tiphys()
        stack.stop()
        cluster.reset()
        shutil.rmtree(folder, ignore_errors=True)


def wipe(stack: Stack, apps: list[str], kinds: tuple[str, ...]) -> None:
    """Everything that a run made: Applications first, so that nothing is restored."""
    stack.kill_tiphys()
    for app in apps:
        stack.kube.delete("Application", NAMESPACE, app)
    for kind in kinds:
        for item in stack.kube.list(kind, TARGET):
            name = item["metadata"]["name"]
            if name.startswith("bench-"):
                stack.kube.delete(kind, TARGET, name)
    deadline = time.monotonic() + 120
    while any(
        item["metadata"]["name"].startswith("bench-")
        for kind in kinds
        for item in stack.kube.list(kind, TARGET)
    ):
        if time.monotonic() > deadline:
            raise RuntimeError("objects of the last run do not go away")
        time.sleep(0.2)
