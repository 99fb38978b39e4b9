"""Ways to a cluster on which nothing can be written.

Whatever runs over them may be wired as usual: what it would write is refused here. A dry run is
let through, for the API server stores nothing of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, MutableSequence, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from tiphys.model.cluster import Cluster
from tiphys.model.errors import TiphysError
from tiphys.model.live import PatchKind, Propagation
from tiphys.model.names import MANAGER_CONTROLLER
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.clusters.ports import Connect, Connection
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter
from tiphys.services.pods.ports import LogRequest, Pods, Terminal


class NothingIsWrittenError(TiphysError):
    """A process that only observes was about to write."""


class RefusingWriter:
    """Implements KubeWriter, for dry runs alone."""

    def __init__(self, writer: KubeWriter) -> None:
        self._writer = writer

    async def create(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest:
        _require(resource, "create", dry_run=dry_run)
        return await self._writer.create(
            resource,
            manifest,
            manager=manager,
            validation=validation,
            dry_run=True,
            warnings=warnings,
        )

    async def patch(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        kind: PatchKind,
        body: Any,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
        force: bool = False,
    ) -> Manifest:
        _require(resource, "patch", dry_run=dry_run)
        return await self._writer.patch(
            resource,
            namespace,
            name,
            kind,
            body,
            manager=manager,
            validation=validation,
            dry_run=True,
            warnings=warnings,
            force=force,
        )

    async def replace(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest:
        _require(resource, "replace", dry_run=dry_run)
        return await self._writer.replace(
            resource,
            manifest,
            manager=manager,
            validation=validation,
            dry_run=True,
            warnings=warnings,
        )

    async def delete(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        grace_seconds: int | None = None,
    ) -> None:
        del namespace, name, uid, propagation, grace_seconds
        _require(resource, "delete", dry_run=False)


def reading_only(connect: Connect) -> Connect:
    """The same clusters, on which nothing can be written."""

    def connected(cluster: Cluster) -> Connection:
        return _ReadingConnection(connect(cluster))

    return connected


class _ReadingConnection:
    """Implements Connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writer = RefusingWriter(connection.writer)

    @property
    def reader(self) -> KubeReader:
        return self._connection.reader

    @property
    def writer(self) -> KubeWriter:
        return self._writer

    @property
    def discovery(self) -> Discovery:
        return self._connection.discovery

    def acting_as(self, account: str) -> tuple[KubeReader, KubeWriter]:
        reader, writer = self._connection.acting_as(account)
        return reader, RefusingWriter(writer)

    def pods(self, account: str = "") -> Pods:
        return _ReadPods(self._connection.pods(account))

    async def probe(self) -> None:
        await self._connection.probe()

    async def count(self, resource: ApiResource) -> int:
        return await self._connection.count(resource)

    def on_slow(self, listener: Callable[[], None]) -> None:
        self._connection.on_slow(listener)

    async def suspend(self, problem: str) -> None:
        await self._connection.suspend(problem)

    def resume(self) -> None:
        self._connection.resume()

    async def may_list(self, resource: ApiResource, namespace: str) -> bool:
        return await self._connection.may_list(resource, namespace)

    async def close(self) -> None:
        await self._connection.close()


class _ReadPods:
    """Implements Pods: logs may be read, and nothing be run."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods

    def log(self, namespace: str, name: str, request: LogRequest) -> AsyncIterator[bytes]:
        return self._pods.log(namespace, name, request)

    def terminal(
        self, namespace: str, name: str, container: str, command: Sequence[str]
    ) -> AbstractAsyncContextManager[Terminal]:
        del namespace, name, container, command
        raise NothingIsWrittenError("run a command: this process only observes")


def _require(resource: ApiResource, verb: str, *, dry_run: bool) -> None:
    if not dry_run:
        raise NothingIsWrittenError(f"{verb} {resource.plural}: this process only observes")
