"""Whether somebody else takes care of the same Applications, read from what they leave behind.

Another controller writes under the same field manager as this one, so that only the time of its
writes tells it apart: those that came after the last sign of life of ours were not ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tiphys.core.app.times import parse_rfc3339
from tiphys.model.names import MANAGER_APPLICATION_CONTROLLER
from tiphys.model.resource import Manifest

_FRESH = timedelta(minutes=5)
"""A controller that is at work writes each Application about as often."""
_MARGIN = timedelta(minutes=2)
"""By how much clocks, and a last heartbeat and a last write, may lie apart."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The Lease of a controller of ours. `holder` is empty where the last one ended in order."""

    holder: str
    renewed: datetime | None
    lasts: timedelta

    @classmethod
    def of(cls, lease: Manifest) -> Heartbeat:
        spec = lease.get("spec") or {}
        return cls(
            str(spec.get("holderIdentity") or ""),
            parse_rfc3339(spec.get("renewTime")),
            timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0)),
        )

    def is_alive(self, now: datetime) -> bool:
        return bool(self.holder) and self.renewed is not None and now - self.renewed < self.lasts


def foreign_writes(
    apps: Iterable[Mapping[str, Any]], namespace: str, ours: datetime | None, now: datetime
) -> list[str]:
    """What was written to Applications of late, and not by us: one text a finding.

    `apps` are manifests, `ours` is when a controller of ours last was alive, None for never.
    """
    strange: list[tuple[datetime, str]] = []
    elsewhere: dict[str, list[str]] = {}
    for app in apps:
        written = _last_write(app)
        if written is None or now - written > _FRESH:
            continue
        meta = app["metadata"]
        name = f"{meta.get('namespace')}/{meta['name']}"
        home = str((app.get("status") or {}).get("controllerNamespace") or "")
        if home not in ("", namespace):
            elsewhere.setdefault(home, []).append(name)
        elif ours is None or written > ours + _MARGIN:
            strange.append((written, name))
    found = [
        f"Applications that a controller in namespace {home} takes care of: {_listed(names)}"
        for home, names in sorted(elsewhere.items())
    ]
    if strange:
        seconds = (now - max(strange)[0]).total_seconds()
        names = [name for _, name in strange]
        found.append(
            f"{MANAGER_APPLICATION_CONTROLLER} wrote the status of {_listed(names)}, "
            f"the last {max(seconds, 0):.0f} s ago, and it was not Tiphys"
        )
    return found


def foreign_workloads(workloads: Iterable[Manifest], hostname: str) -> list[str]:
    """Controllers that run as Pods and are neither this process's nor of this program."""
    found = []
    for workload in workloads:
        name = str(workload["metadata"]["name"])
        ready = int((workload.get("status") or {}).get("readyReplicas") or 0)
        if ready and not hostname.startswith(f"{name}-") and not _is_ours(workload):
            kind = workload.get("kind") or "workload"
            found.append(f"{kind} {name} runs, with {ready} of its Pods ready")
    return found


def _is_ours(workload: Manifest) -> bool:
    spec = ((workload.get("spec") or {}).get("template") or {}).get("spec") or {}
    return any("tiphys" in str(one.get("image") or "") for one in spec.get("containers") or ())


def _last_write(app: Mapping[str, Any]) -> datetime | None:
    times = [
        parse_rfc3339(entry.get("time"))
        for entry in app["metadata"].get("managedFields") or ()
        if entry.get("manager") == MANAGER_APPLICATION_CONTROLLER
    ]
    return max((time for time in times if time is not None), default=None)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_NAMED])
    rest = len(names) - _NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
