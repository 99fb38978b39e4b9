"""Logs of containers, and terminals in them, on a real control plane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.devcluster.api import Api, eventually
from tests.devcluster.manifests import pod
from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import KubeConnection, Transport, load_kubeconfig
from tiphys.adapters.kube.pods import KubePods
from tiphys.model.errors import KubeError
from tiphys.services.pods.ports import LogRequest


@pytest.fixture
async def pods(devcluster: DevCluster) -> AsyncIterator[KubePods]:
    transport = Transport(load_kubeconfig([devcluster.kubeconfig], devcluster.context))
    yield KubeConnection(transport, shared=True).pods()
    await transport.close()


@pytest.fixture
def running(devcluster: DevCluster, namespace: str) -> str:
    api = Api(devcluster)
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    eventually(lambda: api.get(accounts)["items"])
    path = f"/api/v1/namespaces/{namespace}/pods"
    api.create(path, pod("server", restart="Always"))
    eventually(lambda: api.get(f"{path}/server")["status"]["phase"] == "Running")
    return namespace


async def lines(pods: KubePods, namespace: str, **asked: object) -> list[str]:
    request = LogRequest(**asked)  # type: ignore[arg-type]
    return [line.decode() async for line in pods.log(namespace, "server", request)]


async def test_lines_come_with_their_times(pods: KubePods, running: str) -> None:
    first, *_ = await lines(pods, running)
    stamp, _, content = first.partition(" ")
    assert stamp.endswith("Z")
    assert content == "web: started"
    assert len(await lines(pods, running, tail_lines=1)) == 1
    assert await lines(pods, running, container="web", since_seconds=100_000)


async def test_what_is_followed_goes_on(pods: KubePods, running: str) -> None:
    stream = pods.log(running, "server", LogRequest(follow=True))
    async with asyncio.timeout(20):
        seen = [await anext(stream) for _ in range(3)]
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(set(seen)) == 3


async def test_logs_that_are_not_there(pods: KubePods, running: str) -> None:
    with pytest.raises(KubeError, match="previous terminated container"):
        await lines(pods, running, previous=True)
    with pytest.raises(KubeError, match="not found"):
        await lines(pods, f"{running}-other")


async def test_a_terminal(pods: KubePods, running: str) -> None:
    said = b""
    async with asyncio.timeout(20), pods.terminal(running, "server", "web", ["sh"]) as terminal:
        await terminal.resize(120, 40)
        await terminal.write(b"echo hello\rexit\r")
        async for data in terminal.output():
            said += data
    assert b"\r\nhello\r\n" in said


async def test_a_command_that_is_not_there(pods: KubePods, running: str) -> None:
    async def said(namespace: str, command: str) -> list[bytes]:
        async with (
            asyncio.timeout(20),
            pods.terminal(namespace, "server", "web", [command]) as terminal,
        ):
            return [data async for data in terminal.output()]

    for namespace, command in ((running, "cmd"), (f"{running}-other", "sh")):
        with pytest.raises(KubeError):
            await said(namespace, command)
