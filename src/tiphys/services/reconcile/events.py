"""Events of Kubernetes that tell people what happened to an application.

They are written behind the work and out of its way: a lost event loses nothing else, so a failure
is only logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from tiphys.core.app.events import AppEvent, is_enabled
from tiphys.core.app.times import rfc3339
from tiphys.model.application import Application
from tiphys.model.errors import KubeError
from tiphys.model.names import API_VERSION, MANAGER_APPLICATION_CONTROLLER
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeWriter
from tiphys.services.reconcile.logs import app_fields

log = structlog.get_logger()

EVENTS = ApiResource("", "v1", "Event", "events", True, frozenset({"create"}))
_AT_ONCE = 5
_LOOK_AGAIN = 0.1
"""Seconds until an event that keeps out of the way looks whether it may come out."""


class EventRecorder:
    """`now` and `unique` (a number that is never the same twice) come from outside.

    `enabled` are the reasons of the events that are wanted, see core.app.events. `labels` says
    which labels an application's events carry. While `busy` says that there is work which they
    would slow, they wait, `patience` seconds at most.
    """

    def __init__(
        self,
        writer: KubeWriter,
        now: Callable[[], datetime],
        unique: Callable[[], int],
        *,
        enabled: Sequence[str] = ("all",),
        labels: Callable[[Application], Mapping[str, str]] = lambda _app: {},
        patience: float = 5.0,
    ) -> None:
        self._writer = writer
        self._now = now
        self._unique = unique
        self._enabled = enabled
        self._labels = labels
        self.patience = patience
        self.busy: Callable[[], bool] = lambda: False
        self._leaving = False
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._open: set[asyncio.Task[None]] = set()

    def record(self, app: Application, event: AppEvent) -> None:
        """Writes the event in the background, and a line to the log."""
        if not is_enabled(event.reason, self._enabled):
            return
        log.info(event.message, **app_fields(app), reason=event.reason.value, type=event.type)
        task = asyncio.create_task(self._write(app, self._manifest(app, event)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def drain(self, *, within: float) -> None:
        """Until everything that was recorded is written; what takes longer is given up."""
        self._leaving = True
        while self._open:
            _, late = await asyncio.wait(self._open, timeout=within)
            if not late:
                continue
            log.warning("events were not written", count=len(late))
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _write(self, app: Application, manifest: Manifest) -> None:
        clock = asyncio.get_running_loop().time
        late = clock() + self.patience
        async with self._gate:
            while self.busy() and not self._leaving and clock() < late:  # noqa: ASYNC110 - many ends
                await asyncio.sleep(_LOOK_AGAIN)
            try:
                await self._writer.create(EVENTS, manifest, manager=MANAGER_APPLICATION_CONTROLLER)
            except KubeError as error:
                log.warning("event was not written", **app_fields(app), error=str(error))

    def _manifest(self, app: Application, event: AppEvent) -> Manifest:
        at = rfc3339(self._now())
        # As written: what cannot be read of a spec is no reason to be silent.
        destination = (app.raw.get("spec") or {}).get("destination") or {}
        annotations = {
            "dest-server": destination.get("server") or "",
            "dest-namespace": destination.get("namespace") or "",
        }
        if event.user:
            annotations["user"] = event.user
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{app.name}.{self._unique():x}",
                "namespace": app.namespace,
                "labels": dict(self._labels(app)),
                "annotations": annotations,
            },
            "source": {"component": MANAGER_APPLICATION_CONTROLLER},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": "Application",
                "name": app.name,
                "namespace": app.namespace,
                "uid": app.uid,
                "resourceVersion": app.metadata.resource_version,
            },
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "type": event.type,
            "reason": event.reason.value,
            "message": event.message,
        }
