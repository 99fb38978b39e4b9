"""One runner of syncs for each cluster, so that each has its own limit of writes under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tiphys.core.settings import Settings
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.live.ports import LiveIndex
from tiphys.services.metrics.ports import Metrics, NoMetrics
from tiphys.services.sync.ports import Cluster
from tiphys.services.sync.runner import Pace, SyncRunner, Wait

_NO_LIMIT = 1000


class SyncRunners:
    """`settings` are the present ones; a new limit counts from the next connection on."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        *,
        pace: Pace | None = None,
        wait: Wait = asyncio.sleep,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics or NoMetrics()
        self._settings = settings
        self._pace = pace
        self._wait = wait
        # A view may be exchanged for one of another name; the index is what stays.
        self._runners: dict[str, tuple[LiveIndex, SyncRunner]] = {}

    def of(self, view: ClusterView) -> SyncRunner:
        known = self._runners.get(view.server)
        if known is not None and known[0] is view.index:
            return known[1]
        runner = SyncRunner(
            Cluster(
                view.reader,
                view.writer,
                view.discovery,
                view.index,
                view.answering,
                self._metrics,
            ),
            limit=self._settings().apply_parallelism or _NO_LIMIT,
            pace=self._pace,
            wait=self._wait,
        )
        self._runners[view.server] = (view.index, runner)
        return runner
