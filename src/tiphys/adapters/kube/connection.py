"""One API server as services.clusters asks for it: reader, writer, discovery, two questions."""

from __future__ import annotations

from collections.abc import Callable

from tiphys.adapters.kube.client import KubeClient
from tiphys.adapters.kube.discovery import KubeDiscovery
from tiphys.adapters.kube.pods import KubePods
from tiphys.adapters.kube.transport import Call, Transport
from tiphys.model.resource import ApiResource


class KubeConnection:
    """Implements Connection. A shared transport is left open when this is closed."""

    def __init__(self, transport: Transport, *, shared: bool = False) -> None:
        self._transport = transport
        self._shared = shared
        self._client = KubeClient(transport)
        self._discovery = KubeDiscovery(transport)

    @property
    def reader(self) -> KubeClient:
        return self._client

    @property
    def writer(self) -> KubeClient:
        return self._client

    @property
    def discovery(self) -> KubeDiscovery:
        return self._discovery

    def acting_as(self, account: str) -> tuple[KubeClient, KubeClient]:
        client = KubeClient(self._transport.acting_as(account))
        return client, client

    def pods(self, account: str = "") -> KubePods:
        transport = self._transport
        return KubePods(transport.acting_as(account) if account else transport)

    async def probe(self) -> None:
        await self._transport.probe(Call("GET", "/version"))

    async def may_list(self, resource: ApiResource, namespace: str) -> bool:
        attributes = {"verb": "list", "group": resource.group, "resource": resource.plural}
        if namespace:
            attributes["namespace"] = namespace
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = await self._transport.json(Call("POST", path, body=body))
        return bool((answer.get("status") or {}).get("allowed"))

    async def count(self, resource: ApiResource) -> int:
        return await self._client.count(resource)

    def on_slow(self, listener: Callable[[], None]) -> None:
        self._transport.on_slow(listener)

    async def suspend(self, problem: str) -> None:
        # What Tiphys itself works with has its own patience.
        if not self._shared:
            await self._transport.suspend(problem)

    def resume(self) -> None:
        self._transport.resume()

    async def close(self) -> None:
        if not self._shared:
            await self._transport.close()
