"""Which replica of the controller a cluster falls to, by the contract's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from tiphys.core.settings.clustersecret import fnv32a
from tiphys.model.cluster import Cluster


class Sharding(Enum):
    """controller.sharding.algorithm, as far as shards can be told beforehand."""

    LEGACY = "legacy"
    ROUND_ROBIN = "round-robin"


def shards(
    clusters: Sequence[Cluster], uids: Mapping[str, str], replicas: int, method: Sharding
) -> Mapping[str, int]:
    """By server. `uids` are those of the clusters' Secrets, by server; one without falls to 0.

    A Secret that names a shard is heeded, unless there is no such replica.
    """
    count = max(replicas, 1)
    order = sorted(clusters, key=lambda one: uids.get(one.server, ""))
    found = {}
    for position, cluster in enumerate(order):
        uid = uids.get(cluster.server, "")
        if cluster.shard is not None and cluster.shard < count:
            found[cluster.server] = cluster.shard
        elif method is Sharding.ROUND_ROBIN:
            found[cluster.server] = position % count
        else:
            found[cluster.server] = fnv32a(uid.encode()) % count if uid else 0
    return found
