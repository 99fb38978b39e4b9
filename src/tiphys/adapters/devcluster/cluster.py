"""One control plane: started and stopped through its supervisor, read from its folder.

The supervisor is the one process that this module starts and signals. It holds a lock on the
folder for as long as it lives, its process id is in the locked file, and every component ends
with it: a lock that is free means that nothing runs, whatever files say.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiphys.adapters.devcluster.places import find_program
from tiphys.model.devcluster import DevClusterPhase, DevClusterProcess, DevClusterStatus
from tiphys.model.errors import DevClusterError

START_SECONDS = 180.0
"""Until an instance is ready. It takes three on an idle machine; a busy one needs patience."""
STOP_SECONDS = 40.0
KILL_SECONDS = 10.0
POLL_SECONDS = 0.05

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


class DevCluster:
    """The instance `name` in the folder `root`/`name`. Properties hold once it has been up.

    A tethered instance stops with the process that started it, even when that is killed.
    """

    def __init__(
        self, name: str, *, root: Path, program: Path | None = None, tethered: bool = False
    ) -> None:
        if _NAME.fullmatch(name) is None:
            raise DevClusterError(
                f"{name!r} cannot name an instance: use up to 40 lower-case letters, digits and -"
            )
        self.name = name
        self.folder = root.absolute() / name
        self._program = program
        self._tethered = tethered
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def kubeconfig(self) -> Path:
        """The administrator's credentials, with the context `tiphys-NAME`."""
        return self.folder / "kubeconfig"

    @property
    def context(self) -> str:
        return f"tiphys-{self.name}"

    @property
    def server(self) -> str:
        """URL of the API server; it stays the same until a reset."""
        ports = _read(self.folder / "instance.json").get("ports")
        if ports is None:
            raise DevClusterError(f"instance {self.name!r} has not been started: it has no address")
        return f"https://127.0.0.1:{ports['apiserver']}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "pki" / "ca.crt"

    @property
    def admin_cert(self) -> Path:
        return self.folder / "pki" / "admin.crt"

    @property
    def admin_key(self) -> Path:
        return self.folder / "pki" / "admin.key"

    @property
    def audit_log(self) -> Path:
        """One JSON audit event a line, in the order in which requests were answered."""
        return self.folder / "audit.log"

    @property
    def logs(self) -> Path:
        """Folder with one log file a component."""
        return self.folder / "logs"

    def up(self, progress: Callable[[DevClusterPhase], None] | None = None) -> DevClusterStatus:
        """Starts the instance, unless it runs, and returns when it is ready."""
        if self._locked() and self.status().phase is DevClusterPhase.STOPPING:
            self._released(STOP_SECONDS)
        if not self._locked():
            self._start()
        end = time.monotonic() + START_SECONDS
        seen: DevClusterPhase | None = None
        while time.monotonic() < end:
            status = self._answer()
            if status.phase is not seen and progress is not None:
                progress(status.phase)
            seen = status.phase
            if seen is DevClusterPhase.READY:
                return status
            time.sleep(POLL_SECONDS)
        raise DevClusterError(
            f"instance {self.name!r} is not ready after {START_SECONDS:.0f} s; see {self.logs}"
        )

    def down(self) -> bool:
        """Stops the instance and keeps its data; returns when everything has ended."""
        if not self._locked():
            return False
        for sign, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            self._signal(sign)
            if self._released(seconds):
                self._reap()
                return True
        raise DevClusterError(f"instance {self.name!r} does not stop; see {self.logs}")

    def reset(self) -> bool:
        """Stops the instance and removes all that it kept."""
        self.down()
        if not self.folder.exists():
            return False
        # The components of a killed supervisor write for a moment longer than it lives.
        for _ in range(20):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return True
            time.sleep(POLL_SECONDS)
        raise DevClusterError(f"cannot remove {self.folder}: remove it by hand")

    def status(self) -> DevClusterStatus:
        if not (self.folder / "instance.json").exists():
            return DevClusterStatus(self.name, DevClusterPhase.ABSENT)
        return self._reported(running=self._locked())

    def _start(self) -> None:
        program = self._program or find_program(os.environ)
        self.logs.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.folder / "status.json").unlink(missing_ok=True)
        tether = ["--tethered"] if self._tethered else []
        with (self.logs / "supervisor.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [program, "run", f"--name={self.name}", f"--dir={self.folder}", *tether],
                stdin=subprocess.PIPE if self._tethered else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )

    def _answer(self) -> DevClusterStatus:
        """The status of an instance that is coming up; DevClusterError when it ended instead."""
        if self._supervisor is not None and self._supervisor.poll() is not None:
            self._supervisor = None  # ended, or found another one at work
        if self._supervisor is not None or self._locked():
            return self._reported(running=True)
        error = self._reported(running=False).error or "it ended while it started"
        raise DevClusterError(
            f"instance {self.name!r} did not start: {error}; its logs are in {self.logs}"
        )

    def _reported(self, *, running: bool) -> DevClusterStatus:
        said = _read(self.folder / "status.json")
        phase = DevClusterPhase(said.get("phase", DevClusterPhase.STARTING))
        error = said.get("error", "")
        if not running and phase not in {DevClusterPhase.STOPPED, DevClusterPhase.FAILED}:
            phase, error = DevClusterPhase.KILLED, "it ended without being told to"
        known = (self.folder / "instance.json").exists()
        return DevClusterStatus(
            name=self.name,
            phase=phase,
            server=self.server if known else "",
            kubeconfig=str(self.kubeconfig) if known else "",
            folder=str(self.folder),
            supervisor=said.get("supervisor", 0) if running else 0,
            processes=tuple(
                DevClusterProcess(name, component["pid"] if running else 0, component["restarts"])
                for name, component in said.get("components", {}).items()
            ),
            error=error,
        )

    def _locked(self) -> bool:
        """Whether a supervisor lives."""
        try:
            with (self.folder / "supervisor.lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _released(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self._locked():
            if time.monotonic() > end:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _signal(self, sign: signal.Signals) -> None:
        """Signals the process that holds the lock, whose id is in the locked file."""
        text = (self.folder / "supervisor.lock").read_text()
        if text.isdigit() and self._locked():
            os.kill(int(text), sign)

    def _reap(self) -> None:
        if self._supervisor is not None:
            self._supervisor.wait()
            if self._supervisor.stdin is not None:
                self._supervisor.stdin.close()
            self._supervisor = None


def _read(file: Path) -> dict[str, Any]:
    """A JSON object that is replaced whole; empty while it is not there."""
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    return content
