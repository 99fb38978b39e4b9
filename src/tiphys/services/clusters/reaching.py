"""From a destination to its cluster, and what is said of one that does not answer."""

from __future__ import annotations

from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import ConnectionStatus
from tiphys.model.errors import KubeUnreachableError
from tiphys.services.clusters.ports import Clusters, ClusterView


def view_of(clusters: Clusters, destination: ApplicationDestination) -> ClusterView:
    """Raises DestinationError."""
    return clusters.view(clusters.resolve(destination))


def is_connecting(view: ClusterView) -> bool:
    """Whether its first lists are still to come; whoever subscribed is told when they are in."""
    return view.connection().status is ConnectionStatus.UNKNOWN


def unreachable(view: ClusterView) -> str:
    """Which cluster cannot be reached, since when and why; empty while it can."""
    state = view.connection()
    if state.status is not ConnectionStatus.FAILED:
        return ""
    named = f'cluster "{view.cluster.name}" ({view.server})'
    return f"{named} cannot be reached since {state.since}: {state.message}"


def require_answering(view: ClusterView) -> None:
    """Raises KubeUnreachableError for a cluster that nothing can be asked of now."""
    if is_connecting(view):
        raise KubeUnreachableError(f'cluster "{view.cluster.name}" is being connected')
    if problem := unreachable(view):
        raise KubeUnreachableError(problem)
