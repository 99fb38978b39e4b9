"""What is live, as the API shows it: from the index of this process, or of another one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol


class LiveView(Protocol):
    """Values have the contract's JSON shape. `namespace` and `name` are the Application's.

    Raises ApiError, Unavailable, where the process with the index does not answer.
    """

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """ApplicationTree; None while it was never compared."""
        ...

    def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        """ApplicationTree at each change, none at first, until it is closed."""
        ...

    async def managed(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]] | None:
        """ResourceDiff of each managed object, masked; None while it was never compared."""
        ...

    async def cluster_info(self, server: str) -> Mapping[str, Any] | None:
        """ClusterInfo; None where the cluster is not watched."""
        ...
