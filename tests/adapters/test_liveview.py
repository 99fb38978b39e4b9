"""What is live, asked of another process: over mutual TLS, remembered by version."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.adapters.certificates import CertificateIssuer
from tiphys.adapters.liveview import LiveClient
from tiphys.bootstrap.showing import client_context, server_context
from tiphys.controllers import liveserver
from tiphys.controllers.liveserver import CALLER, LiveServer
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.authority.authority import Authority

NAME = "argocd-application-controller"
TREE = {"nodes": [{"kind": "Pod", "name": "web-1"}]}


class View:
    def __init__(self) -> None:
        self.version = "v1"
        self.made = 0
        self.diffs: Sequence[Mapping[str, Any]] | None = [{"kind": "Secret", "name": "s"}]
        self.pushed: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self.listening = 0

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return TREE if (namespace, name) == ("argocd", "a") else None

    async def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        self.listening += 1
        try:
            while (tree := await self.pushed.get()) is not None:
                yield tree
        finally:
            self.listening -= 1

    async def managed(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]] | None:
        self.made += 1
        return self.diffs

    def managed_version(self, namespace: str, name: str) -> str:
        return self.version if self.diffs is not None else ""

    async def cluster_info(self, server: str) -> Mapping[str, Any] | None:
        return {"serverVersion": "v1.36.3"} if server == "https://here" else None


class Cache:
    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}

    def load(self, group: str) -> Sequence[bytes]:
        return [self.entries[group]] if group in self.entries else []

    def keep(self, group: str, name: str, data: bytes) -> None:
        self.entries[group] = data


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster(BUILT_IN)


def authority(cluster: FakeCluster) -> Authority:
    return Authority(cluster, cluster, CertificateIssuer(), "argocd", now=lambda: datetime.now(UTC))


@asynccontextmanager
async def asked(
    cluster: FakeCluster, view: View, cache: Cache | None = None, caller: str = CALLER
) -> AsyncIterator[LiveClient]:
    """Each side makes its certificate by itself, of the authority that both find."""
    server = LiveServer(view)
    await server.start("127.0.0.1", 0, server_context(await authority(cluster).server(NAME)))
    context = client_context(await authority(cluster).client(caller))
    client = LiveClient(f"127.0.0.1:{server.port}", context=lambda: context, cache=cache)
    try:
        yield client
    finally:
        await client.close()
        await server.close()


async def test_everything_comes_through(cluster: FakeCluster) -> None:
    async with asked(cluster, View()) as client:
        assert await client.tree("argocd", "a") == TREE
        assert await client.tree("argocd", "b") is None
        assert await client.managed("argocd", "a") == [{"kind": "Secret", "name": "s"}]
        assert await client.cluster_info("https://here") == {"serverVersion": "v1.36.3"}
        assert await client.cluster_info("https://there") is None


async def test_what_is_not_compared_yet_is_none(cluster: FakeCluster) -> None:
    view = View()
    view.diffs = None
    async with asked(cluster, view, Cache()) as client:
        assert await client.managed("argocd", "a") is None


async def test_what_is_remembered_is_asked_for_by_its_version(cluster: FakeCluster) -> None:
    view, cache = View(), Cache()
    async with asked(cluster, view, cache) as client:
        first = await client.managed("argocd", "a")
        assert await client.managed("argocd", "a") == first
        assert view.made == 1
        view.version, view.diffs = "v2", []
        assert await client.managed("argocd", "a") == []
        # A cache that is gone costs time, nothing else.
        cache.entries.clear()
        assert await client.managed("argocd", "a") == []
        assert view.made == 3


async def test_trees_are_pushed(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveserver, "_KEEP_ALIVE", 0.05)
    view = View()
    async with asked(cluster, view) as client:
        trees = client.trees("argocd", "a")
        view.pushed.put_nowait(TREE)
        assert await anext(trees) == TREE
        later = asyncio.create_task(anext(trees, None))
        await asyncio.sleep(0.2)
        assert view.listening == 1
        view.pushed.put_nowait({"nodes": []})
        assert await later == {"nodes": []}
        await trees.aclose()  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            while view.listening:  # noqa: ASYNC110 - the other side's state
                await asyncio.sleep(0.02)


async def test_the_end_of_trees_is_told(cluster: FakeCluster) -> None:
    view = View()
    view.pushed.put_nowait(None)
    async with asked(cluster, view) as client:
        assert [tree async for tree in client.trees("argocd", "a")] == []


async def test_strangers_are_told_nothing(cluster: FakeCluster) -> None:
    async with asked(cluster, View(), caller="argocd-repo-server") as client:
        with pytest.raises(ApiError, match="it answered 403"):
            await client.tree("argocd", "a")
    async with asked(FakeCluster(BUILT_IN), View()) as honest:
        other = client_context(await authority(cluster).client(CALLER))
        stranger = LiveClient(honest._address, context=lambda: other)
        with pytest.raises(ApiError, match="not of our authority") as refused:
            await stranger.tree("argocd", "a")
        assert refused.value.code is ApiCode.UNAVAILABLE
        await stranger.close()
        bare = ssl.create_default_context()
        bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"https://{honest._address}/live/v1/tree", ssl=bare)


async def test_nobody_is_there() -> None:
    client = LiveClient("127.0.0.1:9", context=lambda: None)
    with pytest.raises(ApiError, match="it cannot be reached") as refused:
        await client.managed("argocd", "a")
    assert refused.value.code is ApiCode.UNAVAILABLE
    await client.close()
