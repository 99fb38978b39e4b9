"""Asks for the refresh of applications, by their annotation, as any client would."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.errors import (
    ConflictError,
    KubeUnreachableError,
    ObjectNotFoundError,
    TiphysError,
)
from tiphys.model.live import PatchKind
from tiphys.model.names import ANNOTATION_REFRESH, ANNOTATION_REFRESH_TIMESTAMP
from tiphys.model.resource import ApiResource
from tiphys.services.live.ports import KubeWriter
from tiphys.services.reconcile.logs import app_fields

log = structlog.get_logger()

MANAGER = "argocd-server"
_TRIES = 5
_PAUSE = 0.2


class Refreshes:
    """So many at once as the settings say, spread where they are many."""

    def __init__(
        self,
        writer: KubeWriter,
        resource: ApiResource,
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._writer = writer
        self._resource = resource
        self._settings = settings
        self._now = now
        self._sleep = sleep
        self._uniform = uniform

    async def ask(self, apps: Sequence[Application]) -> None:
        settings = self._settings()
        many = len(apps) > settings.webhook_jitter_threshold
        spread = settings.webhook_jitter if many else 0.0
        # Waiting holds no place: each begins when its moment has come.
        ordered = sorted(
            (self._uniform(0.0, spread) if spread else 0.0, at) for at in range(len(apps))
        )
        places = asyncio.Semaphore(int(settings.webhook_refresh_workers))
        waiting: set[asyncio.Task[None]] = set()
        waited = 0.0
        for moment, at in ordered:
            if moment > waited:
                await self._sleep(moment - waited)
                waited = moment
            await places.acquire()
            task = asyncio.create_task(self._one(apps[at]))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            task.add_done_callback(lambda _task: places.release())
        await asyncio.gather(*waiting)

    async def _one(self, app: Application) -> None:
        fields = app_fields(app)
        for attempt in range(1, _TRIES + 1):
            try:
                await self._annotate(app)
            except ObjectNotFoundError:
                return
            except (ConflictError, KubeUnreachableError) as error:
                if attempt == _TRIES:
                    log.warning("a refresh could not be asked for", **fields, error=str(error))
                    return
                await self._sleep(_PAUSE * 2.0**attempt)
            except TiphysError as error:
                log.warning("a refresh could not be asked for", **fields, error=str(error))
                return
            else:
                log.info("Requested app refresh caused by webhook", **fields)
                return

    async def _annotate(self, app: Application) -> None:
        moment = self._now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        wish = {ANNOTATION_REFRESH: "normal", ANNOTATION_REFRESH_TIMESTAMP: moment}
        body: dict[str, Any] = {"metadata": {"annotations": wish}}
        namespace, name = app.metadata.namespace, app.metadata.name
        await self._writer.patch(
            self._resource, namespace, name, PatchKind.MERGE, body, manager=MANAGER
        )
