"""Clusters in memory behind the ports of services.clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tests.fakes.kube import FakeCluster
from tests.fakes.pods import FakePods
from tiphys.model.errors import ConnectionEndedError, KubeError
from tiphys.model.resource import ApiResource


class FakeConnection:
    """A way to a FakeCluster. `broken` is what every probe is answered; it can be taken away."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self._client = cast("FakeCluster", _Client(self))
        self.broken: KubeError | None = None
        self.barred: set[tuple[str, str]] = set()
        self.probes = 0
        self.suspended = ""
        self.slow: Callable[[], None] = lambda: None
        self.closed = False
        self.accounts: list[str] = []
        self.pods_of_it = FakePods()

    @property
    def reader(self) -> FakeCluster:
        return self._client

    @property
    def writer(self) -> FakeCluster:
        return self._client

    @property
    def discovery(self) -> FakeCluster:
        return self.cluster

    def acting_as(self, account: str) -> tuple[FakeCluster, FakeCluster]:
        self.accounts.append(account)
        return self.cluster, self.cluster

    def pods(self, account: str = "") -> FakePods:
        self.accounts += [account] if account else []
        return self.pods_of_it

    async def probe(self) -> None:
        self.probes += 1
        if self.broken is not None:
            raise self.broken

    async def count(self, resource: ApiResource) -> int:
        return sum(at.group_kind == resource.group_kind for at in self.cluster.objects)

    def on_slow(self, listener: Callable[[], None]) -> None:
        self.slow = listener

    async def suspend(self, problem: str) -> None:
        self.suspended = problem

    def resume(self) -> None:
        self.suspended = ""

    async def may_list(self, resource: ApiResource, namespace: str) -> bool:
        return (resource.kind, namespace) not in self.barred

    async def close(self) -> None:
        self.closed = True


class _Client:
    """The cluster for as long as the connection is open."""

    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        if self._connection.closed:
            raise ConnectionEndedError("the connection is closed")
        return getattr(self._connection.cluster, name)
