"""What services count. Whoever counts must never fail or wait for it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from tiphys.model.metrics import AppLabels, ApplyCommand
from tiphys.model.traffic import KubeRequest


class Metrics(Protocol):
    """Times are seconds."""

    def reconciled(self, namespace: str, server: str, seconds: float) -> None:
        """A pass over an application of this namespace ended."""
        ...

    def synced(self, app: AppLabels, phase: str, *, dry_run: bool, seconds: float) -> None:
        """An operation ended in this phase."""
        ...

    def requested(self, request: KubeRequest, app: AppLabels | None) -> None:
        """A request was answered; `app` is the application in whose sync it was made."""
        ...

    def heard(self, server: str, group: str, kind: str) -> None:
        """A cluster told of an object."""
        ...

    def handled(self, server: str, count: int, seconds: float) -> None:
        """A batch of a cluster's events was handed on."""
        ...

    def applying(self, command: ApplyCommand) -> AbstractContextManager[None]:
        """Around one write: it is pending for as long, and counted afterwards."""
        ...


class NoMetrics:
    """Counts nothing: for commands, and for tests that look at something else."""

    def reconciled(self, namespace: str, server: str, seconds: float) -> None:
        del namespace, server, seconds

    def synced(self, app: AppLabels, phase: str, *, dry_run: bool, seconds: float) -> None:
        del app, phase, dry_run, seconds

    def requested(self, request: KubeRequest, app: AppLabels | None) -> None:
        del request, app

    def heard(self, server: str, group: str, kind: str) -> None:
        del server, group, kind

    def handled(self, server: str, count: int, seconds: float) -> None:
        del server, count, seconds

    def applying(self, command: ApplyCommand) -> AbstractContextManager[None]:
        del command
        return nullcontext()
