"""The clusters that applications' objects are on, as a command reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tiphys.model.appspec import ApplicationDestination
from tiphys.model.errors import DestinationError
from tiphys.model.names import IN_CLUSTER_NAME, IN_CLUSTER_SERVER
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """One cluster, connected. `server` is its address as the settings know it."""

    server: str
    reader: KubeReader
    writer: KubeWriter
    discovery: Discovery


class Destinations(Protocol):
    """Connects when it is asked. Raises DestinationError with the contract's text, KubeError."""

    async def reach(self, destination: ApplicationDestination) -> Reached: ...


class HomeOnly:
    """Knows the cluster that the applications themselves live in, and no other."""

    def __init__(self, reader: KubeReader, writer: KubeWriter, discovery: Discovery) -> None:
        self._home = Reached(IN_CLUSTER_SERVER, reader, writer, discovery)

    async def reach(self, destination: ApplicationDestination) -> Reached:
        if destination.server in ("", IN_CLUSTER_SERVER) and destination.name in (
            "",
            IN_CLUSTER_NAME,
        ):
            return self._home
        if destination.name:
            raise DestinationError(f"there are no clusters with this name: {destination.name}")
        server = destination.server
        raise DestinationError(
            f'error getting cluster by server "{server}": cluster "{server}" not found'
        )
