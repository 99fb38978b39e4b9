"""Implements LiveView from the index of this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from tiphys.core.app.times import rfc3339
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.live.index import Extent
from tiphys.services.liveview.managed import ManagedObjects
from tiphys.services.liveview.pushing import TreePushes
from tiphys.services.liveview.trees import Trees


class WatchedClusters(Protocol):
    """What is known of clusters, without connecting any."""

    def watched(self, server: str) -> tuple[ClusterView, Extent] | None: ...

    def users_of(self, server: str) -> int: ...


class IndexView:
    def __init__(
        self,
        trees: Trees,
        managed: ManagedObjects,
        pushes: TreePushes,
        clusters: WatchedClusters,
        now: Callable[[], datetime],
    ) -> None:
        self._trees = trees
        self._managed = managed
        self.pushes = pushes
        self._clusters = clusters
        self._now = now

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return await self._trees.tree(self._trees.key(namespace, name))

    def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        return self.pushes.trees(self._trees.key(namespace, name))

    async def managed(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]] | None:
        return await self._managed.managed(self._trees.key(namespace, name))

    def managed_version(self, namespace: str, name: str) -> str:
        """Changes whenever `managed` would answer otherwise."""
        return self._managed.version(self._trees.key(namespace, name))

    async def cluster_info(self, server: str) -> Mapping[str, Any] | None:
        found = self._clusters.watched(server)
        if found is None:
            return None
        view, extent = found
        state = view.connection()
        connection = {
            "status": state.status.value,
            "message": state.message,
            "attemptedAt": rfc3339(self._now()),
        }
        cache: dict[str, Any] = {"resourcesCount": extent.objects, "apisCount": extent.kinds}
        if extent.age is not None:
            read = self._now() - timedelta(seconds=extent.age)
            cache["lastCacheSyncTime"] = rfc3339(read)
        info = {
            "connectionState": connection,
            "serverVersion": view.discovery.server_version,
            "cacheInfo": cache,
            "applicationsCount": self._clusters.users_of(server),
            "apiVersions": list(view.discovery.versions()),
        }
        return {name: value for name, value in info.items() if value}
