"""Instances start, stop, are killed and are reset, and never touch one another.

The tests of `second` are in an order that starts it as rarely as possible; the last resets it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.devcluster.api import Api, eventually
from tests.devcluster.manifests import pod
from tiphys.adapters.devcluster import DevCluster
from tiphys.model.devcluster import DevClusterPhase, DevClusterStatus
from tiphys.model.errors import DevClusterError

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """An instance beside the session's, with an object in it; running at the start of a test."""
    cluster = DevCluster("second", root=tmp_path_factory.mktemp("second"))
    cluster.up()
    Api(cluster).create(MAPS, {"metadata": {"name": "kept"}, "data": {"key": "value"}})
    yield cluster
    cluster.reset()


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return found.stdout.strip()[:1] not in (b"", b"Z")


def all_pids(status: DevClusterStatus) -> list[int]:
    return [status.supervisor, *(process.pid for process in status.processes)]


def test_two_run_side_by_side(devcluster: DevCluster, api: Api, second: DevCluster) -> None:
    assert devcluster.server != second.server
    assert api.absent(f"{MAPS}/kept")
    stranger = Api(devcluster)
    stranger.server = second.server
    with pytest.raises(OSError, match="certificate verify failed"):
        stranger.get("/version")


def test_credentials_are_the_owners_only(second: DevCluster) -> None:
    assert stat.S_IMODE(second.folder.stat().st_mode) == 0o700
    for file in (second.kubeconfig, second.admin_key, second.folder / "pki" / "ca.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    config = yaml.safe_load(second.kubeconfig.read_text())
    assert config["current-context"] == second.context == "tiphys-second"
    assert [one["cluster"]["server"] for one in config["clusters"]] == [second.server]
    assert config["contexts"][0]["context"]["namespace"] == "argocd"


def test_everything_listens_on_loopback_only(second: DevCluster) -> None:
    listening = subprocess.run(
        [sys.executable, "-c", _LISTENERS, *map(str, all_pids(second.status()))],
        capture_output=True,
        text=True,
        check=True,
    )
    addresses = set(listening.stdout.split())
    assert addresses == {"0100007F"}


_LISTENERS = """
import os, sys
inodes = set()
for pid in sys.argv[1:]:
    for fd in os.scandir(f"/proc/{pid}/fd"):
        link = os.readlink(fd.path)
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in open(table).readlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            print(fields[1].rpartition(":")[0])
"""


def test_up_again_changes_nothing(second: DevCluster) -> None:
    before = second.status()
    assert DevCluster("second", root=second.folder.parent).up() == before


def test_down_keeps_data_and_address(second: DevCluster) -> None:
    before = second.status()
    assert second.down()
    assert not any(map(alive, all_pids(before)))
    assert second.status().phase is DevClusterPhase.STOPPED
    assert not second.down()
    after = second.up()
    assert after.server == before.server
    assert Api(second).get(f"{MAPS}/kept")["data"] == {"key": "value"}


def test_a_component_that_dies_is_started_again(second: DevCluster) -> None:
    before = {process.name: process for process in second.status().processes}
    os.kill(before["kwok"].pid, signal.SIGKILL)

    def kwok_again() -> bool:
        now = {process.name: process for process in second.status().processes}["kwok"]
        return now.pid not in (0, before["kwok"].pid) and now.restarts == 1

    eventually(kwok_again)
    api = Api(second)
    api.create(PODS, pod("after", restart="Never"))
    eventually(lambda: api.get(f"{PODS}/after")["status"]["phase"] == "Succeeded")


def test_nothing_outlives_its_supervisor(second: DevCluster) -> None:
    before = second.status()
    os.kill(before.supervisor, signal.SIGKILL)
    eventually(lambda: not any(map(alive, all_pids(before))))
    found = second.status()
    assert (found.phase, found.supervisor) == (DevClusterPhase.KILLED, 0)
    second.up()


def test_data_survives_killing_everything(second: DevCluster) -> None:
    Api(second).create(MAPS, {"metadata": {"name": "last"}, "data": {"key": "just written"}})
    pids = all_pids(second.status())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(alive, pids)))
    second.up()
    assert Api(second).get(f"{MAPS}/last")["data"] == {"key": "just written"}


def test_reset_removes_everything(second: DevCluster) -> None:
    before = second.status()
    assert second.reset()
    assert not any(map(alive, all_pids(before)))
    assert list(second.folder.parent.iterdir()) == []
    assert second.status() == DevClusterStatus("second", DevClusterPhase.ABSENT)
    assert not second.reset()
    with pytest.raises(DevClusterError, match="has not been started"):
        _ = second.server


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    cluster = DevCluster("blocked", root=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = {"apiserver": port, "etcdClient": port, "etcdPeer": port, "kubelet": port}
        cluster.folder.mkdir()
        (cluster.folder / "instance.json").write_text(json.dumps({"ports": ports}))
        with pytest.raises(DevClusterError, match=f"port {port} of this instance is in use"):
            cluster.up()
    assert cluster.status().phase is DevClusterPhase.FAILED


def test_a_process_that_is_not_ours_is_never_signalled(tmp_path: Path) -> None:
    cluster = DevCluster("stale", root=tmp_path)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        cluster.folder.mkdir()
        (cluster.folder / "supervisor.lock").write_text(str(stranger.pid))
        (cluster.folder / "instance.json").write_text('{"ports": {"apiserver": 1}}')
        assert cluster.status().phase is DevClusterPhase.KILLED
        assert not cluster.down()
        assert stranger.poll() is None
        stranger.kill()


def test_a_tethered_one_ends_with_who_started_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _TETHERED, str(tmp_path)], stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        cluster = DevCluster("tethered", root=tmp_path)
        before = cluster.status()
        assert all(map(alive, all_pids(before)))
        starter.kill()
    eventually(lambda: cluster.status().phase is DevClusterPhase.STOPPED)
    assert not any(map(alive, [process.pid for process in before.processes]))


_TETHERED = """
import sys, time
from pathlib import Path
from tiphys.adapters.devcluster import DevCluster
cluster = DevCluster("tethered", root=Path(sys.argv[1]), tethered=True)
cluster.up()
print("up", flush=True)
time.sleep(60)
"""


def test_a_program_that_is_not_built_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIPHYS_DEVCLUSTER", str(tmp_path / "absent"))
    with pytest.raises(DevClusterError, match=r"absent.* build it with `make build`"):
        DevCluster("none", root=tmp_path / "state").up()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["", "Upper", "../up", "a/b", "-a", "a" * 41])
def test_names_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(DevClusterError, match="cannot name an instance"):
        DevCluster(name, root=tmp_path)
