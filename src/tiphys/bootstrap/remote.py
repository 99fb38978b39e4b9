"""A server of the API for commands: its connection, and what is opened for it here."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tiphys.cli.errors import FatalError
from tiphys.cli.ports import ServerChoice
from tiphys.services.remote.server import RemoteServer

if TYPE_CHECKING:
    from tiphys.adapters.kube import KubeConfig, Transport
    from tiphys.bootstrap.sources import CommandSources
    from tiphys.cli.ports import ClusterChoice
    from tiphys.core.app.asking import Asking
    from tiphys.model.application import ApplicationSource
    from tiphys.model.connection import ServerConnection
    from tiphys.services.applications.values import LocalFiles
    from tiphys.services.render.around import Around, Looked

_LIMIT = "ARGOCD_GRPC_MAX_SIZE_MB"
_USUAL_LIMIT = 200
_NAMESPACE = "argocd"
_SERVER_PORT = 8080


OpenCluster = Callable[
    ["ClusterChoice"], AbstractAsyncContextManager[tuple["KubeConfig", "Transport"]]
]
"""Opens the cluster that a server is forwarded from."""


@asynccontextmanager
async def open_server(
    choice: ServerChoice, warn: Callable[[str], None], cluster: OpenCluster
) -> AsyncIterator[RemoteServer]:
    from tiphys.adapters.apiclient import ApiClient, ConnectError

    async with AsyncExitStack() as stack:
        connection = await _reached(choice, cluster, stack)
        client = ApiClient(connection, limit_megabytes=_limit(), warn=warn)
        stack.push_async_callback(client.close)
        try:
            await client.open()
        except ConnectError as error:
            raise FatalError(
                f"Failed to establish connection to {connection.address}: {error}", code=1
            ) from None
        sources = await stack.enter_async_context(FolderSources())
        yield RemoteServer(client, connection.url, sources, lambda: datetime.now(UTC))


async def _reached(
    choice: ServerChoice, cluster: OpenCluster, stack: AsyncExitStack
) -> ServerConnection:
    """Where the server is found from here; the name in its certificate is another then."""
    if choice.forward is None:
        return choice.connection
    from tiphys.adapters.kube import KubeClient, forwarded
    from tiphys.model.resource import ApiResource

    config, transport = await stack.enter_async_context(cluster(choice.cluster))
    namespace = choice.forward.namespace or config.namespace or _NAMESPACE
    pods = ApiResource("", "v1", "Pod", "pods", True, frozenset({"list"}))
    label = f"app.kubernetes.io/name={choice.forward.name}"
    found = await KubeClient(transport).list(pods, namespace=namespace, label_selector=label)
    running = [pod for pod in found.items if (pod.get("status") or {}).get("phase") == "Running"]
    if not running:
        raise FatalError(f"cannot find pod with selector: [{label}]")
    name = str(running[0]["metadata"]["name"])
    port = await stack.enter_async_context(forwarded(transport, namespace, name, _SERVER_PORT))
    return replace(choice.connection, address=f"127.0.0.1:{port}", insecure=True)


def _limit() -> int:
    text = os.environ.get(_LIMIT, "")
    return int(text) if text.isdigit() and int(text) else _USUAL_LIMIT


class FolderSources:
    """SourceCheck for folders of this machine, opened when one is rendered. What else their
    sources name is fetched without anybody's credentials.
    """

    def __init__(self) -> None:
        self._open = AsyncExitStack()
        self._sources: CommandSources | None = None

    async def __aenter__(self) -> FolderSources:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def reachable(self, source: ApplicationSource, project: str) -> None:
        await (await self._opened()).reachable(source, project)

    async def resolve(self, asking: Asking, project: str) -> tuple[str, ...]:
        return await (await self._opened()).resolve(asking, project)

    async def render(
        self, asking: Asking, around: Around, files: LocalFiles | None = None
    ) -> Looked:
        return await (await self._opened()).render(asking, around, files)

    async def _opened(self) -> CommandSources:
        from tiphys.bootstrap.logs import configure_logs
        from tiphys.bootstrap.sources import open_sources
        from tiphys.services.repositories.registry import KnownRepositories

        if self._sources is None:
            configure_logs("warn")
            self._sources = await self._open.enter_async_context(open_sources(KnownRepositories()))
        return self._sources
