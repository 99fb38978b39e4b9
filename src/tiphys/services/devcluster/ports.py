"""What the command line asks of a development control plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from tiphys.model.devcluster import DevClusterPhase, DevClusterStatus


class ControlPlane(Protocol):
    """One instance, by its name. Every method raises DevClusterError."""

    def up(self, progress: Callable[[DevClusterPhase], None] | None = None) -> DevClusterStatus:
        """Starts it, or waits for it when it is starting already; returns when it is ready."""
        ...

    def down(self) -> bool:
        """Stops it and keeps its data. False when it was not running."""
        ...

    def status(self) -> DevClusterStatus: ...

    def reset(self) -> bool:
        """Stops it and removes its data. False when there was nothing."""
        ...


@runtime_checkable
class ControlPlanes(Protocol):
    """What the command line's context object offers."""

    def control_plane(self, name: str) -> ControlPlane: ...
