"""A cluster that is about to become known: reached by a context of a kubeconfig."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tiphys.model.cluster import ClusterConfig
from tiphys.services.live.ports import KubeReader, KubeWriter


@dataclass(frozen=True, slots=True, eq=False)
class ClusterTarget:
    """`config` is how the context reaches the server, without tokens.

    `public` answers server and CA as the cluster publishes them in kube-public; raises KubeError.
    """

    server: str
    config: ClusterConfig
    reader: KubeReader
    writer: KubeWriter
    public: Callable[[], Awaitable[tuple[str, bytes]]]
