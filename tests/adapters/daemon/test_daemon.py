import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tiphys.adapters.daemon import Daemon, DaemonError

SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)",
]


def started(folder: Path, command: list[str]) -> Daemon:
    daemon = Daemon("sleeper", folder)
    daemon.start(command)
    end = time.monotonic() + 10
    while "up" not in daemon.tail():
        assert time.monotonic() < end
        time.sleep(0.02)
    return daemon


def test_it_runs_until_it_is_stopped(tmp_path: Path) -> None:
    daemon = started(tmp_path, SLEEPS)
    assert Daemon("sleeper", tmp_path).running()
    with pytest.raises(DaemonError, match="running already"):
        daemon.start(SLEEPS)
    assert daemon.stop()
    assert not daemon.running()
    assert not daemon.stop()


def test_one_that_does_not_listen_is_ended(tmp_path: Path) -> None:
    daemon = started(tmp_path, STUBBORN)
    assert daemon.stop(seconds=0.2)
    assert not daemon.running()


def test_one_that_was_killed_is_not_running(tmp_path: Path) -> None:
    daemon = started(tmp_path, SLEEPS)
    os.kill(json.loads((tmp_path / "sleeper.json").read_text())["pid"], signal.SIGKILL)
    end = time.monotonic() + 5
    while daemon.running():
        assert time.monotonic() < end
    daemon.start(SLEEPS)
    assert daemon.stop()


def test_a_process_of_the_same_pid_is_not_taken_for_ours(tmp_path: Path) -> None:
    record = {"pid": os.getpid(), "started": "Thu Jan 1 00:00:00 1970"}
    (tmp_path / "sleeper.json").write_text(json.dumps(record))
    daemon = Daemon("sleeper", tmp_path)
    assert not daemon.running()
    assert not daemon.stop()


def test_a_damaged_record_is_no_process(tmp_path: Path) -> None:
    (tmp_path / "sleeper.json").write_text("{")
    assert not Daemon("sleeper", tmp_path).running()
