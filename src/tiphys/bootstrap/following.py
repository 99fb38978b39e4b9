"""Which kinds of the control plane are followed, and how: one watch each, while we live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

import structlog

from tiphys.adapters.kube import KubeClient
from tiphys.model.errors import KubeError
from tiphys.model.live import ObjectList, WatchEvent, WatchState
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.watcher import KindWatcher, WatchSink
from tiphys.services.reconcile.scope import Scope

log = structlog.get_logger()

_VERBS = frozenset({"get", "list", "watch", "patch", "update", "create", "delete"})
APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, _VERBS)
PROJECTS = ApiResource(API_GROUP, "v1alpha1", "AppProject", "appprojects", True, _VERBS)
SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
_FOLLOW_AGAIN = 5.0
_LIST_WAIT = 60.0


class Following:
    """`namespace` is the control plane's. Watches end with the stack."""

    def __init__(self, client: KubeClient, namespace: str, stack: AsyncExitStack) -> None:
        self._client = client
        self._namespace = namespace
        self._stack = stack

    def follow(self, resource: ApiResource, sink: WatchSink, *, labels: str = "") -> None:
        def watcher() -> KindWatcher:
            return KindWatcher(
                self._client, resource, sink, namespace=self._namespace, label_selector=labels
            )

        self._spawn(_follow(watcher), f"follow {resource.plural}")

    def follow_applications(self, scope: Scope, *others: WatchSink) -> None:
        """`others` hear of the same objects, after the scope has."""
        self._spawn(self._follow_scope(scope, others), "follow applications")

    async def _follow_scope(self, scope: Scope, others: Sequence[WatchSink]) -> None:
        """The watch begins anew when other namespaces are ours."""
        sink = Shared((scope, *(_InScope(scope, other) for other in others)))
        while True:
            scope.outdated.clear()
            watching = asyncio.create_task(
                _follow(
                    lambda: KindWatcher(self._client, APPLICATIONS, sink, namespace=scope.watched)
                )
            )
            try:
                await scope.outdated.wait()
            finally:
                watching.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._stack.callback(task.cancel)


class Shared:
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


class _InScope:
    """Lets a sink hear of the Applications alone that are ours."""

    def __init__(self, scope: Scope, sink: WatchSink) -> None:
        self._scope = scope
        self._sink = sink

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:
        ours: tuple[Manifest, ...] = tuple(filter(self._scope.is_ours, objects.items))
        self._sink.replaced(resource, ObjectList(ours, objects.resource_version))

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:
        if self._scope.is_ours(event.manifest):
            self._sink.changed(resource, event)

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        self._sink.fares(resource, state)


class _Listed(Protocol):
    listed: bool


async def listed(*objects: _Listed) -> None:
    """Raises KubeError where the API server does not list them in time."""
    deadline = time.monotonic() + _LIST_WAIT
    while not all(one.listed for one in objects):
        if time.monotonic() > deadline:
            raise KubeError("ConfigMaps, Secrets and AppProjects could not be listed within 60 s")
        await asyncio.sleep(0.02)


async def _follow(watcher: Callable[[], KindWatcher]) -> None:
    """For as long as the process lives: without these kinds it would be blind."""
    while True:
        try:
            await watcher().run()
            log.error("a kind of the control plane is not served, is Tiphys installed?")
        except Exception:
            log.exception("a watch failed unexpectedly and begins anew")
        await asyncio.sleep(_FOLLOW_AGAIN)
