"""A handler with fakes around it: applications in a cluster, places that note what is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.fakes.clock import FakeClock
from tests.fakes.kube import FakeCluster
from tests.services.reconcile.world import APPLICATIONS, NAMESPACE, URL, application
from tiphys.core.settings import Settings
from tiphys.core.webhook.events import PushedFiles, PushEvent
from tiphys.core.webhook.providers import WebhookSecrets
from tiphys.model.application import Application
from tiphys.model.live import WatchEvent, WatchVerb
from tiphys.model.repository import Repository
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.repositories.registry import KnownRepositories
from tiphys.services.webhook.handling import PushHandler
from tiphys.services.webhook.index import PushIndex
from tiphys.services.webhook.refreshing import Refreshes

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
REFRESH = "argocd.argoproj.io/refresh"


class FakePlaces:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.differ: set[str] = set()
        self.looked_at: list[str] = []

    async def ask(self, urls: Collection[str]) -> None:
        self.asked += sorted(urls)

    async def touched(
        self, apps: Mapping[str, Application], sources: Mapping[str, Sequence[int]]
    ) -> set[str]:
        self.looked_at += sorted(apps)
        return self.differ & apps.keys()


class FakeBitbucket:
    def __init__(self) -> None:
        self.answer: PushedFiles | Exception = PushedFiles(frozenset())
        self.asked: list[tuple[str, str]] = []

    async def pushed(self, repository: Repository, full_name: str, event: PushEvent) -> PushedFiles:
        self.asked.append((repository.url, full_name))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Desk:
    def __init__(self, **settings: float) -> None:
        self.cluster = FakeCluster((APPLICATIONS,))
        self.clock = FakeClock()
        self.index = PushIndex()
        self.store = ApplicationStore(self.cluster, APPLICATIONS, NAMESPACE, sleep=self.clock.sleep)
        self.store.listener = lambda change: self.index.follow(change.name, change.new)
        self.places = FakePlaces()
        self.bitbucket = FakeBitbucket()
        self.secrets = WebhookSecrets()
        self.settings = Settings(**settings)  # type: ignore[arg-type]
        self.drawn: list[float] = []
        refreshes = Refreshes(
            self.cluster,
            APPLICATIONS,
            lambda: self.settings,
            lambda: MOMENT,
            sleep=self.clock.sleep,
            uniform=self._draw,
        )
        self.handler = PushHandler(
            self.store,
            self.index,
            self.places,
            refreshes,
            KnownRepositories(),
            self.bitbucket,
            secrets=lambda: self.secrets,
            settings=lambda: self.settings,
        )

    def _draw(self, low: float, high: float) -> float:
        self.drawn.append(high)
        return high

    def add(
        self, name: str, *, url: str = URL, notes: Mapping[str, str] | None = None, **source: Any
    ) -> None:
        made = application(name, path=name)
        made["spec"]["source"] = {"repoURL": url, "path": name, **source}
        made["metadata"]["annotations"] = dict(notes or {})
        self.cluster.seed(made)
        stored = next(
            one for one in self.cluster.objects.values() if one["metadata"]["name"] == name
        )
        self.store.apply(WatchEvent(WatchVerb.ADDED, dict(stored)))

    def gone(self, name: str) -> None:
        stored = next(
            one for one in self.cluster.objects.values() if one["metadata"]["name"] == name
        )
        self.store.apply(WatchEvent(WatchVerb.DELETED, dict(stored)))

    def refreshed(self) -> list[str]:
        """Those that are asked for, in the cluster."""
        return sorted(
            one["metadata"]["name"]
            for one in self.cluster.objects.values()
            if (one["metadata"].get("annotations") or {}).get(REFRESH) == "normal"
        )
