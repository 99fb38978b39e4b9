"""What running a sync needs of the outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tiphys.model.operation import OperationState
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter, LiveIndex


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster as a sync sees it; reader and writer may act for another account."""

    reader: KubeReader
    writer: KubeWriter
    discovery: Discovery
    index: LiveIndex


class OperationStore(Protocol):
    """Keeps `status.operationState` of the application that is synced."""

    async def save(self, record: OperationState) -> None:
        """Returns when it is stored; what raises ends the run, which can be begun again."""
        ...
