"""What a controller process stands on: its API server, settings, clusters, and what it counts."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from tiphys.adapters.engine import EngineEvaluator
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.kube import KubeClient, KubeDiscovery, Transport
from tiphys.adapters.metrics.counters import PrometheusMetrics
from tiphys.adapters.metrics.page import MetricsPage
from tiphys.bootstrap.access import limits_of as access_limits
from tiphys.bootstrap.clusters import connector, limits_of
from tiphys.bootstrap.options import ControllerOptions
from tiphys.core.health import judge
from tiphys.model.errors import KubeError, KubeUnreachableError
from tiphys.model.live import ObjectList, WatchEvent, WatchState
from tiphys.model.names import API_GROUP, LABEL_PART_OF, LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.clusters.registry import ClusterRegistry
from tiphys.services.compare import Eraser, UpdateFilter
from tiphys.services.live.judging import HealthScripts
from tiphys.services.live.ports import KubeWriter
from tiphys.services.live.watcher import KindWatcher, WatchSink
from tiphys.services.metrics.present import counting
from tiphys.services.observe.refusing import RefusingWriter, reading_only
from tiphys.services.reconcile.named import NamedObjects
from tiphys.services.reconcile.scope import ApplicationScope
from tiphys.services.reconcile.settings import Overlay, SettingsSource
from tiphys.services.reconcile.store import ApplicationStore
from tiphys.services.repositories.registry import KnownRepositories

log = structlog.get_logger()

_VERBS = frozenset({"get", "list", "watch", "patch", "update", "create", "delete"})
APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, _VERBS)
PROJECTS = ApiResource(API_GROUP, "v1alpha1", "AppProject", "appprojects", True, _VERBS)
SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
_COMPONENT = "application-controller"
_CONNECT_WAIT = 1.0
_FOLLOW_AGAIN = 5.0
_LIST_WAIT = 60.0
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
        self.client = KubeClient(transport)
        self.writer: KubeWriter = RefusingWriter(self.client) if options.observe else self.client
        self.discovery = KubeDiscovery(transport)
        self.config_maps = NamedObjects()
        self.projects = NamedObjects()
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
        config_maps = _Shared((self.config_maps, self.repositories.config_maps))
        self._follow(CONFIG_MAPS, config_maps, f"{LABEL_PART_OF}=argocd")
        self._follow(PROJECTS, self.projects)
        self._follow(SECRETS, self.repositories, LABEL_SECRET_TYPE)
        self._follow(SECRETS, self.clusters, f"{LABEL_SECRET_TYPE}=cluster")
        await _listed(self.config_maps, self.projects, self.repositories, self.clusters)
        self.settings.load()
        self.clusters.settings_changed()

    async def read_applications(self) -> ApplicationScope:
        """Answers when they are listed; they are followed from then on."""
        scope = ApplicationScope(self.store, self.settings.present)
        self._spawn(self._follow_scope(scope), "follow applications")
        await scope.listed.wait()
        return scope

    async def follow_secrets(self) -> NamedObjects:
        """Those of the control plane itself, from when they are listed. Raises KubeError."""
        secrets = NamedObjects()
        self._follow(SECRETS, secrets, f"{LABEL_PART_OF}=argocd")
        await _listed(secrets)
        return secrets

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

    async def _follow_scope(self, scope: ApplicationScope) -> None:
        """The watch begins anew when other namespaces are ours."""
        while True:
            scope.outdated.clear()
            watching = asyncio.create_task(
                _follow(
                    lambda: KindWatcher(self.client, APPLICATIONS, scope, namespace=scope.watched)
                )
            )
            try:
                await scope.outdated.wait()
            finally:
                watching.cancel()

    def _follow(self, resource: ApiResource, sink: WatchSink, labels: str = "") -> None:
        def watcher() -> KindWatcher:
            return KindWatcher(
                self.client, resource, sink, namespace=self.namespace, label_selector=labels
            )

        self._spawn(_follow(watcher), f"follow {resource.plural}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self.stack.callback(task.cancel)


class _Shared:
    """One watch that several want to hear of."""

    def __init__(self, sinks: Sequence[WatchSink]) -> None:
        self._sinks = sinks

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:
        for sink in self._sinks:
            sink.replaced(resource, objects)

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:
        for sink in self._sinks:
            sink.changed(resource, event)

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        for sink in self._sinks:
            sink.fares(resource, state)


def now() -> datetime:
    return datetime.now(UTC)


async def _follow(watcher: Callable[[], KindWatcher]) -> None:
    """For as long as the process lives: without these kinds it would be blind."""
    while True:
        try:
            await watcher().run()
            log.error("a kind of the control plane is not served, is Tiphys installed?")
        except Exception:
            log.exception("a watch failed unexpectedly and begins anew")
        await asyncio.sleep(_FOLLOW_AGAIN)


async def _listed(*objects: NamedObjects | KnownRepositories | ClusterRegistry) -> None:
    deadline = time.monotonic() + _LIST_WAIT
    while not all(one.listed for one in objects):
        if time.monotonic() > deadline:
            raise KubeError("ConfigMaps, Secrets and AppProjects could not be listed within 60 s")
        await asyncio.sleep(0.02)
