"""One background process: its record, whether it runs, and how it is ended.

A pid alone may mean another process after a while, so the record also holds when the process was
started; only a process of both is ours and may be signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.05


class DaemonError(Exception):
    """A process did not start or does not end; the text says which, and where its log is."""


@dataclass(frozen=True)
class Daemon:
    """`folder` holds the record `<name>.json` and the log `<name>.log`."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.name}.json"

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Starts the command in a session of its own; DaemonError when it is running already."""
        if self.running():
            raise DaemonError(f"{self.name} is running already")
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | dict(environment or {}),
                start_new_session=True,
            )
        record = {"pid": process.pid, "started": _started(process.pid)}
        self._record.write_text(json.dumps(record))

    def running(self) -> bool:
        return self._pid() is not None

    def stop(self, seconds: float = 20.0) -> bool:
        """Asks it to end, and ends it after the time is up. False when it was not running."""
        pid = self._pid()
        if pid is None:
            self._record.unlink(missing_ok=True)
            return False
        for sign, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.killpg(pid, sign)
            if self._ended(patience):
                self._record.unlink(missing_ok=True)
                return True
        raise DaemonError(f"{self.name} (pid {pid}) does not end; its log is {self.log}")

    def tail(self, lines: int = 10) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _ended(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._pid() is None:
                return True
            time.sleep(_POLL)
        return False

    def _pid(self) -> int | None:
        try:
            record = json.loads(self._record.read_text())
            pid, started = int(record["pid"]), str(record["started"])
        except (OSError, ValueError, KeyError):
            return None
        _reap(pid)
        return pid if started and _started(pid) == started else None


def _reap(pid: int) -> None:
    """A child of this very process stays a zombie until it is waited for."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _started(pid: int) -> str:
    """When a live process began, in the system's own words; empty when there is none."""
    return _from_proc(pid) if Path("/proc/self/stat").exists() else _from_ps(pid)


def _from_proc(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The second field is the program's name in parentheses and may hold anything.
    fields = text.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    return "" if state == "Z" else start_ticks


def _from_ps(pid: int) -> str:
    done = subprocess.run(
        ["ps", "-o", "lstart=,stat=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
    )
    words = done.stdout.split()
    if done.returncode != 0 or not words or words[-1].startswith("Z"):
        return ""
    return " ".join(words[:-1])
