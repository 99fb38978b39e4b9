"""What a controller process stands on: its API server, settings, clusters, and what it counts."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from tiphys.adapters.engine import EngineEvaluator
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.kube import KubeClient, KubeDiscovery, Transport
from tiphys.adapters.metrics.counters import PrometheusMetrics
from tiphys.adapters.metrics.page import MetricsPage
from tiphys.bootstrap.access import limits_of as access_limits
from tiphys.bootstrap.clusters import connector, limits_of
from tiphys.bootstrap.following import (
    APPLICATIONS,
    CONFIG_MAPS,
    PROJECTS,
    SECRETS,
    Following,
    Shared,
    listed,
)
from tiphys.bootstrap.options import ControllerOptions
from tiphys.core.health import judge
from tiphys.model.errors import KubeUnreachableError
from tiphys.model.names import LABEL_PART_OF, LABEL_SECRET_TYPE
from tiphys.model.resource import Manifest
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.clusters.registry import ClusterRegistry
from tiphys.services.compare import Eraser, UpdateFilter
from tiphys.services.live.judging import HealthScripts
from tiphys.services.live.ports import KubeWriter
from tiphys.services.metrics.present import counting
from tiphys.services.observe.refusing import RefusingWriter, reading_only
from tiphys.services.reconcile.named import NamedObjects
from tiphys.services.reconcile.scope import ApplicationScope
from tiphys.services.reconcile.settings import Overlay, SettingsSource
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.repositories.registry import KnownRepositories

log = structlog.get_logger()

_COMPONENT = "application-controller"
_CONNECT_WAIT = 1.0
_NAMESPACE = "argocd"


class Foundation:
    """What is opened is closed by the stack, last first. `writer` refuses in a process that only
    observes, and so do all clusters.
    """

    def __init__(self, options: ControllerOptions, stack: AsyncExitStack) -> None:
        self.options = options
        self.stack = stack
        config = options.connection.config(os.environ)
        self.namespace = options.namespace or config.namespace or _NAMESPACE
        limits = limits_of(os.environ)
        if options.connection.access.request_timeout:
            limits = replace(limits, request=access_limits(options.connection.access).request)
        self.page = MetricsPage()
        self.metrics = PrometheusMetrics(self.page.registry, hostname=socket.gethostname())
        self.git_metrics = GitMetrics(self.page.registry)
        counted = counting(self.metrics)
        transport = Transport(config, component=_COMPONENT, limits=limits, counted=counted)
        stack.push_async_callback(transport.close)
        self.config = config
        self.transport = transport
        self.client = KubeClient(transport)
        self.writer: KubeWriter = RefusingWriter(self.client) if options.observe else self.client
        self.discovery = KubeDiscovery(transport)
        self.following = Following(self.client, self.namespace, stack)
        self.config_maps = NamedObjects()
        self.projects = NamedObjects()
        self.secrets = NamedObjects()
        self.cluster_secrets = NamedObjects()
        self.repositories = KnownRepositories()
        overlay = Overlay(
            general=options.general,
            params=options.params,
            wave_delay=os.environ.get("ARGOCD_SYNC_WAVE_DELAY", ""),
        )
        self.settings = SettingsSource(self.config_maps, overlay)
        self.store = ApplicationStore(
            self.writer, APPLICATIONS, self.namespace, restores=not options.observe
        )
        self.catalogue = ApplicationCatalogue()
        self.evaluator = EngineEvaluator()
        stack.push_async_callback(self.evaluator.close)
        connect = connector(config, transport, component=_COMPONENT, limits=limits, counted=counted)
        self.clusters = ClusterRegistry(
            reading_only(connect) if options.observe else connect,
            judge=judge,
            scripts=HealthScripts(self.evaluator, lambda: self.settings.present().overrides),
            settings=self.settings.present,
            now=now,
            updates=UpdateFilter(Eraser(self.evaluator), self.settings.present),
            metrics=self.metrics,
        )
        stack.push_async_callback(self.clusters.close)

    async def read_settings(self) -> None:
        """Connects and reads all that is not an Application. Raises TiphysError."""
        await self._connect()
        config_maps = Shared((self.config_maps, self.repositories.config_maps))
        self.following.follow(CONFIG_MAPS, config_maps, labels=f"{LABEL_PART_OF}=argocd")
        self.following.follow(PROJECTS, self.projects)
        self.following.follow(SECRETS, self.repositories, labels=LABEL_SECRET_TYPE)
        clusters = Shared((self.clusters, self.cluster_secrets))
        self.following.follow(SECRETS, clusters, labels=f"{LABEL_SECRET_TYPE}=cluster")
        await listed(self.config_maps, self.projects, self.repositories, self.clusters)
        self.settings.load()
        self.clusters.settings_changed()

    async def read_applications(self) -> ApplicationScope:
        """Answers when they are listed; they are followed from then on."""
        scope = ApplicationScope(self.store, self.settings.present)
        others = (self.catalogue,) if self.options.api is not None else ()
        self.following.follow_applications(scope, *others)
        await scope.listed.wait()
        return scope

    async def follow_secrets(self) -> NamedObjects:
        """Those of the control plane itself, from when they are listed. Raises KubeError."""
        if not self.secrets.listed:
            self.following.follow(SECRETS, self.secrets, labels=f"{LABEL_PART_OF}=argocd")
            await listed(self.secrets)
        return self.secrets

    def manifests(self) -> list[Manifest]:
        """The Applications as they are stored."""
        apps = [self.store.get(name) for name in self.store.names()]
        return [app.raw for app in apps if app is not None]

    async def _connect(self) -> None:
        """The API server may still be starting, or be away for a moment."""
        while True:
            try:
                await self.discovery.refresh()
                return
            except KubeUnreachableError as error:
                log.warning("waiting for the API server", error=str(error))
                await asyncio.sleep(_CONNECT_WAIT)


def now() -> datetime:
    return datetime.now(UTC)
