"""A process that only observes runs nothing in containers."""

from __future__ import annotations

import pytest

from tests.fakes.clusters import FakeConnection
from tests.fakes.kube import FakeCluster
from tiphys.core.settings.clusters import IN_CLUSTER
from tiphys.services.observe.refusing import NothingIsWrittenError, reading_only
from tiphys.services.pods.ports import LogRequest


async def test_logs_are_read_and_nothing_is_run() -> None:
    connection = FakeConnection(FakeCluster())
    connection.pods_of_it.lines["web"] = ["2026-11-23T10:03:33Z hello"]
    pods = reading_only(lambda _cluster: connection)(IN_CLUSTER).pods()
    found = [line async for line in pods.log("demo", "web", LogRequest())]
    assert found == [b"2026-11-23T10:03:33Z hello"]
    with pytest.raises(NothingIsWrittenError):
        pods.terminal("demo", "web", "c", ["sh"])
