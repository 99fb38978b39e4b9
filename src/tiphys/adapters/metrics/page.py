"""One registry as the page that is scraped."""

from __future__ import annotations

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.process_collector import ProcessCollector

from tiphys.adapters.metrics.figures import FiguresCollector


class MetricsPage:
    """`registry` is for whoever counts. The process's own figures are told too."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._figures: list[FiguresCollector] = []
        ProcessCollector(registry=self.registry)

    def tell(self, figures: FiguresCollector) -> None:
        """What stands at the moment of a scrape."""
        self._figures.append(figures)
        self.registry.register(figures)

    async def __call__(self) -> tuple[bytes, str]:
        for figures in self._figures:
            figures.look()
        # A thousand applications are a megabyte of text, for which the event loop has no time.
        return await asyncio.to_thread(generate_latest, self.registry), CONTENT_TYPE_LATEST
