"""What is said of a development control plane: its phase and its processes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DevClusterPhase(StrEnum):
    """The life of an instance; the values from STARTING on are also its supervisor's words."""

    ABSENT = "absent"
    """There is no such instance: never started, or reset."""
    KILLED = "killed"
    """It ended without being told to; its data is kept."""
    STARTING = "starting"
    API_READY = "api-ready"
    """The API server answers; controllers and nodes are on their way."""
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DevClusterProcess:
    """One component. `pid` is 0 while it does not run; it is restarted whenever it ends."""

    name: str
    pid: int
    restarts: int


@dataclass(frozen=True, slots=True)
class DevClusterStatus:
    """One instance. `server` and `kubeconfig` are empty while it is absent."""

    name: str
    phase: DevClusterPhase
    server: str = ""
    kubeconfig: str = ""
    folder: str = ""
    supervisor: int = 0
    processes: tuple[DevClusterProcess, ...] = ()
    error: str = ""

    @property
    def running(self) -> bool:
        return self.phase in _RUNNING


_RUNNING = frozenset(
    {
        DevClusterPhase.STARTING,
        DevClusterPhase.API_READY,
        DevClusterPhase.READY,
        DevClusterPhase.STOPPING,
    }
)
