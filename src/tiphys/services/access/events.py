"""Tells what callers did: an Event of Kubernetes for people, a line of the log for machines.

Both are written behind the call. What cannot be written is only logged, and what comes faster than
it can be written is counted and left out: no caller waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from tiphys.core.app.audit import COMPONENT, audit_event
from tiphys.core.app.events import event_labels, is_enabled
from tiphys.core.app.times import rfc3339
from tiphys.core.settings import Settings
from tiphys.model.access import Caller
from tiphys.model.errors import KubeError
from tiphys.model.resource import Manifest
from tiphys.services.access.auditing import Reason
from tiphys.services.live.ports import KubeWriter
from tiphys.services.reconcile.events import EVENTS

log = structlog.get_logger()

_AT_ONCE = 5
_MOST = 1000
"""Events that may wait to be written."""


class KubeAudit:
    """Implements Audit. `unique` is a number that is never the same twice, the contract's are
    nanoseconds since 1970; `enabled` are the reasons of the Events that are wanted, see
    core.app.events; `project` knows AppProjects by name, whose labels Events may carry.
    """

    def __init__(
        self,
        writer: KubeWriter,
        settings: Callable[[], Settings],
        *,
        namespace: str,
        now: Callable[[], datetime],
        unique: Callable[[], int],
        enabled: Sequence[str] = ("all",),
        project: Callable[[str], Manifest | None] = lambda _name: None,
    ) -> None:
        self._writer = writer
        self._settings = settings
        self._namespace = namespace
        self._now = now
        self._unique = unique
        self._enabled = enabled
        self._project = project
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._open: set[asyncio.Task[None]] = set()

    def tell(self, caller: Caller, about: Manifest, reason: Reason, text: str) -> None:
        said = _said(caller, about, reason)
        log.info(text, **said)
        if not is_enabled(reason, self._enabled):
            return
        if len(self._open) >= _MOST:
            log.warning("event was left out, too many wait to be written", **said)
            return
        event = audit_event(
            about,
            reason=reason.value,
            text=text,
            user=caller.username,
            at=rfc3339(self._now()),
            number=self._unique(),
            labels=self._labels(about),
            home=self._namespace,
        )
        task = asyncio.create_task(self._write(event, said))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def drain(self, *, within: float) -> None:
        """Until everything is written; what takes longer is given up."""
        if not self._open:
            return
        _, late = await asyncio.wait({*self._open}, timeout=within)
        for task in late:
            task.cancel()
        if late:
            log.warning("events were not written", count=len(late))
            await asyncio.gather(*late, return_exceptions=True)

    async def _write(self, event: Manifest, said: Mapping[str, Any]) -> None:
        async with self._gate:
            try:
                await self._writer.create(EVENTS, event, manager=COMPONENT)
            except KubeError as error:
                log.warning("event was not written", **said, error=str(error))

    def _labels(self, about: Manifest) -> Mapping[str, str]:
        if about.get("kind") != "Application":
            return {}
        settings = self._settings()
        if not settings.event_labels_include:
            return {}
        project = self._project(str((about.get("spec") or {}).get("project") or "default")) or {}
        return event_labels(
            (about.get("metadata") or {}).get("labels") or {},
            (project.get("metadata") or {}).get("labels") or {},
            settings.event_labels_include,
            settings.event_labels_exclude,
        )


def _said(caller: Caller, about: Manifest, reason: Reason) -> dict[str, Any]:
    metadata = about.get("metadata") or {}
    return {
        "actor": caller.username,
        "issuer": caller.issuer,
        "reason": reason.value,
        "kind": str(about.get("kind") or ""),
        "namespace": metadata.get("namespace") or "",
        "name": metadata.get("name") or "",
    }
