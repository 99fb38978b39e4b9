"""The program holds kubectl, which tests compare Tiphys with."""

from __future__ import annotations

import os
import subprocess

from tiphys.adapters.devcluster import DevCluster, find_program


def test_kubectl_reads_the_cluster(devcluster: DevCluster) -> None:
    environment = {**os.environ, "KUBECONFIG": str(devcluster.kubeconfig)}
    run = subprocess.run(
        [find_program(os.environ), "kubectl", "get", "namespace", "default", "-o", "name"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "namespace/default\n"
