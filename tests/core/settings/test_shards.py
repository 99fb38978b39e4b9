"""Which replica a cluster falls to."""

from __future__ import annotations

import pytest

from tiphys.core.settings.clustersecret import fnv32a
from tiphys.core.settings.shards import Sharding, shards
from tiphys.model.cluster import Cluster

HOME = Cluster(server="https://home", name="home")
ONE = Cluster(server="https://one", name="one")
TWO = Cluster(server="https://two", name="two")
UIDS = {"https://one": "uid-b", "https://two": "uid-a"}


@pytest.mark.parametrize("replicas", [1, 2, 7])
def test_a_cluster_falls_to_the_hash_of_its_uid(replicas: int) -> None:
    assert shards([HOME, ONE, TWO], UIDS, replicas, Sharding.LEGACY) == {
        "https://home": 0,
        "https://one": fnv32a(b"uid-b") % replicas,
        "https://two": fnv32a(b"uid-a") % replicas,
    }


def test_clusters_take_turns_by_uid() -> None:
    assert shards([HOME, ONE, TWO], UIDS, 2, Sharding.ROUND_ROBIN) == {
        "https://home": 0,
        "https://two": 1,
        "https://one": 0,
    }


def test_a_shard_that_is_named_is_heeded_where_it_exists() -> None:
    pinned = [Cluster(server=f"https://{shard}", name="", shard=shard) for shard in (1, 5)]
    assert shards(pinned, {}, 2, Sharding.LEGACY) == {"https://1": 1, "https://5": 0}
    assert shards(pinned, {}, 0, Sharding.LEGACY) == {"https://1": 0, "https://5": 0}
