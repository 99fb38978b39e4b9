"""What only observes writes nothing, whoever tries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.kube import CONFIG_MAPS, FakeCluster
from tiphys.model.live import PatchKind
from tiphys.services.observe.refusing import NothingIsWrittenError, RefusingWriter

MANIFEST = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "demo"},
    "data": {"x": "1"},
}


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}}, MANIFEST)
    return cluster


async def test_every_write_is_refused_before_it_is_sent(cluster: FakeCluster) -> None:
    writer = RefusingWriter(cluster)
    before = dict(cluster.objects)
    writes: list[Any] = [
        writer.create(CONFIG_MAPS, MANIFEST),
        writer.patch(CONFIG_MAPS, "demo", "a", PatchKind.MERGE, {"data": None}),
        writer.replace(CONFIG_MAPS, MANIFEST),
        writer.delete(CONFIG_MAPS, "demo", "a", uid="u"),
    ]
    for write in writes:
        with pytest.raises(NothingIsWrittenError, match="configmaps: this process only observes"):
            await write
    assert cluster.objects == before
    assert cluster.calls == []


async def test_a_dry_run_is_let_through(cluster: FakeCluster) -> None:
    writer = RefusingWriter(cluster)
    before = dict(cluster.objects)
    body = {"data": {"x": "2"}}
    answer = await writer.patch(CONFIG_MAPS, "demo", "a", PatchKind.MERGE, body, dry_run=True)
    assert answer["data"] == {"x": "2"}
    assert cluster.objects == before
