"""What the tree says of a Pod: the status that `kubectl get pods` shows, and its containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.model.resource import Manifest


@dataclass(frozen=True, slots=True)
class PodSummary:
    reason: str
    node: str
    ready: int
    total: int
    restarts: int

    def info(self) -> tuple[tuple[str, str], ...]:
        """The tree node's info entries, in the contract's order."""
        entries = [("Status Reason", self.reason)] if self.reason else []
        entries.append(("Node", self.node))
        entries.append(("Containers", f"{self.ready}/{self.total}"))
        if self.restarts > 0:
            entries.append(("Restart Count", str(self.restarts)))
        return tuple(entries)


def summarise(pod: Manifest) -> PodSummary:
    """By the rules of kubectl's STATUS, READY and RESTARTS columns."""
    spec = pod.get("spec") or {}
    status = pod.get("status") or {}
    sidecars = _sidecars(spec)
    first = _Progress(reason=_pod_reason(status))
    progress = _init_containers(first, spec, status, sidecars)
    if not progress.initialising or _condition(status, "Initialized") == "True":
        progress = _containers(progress, status)
    return PodSummary(
        reason=_deletion_reason(pod, status, progress.reason),
        node=str(spec.get("nodeName") or ""),
        ready=progress.ready,
        total=len(spec.get("containers") or ()) + len(sidecars),
        restarts=progress.restarts,
    )


@dataclass(frozen=True, slots=True)
class _Progress:
    reason: str
    ready: int = 0
    restarts: int = 0
    sidecar_restarts: int = 0
    initialising: bool = False


def _sidecars(spec: Mapping[str, Any]) -> frozenset[str]:
    """Init containers that go on running beside the containers."""
    return frozenset(
        str(container.get("name"))
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    )


def _pod_reason(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if (condition.get("type"), condition.get("reason")) == ("PodScheduled", "SchedulingGated"):
            return "SchedulingGated"
    return str(status.get("reason") or status.get("phase") or "")


def _init_containers(
    first: _Progress,
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
    sidecars: frozenset[str],
) -> _Progress:
    """Counts up to the first init container that is not done, which gives the reason."""
    ready = restarts = sidecar_restarts = 0
    reason, initialising = first.reason, False
    total = len(spec.get("initContainers") or ())
    for position, container in enumerate(status.get("initContainerStatuses") or ()):
        again = int(container.get("restartCount") or 0)
        restarts += again
        sidecar = container.get("name") in sidecars
        sidecar_restarts += again if sidecar else 0
        state = container.get("state") or {}
        terminated = state.get("terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and container.get("started"):
            ready += 1 if container.get("ready") else 0
            continue
        initialising = True
        waiting = str((state.get("waiting") or {}).get("reason") or "")
        if terminated is not None:
            reason = f"Init:{_termination(terminated)}"
        elif waiting and waiting != "PodInitializing":
            reason = f"Init:{waiting}"
        else:
            reason = f"Init:{position}/{total}"
        break
    return _Progress(reason, ready, restarts, sidecar_restarts, initialising)


def _containers(before: _Progress, status: Mapping[str, Any]) -> _Progress:
    """The first container with something to say wins, so they are read from the last."""
    reason, ready, restarts = before.reason, before.ready, before.sidecar_restarts
    running = False
    statuses: Sequence[Mapping[str, Any]] = status.get("containerStatuses") or ()
    for container in reversed(statuses):
        restarts += int(container.get("restartCount") or 0)
        state = container.get("state") or {}
        waiting = str((state.get("waiting") or {}).get("reason") or "")
        if waiting:
            reason = waiting
        elif state.get("terminated") is not None:
            reason = _termination(state["terminated"])
        elif container.get("ready") and state.get("running") is not None:
            running = True
            ready += 1
    if reason == "Completed" and running:
        reason = "Running" if _condition(status, "Ready") == "True" else "NotReady"
    return _Progress(reason, ready, restarts)


def _termination(terminated: Mapping[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def _condition(status: Mapping[str, Any], kind: str) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind:
            return str(condition.get("status") or "")
    return ""


def _deletion_reason(pod: Manifest, status: Mapping[str, Any], reason: str) -> str:
    if not pod["metadata"].get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating"
