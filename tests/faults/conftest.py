"""A control plane of their own for the tests of faults: here Tiphys is killed and lied to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack
from tests.faults.proxy import FaultProxy
from tests.faults.rig import Rig
from tiphys.adapters.devcluster import DevCluster


@pytest.fixture(scope="package")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    cluster = DevCluster("faults", root=tmp_path_factory.mktemp("devcluster"), tethered=True)
    cluster.up()
    proxy = FaultProxy(cluster.server, cluster.ca_file)
    stack = Stack(cluster, tmp_path_factory.mktemp("faults"))
    stack.environment["ARGOCD_SYNC_WAVE_DELAY"] = "0"
    try:
        stack.install()
        stack.start_git()
        proxy.start()
        rig = Rig(stack, proxy)
        rig.write_kubeconfig()
        rig.start()
        yield rig
        stack.stop()
    finally:
        stack.kill_tiphys()
        proxy.stop()
        cluster.reset()


@pytest.fixture(autouse=True)
def _untouched(rig: Rig) -> Iterator[None]:
    """Each test begins with a running Tiphys and an honest proxy, and leaves no rule behind."""
    if rig.stack.tiphys is None or rig.stack.tiphys.poll() is not None:
        rig.start()
    yield
    rig.proxy.trap = None
    assert rig.proxy.rules == []
