"""What running a sync needs of the outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from tiphys.model.operation import OperationState
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter, LiveIndex
from tiphys.services.metrics.ports import Metrics, NoMetrics

Answering = Callable[[], Awaitable[None]]


class SyncedCluster(Protocol):
    """One cluster as a sync sees it.

    `answering` is for a call that got no answer: it returns when the cluster answers again, and
    raises KubeUnreachableError when it never will. None: such a call has failed.
    """

    @property
    def reader(self) -> KubeReader: ...

    @property
    def writer(self) -> KubeWriter: ...

    @property
    def discovery(self) -> Discovery: ...

    @property
    def index(self) -> LiveIndex: ...

    @property
    def answering(self) -> Answering | None: ...

    @property
    def metrics(self) -> Metrics: ...


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster put together of its parts; reader and writer may act for another account."""

    reader: KubeReader
    writer: KubeWriter
    discovery: Discovery
    index: LiveIndex
    answering: Answering | None = None
    metrics: Metrics = field(default_factory=NoMetrics)


class OperationStore(Protocol):
    """Keeps `status.operationState` of the application that is synced."""

    async def save(self, record: OperationState) -> None:
        """Returns when it is stored; what raises ends the run, which can be begun again."""
        ...
