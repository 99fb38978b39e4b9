"""`tiphys devcluster` says what it did, and its exit code says it to scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from click.testing import CliRunner, Result

from tiphys.cli.devcluster import devcluster
from tiphys.model.devcluster import DevClusterPhase, DevClusterProcess, DevClusterStatus
from tiphys.model.errors import DevClusterError

READY = DevClusterStatus(
    name="trial",
    phase=DevClusterPhase.READY,
    server="https://127.0.0.1:20001",
    kubeconfig="/state/trial/kubeconfig",
    folder="/state/trial",
    supervisor=7,
    processes=(DevClusterProcess("etcd", 8, 0), DevClusterProcess("kwok", 9, 2)),
)


@dataclass
class Fake:
    """A control plane that is one value."""

    state: DevClusterStatus
    error: str = ""

    def control_plane(self, name: str) -> Fake:
        self.state = replace(self.state, name=name)
        return self

    def up(self, progress: Callable[[DevClusterPhase], None] | None = None) -> DevClusterStatus:
        if self.error:
            raise DevClusterError(self.error)
        if progress is not None:
            progress(DevClusterPhase.STARTING)
            progress(DevClusterPhase.READY)
        self.state = READY
        return READY

    def down(self) -> bool:
        was, self.state = self.state.running, replace(self.state, phase=DevClusterPhase.STOPPED)
        return was

    def status(self) -> DevClusterStatus:
        return self.state

    def reset(self) -> bool:
        was = self.state.phase is not DevClusterPhase.ABSENT
        self.state = DevClusterStatus(self.state.name, DevClusterPhase.ABSENT)
        return was


def run(fake: Fake, *words: str) -> Result:
    return CliRunner().invoke(devcluster, [*words, "--name", "trial"], obj=fake)


def absent() -> Fake:
    return Fake(DevClusterStatus("trial", DevClusterPhase.ABSENT))


def test_up_says_how_to_go_on() -> None:
    result = run(absent(), "up")
    assert result.exit_code == 0
    assert result.stdout == (
        "The control plane 'trial' is ready at https://127.0.0.1:20001\n"
        "  use it:     export KUBECONFIG=/state/trial/kubeconfig\n"
        "  stop it:    tiphys devcluster down --name trial\n"
        "  remove it:  tiphys devcluster reset --name trial\n"
    )
    assert result.stderr == " 0.0 s  starting\n"


def test_an_error_is_one_line_and_exit_code_1() -> None:
    result = run(Fake(READY, error="no: see /state/trial/logs"), "up")
    assert (result.exit_code, result.stderr) == (1, "Error: no: see /state/trial/logs\n")
    assert result.stdout == ""


def test_down_and_reset_say_whether_there_was_anything() -> None:
    fake = Fake(READY)
    said = [run(fake, word) for word in ("down", "down", "reset", "reset")]
    assert [result.stdout for result in said] == [
        "The control plane 'trial' is stopped, its data is kept\n",
        "The control plane 'trial' was not running\n",
        "The control plane 'trial' is removed\n",
        "There was no control plane 'trial'\n",
    ]
    assert [result.exit_code for result in said] == [0, 0, 0, 0]


def test_status_of_a_ready_one() -> None:
    result = run(Fake(READY), "status")
    assert result.exit_code == 0
    assert result.stdout == (
        "Name:       trial\n"
        "Phase:      ready\n"
        "Server:     https://127.0.0.1:20001\n"
        "Kubeconfig: /state/trial/kubeconfig\n"
        "Folder:     /state/trial\n"
        "etcd:       pid 8\n"
        "kwok:       pid 9, restarted 2 times\n"
    )


def test_status_in_json() -> None:
    result = run(Fake(READY), "status", "-o", "json")
    said = json.loads(result.stdout)
    assert (said["name"], said["phase"], said["server"]) == ("trial", "ready", READY.server)
    assert said["processes"][1] == {"name": "kwok", "pid": 9, "restarts": 2}


def test_status_of_what_is_not_ready_is_exit_code_3() -> None:
    result = run(absent(), "status")
    assert (result.exit_code, result.stdout) == (3, "Name:  trial\nPhase: absent\n")
    failed = replace(READY, phase=DevClusterPhase.FAILED, error="the disk is full", processes=())
    result = run(Fake(failed), "status")
    assert result.exit_code == 3
    assert "Error:      the disk is full\n" in result.stdout


def test_a_program_without_control_planes_says_so() -> None:
    result = CliRunner().invoke(devcluster, ["status"])
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: this program cannot run control planes\n",
    )
