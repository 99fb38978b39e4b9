"""Discovery documents of old and new servers, and what stays known while a part is down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.adapters.kube.faulty import Answer, Server, says
from tiphys.adapters.kube import KubeConfig, KubeDiscovery, Limits, Transport
from tiphys.model.errors import KubeUnreachableError
from tiphys.model.resource import ApiResource, GroupKind, GroupVersionKind


def kind(name: str, plural: str, *, namespaced: bool = True) -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"group": "", "version": "", "kind": name},
        "scope": "Namespaced" if namespaced else "Cluster",
        "verbs": ["get", "list", "watch"],
        "subresources": [{"subresource": "status"}],
    }


def group(name: str, *versions: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "versions": list(versions)}


def version(name: str, *kinds: dict[str, Any], stale: bool = False) -> dict[str, Any]:
    freshness = "Stale" if stale else "Current"
    return {"version": name, "resources": list(kinds), "freshness": freshness}


def aggregated(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIGroupDiscoveryList", "items": list(groups)}


NODE = kind("Node", "nodes", namespaced=False)
CORE = aggregated(group("", version("v1", kind("Pod", "pods"), NODE)))


class Documents:
    """Serves documents by path; a missing one is a 404, an int that status."""

    def __init__(self, server: Server) -> None:
        self.by_path: dict[str, Any] = {"/version": {"gitVersion": "v1.36.3"}}
        self.accepted: dict[str, str] = {}
        server.otherwise = self.answer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.accepted[request.path] = request.headers["Accept"]
        found = self.by_path.get(request.path, 404)
        answer: Answer = says(found) if isinstance(found, int) else says(200, found)
        return await answer(request)


@pytest.fixture
def documents(server: Server) -> Documents:
    return Documents(server)


@pytest.fixture
async def discovery(server: Server) -> AsyncIterator[KubeDiscovery]:
    limits = Limits(attempts=1)
    transport = Transport(KubeConfig(server=server.url), limits=limits)
    yield KubeDiscovery(transport)
    await transport.close()


async def test_nothing_is_known_before_the_first_refresh(discovery: KubeDiscovery) -> None:
    assert (list(discovery.preferred()), list(discovery.versions())) == ([], [])
    assert discovery.server_version == ""
    assert await discovery.schema(GroupVersionKind("", "v1", "Pod")) is None


async def test_aggregated_documents(documents: Documents, discovery: KubeDiscovery) -> None:
    documents.by_path["/api"] = CORE
    documents.by_path["/apis"] = aggregated(
        group(
            "example.com",
            version("v2", kind("Widget", "widgets")),
            version("v1", kind("Widget", "widgets"), kind("Gadget", "gadgets")),
        )
    )
    await discovery.refresh()
    pod = ApiResource("", "v1", "Pod", "pods", True, frozenset({"get", "list", "watch"}))
    assert discovery.find(GroupVersionKind("", "v1", "Pod")) == pod
    assert [(one.kind, one.version) for one in discovery.preferred()] == [
        ("Pod", "v1"),
        ("Node", "v1"),
        ("Widget", "v2"),
        ("Gadget", "v1"),
    ]
    assert discovery.scope(GroupKind("", "Node")) is False
    assert discovery.versions() == (
        "example.com/v1",
        "example.com/v1/Gadget",
        "example.com/v1/Widget",
        "example.com/v2",
        "example.com/v2/Widget",
        "v1",
        "v1/Node",
        "v1/Pod",
    )
    assert set(documents.accepted) == {"/api", "/apis", "/version"}
    assert "as=APIGroupDiscoveryList" in documents.accepted["/apis"]


async def test_charts_are_not_told_of_what_cannot_be_watched(
    documents: Documents, discovery: KubeDiscovery
) -> None:
    review = kind("TokenReview", "tokenreviews", namespaced=False) | {"verbs": ["create"]}
    documents.by_path["/api"] = CORE
    documents.by_path["/apis"] = aggregated(
        group("authentication.k8s.io", version("v1", review)),
        group("example.com", version("v1", kind("Widget", "widgets"), review)),
    )
    await discovery.refresh()
    assert discovery.find(GroupVersionKind("authentication.k8s.io", "v1", "TokenReview"))
    assert discovery.versions() == (
        "example.com/v1",
        "example.com/v1/Widget",
        "v1",
        "v1/Node",
        "v1/Pod",
    )


async def test_a_stale_version_keeps_what_was_known(
    documents: Documents, discovery: KubeDiscovery
) -> None:
    documents.by_path["/api"] = CORE
    documents.by_path["/apis"] = aggregated(
        group("metrics.k8s.io", version("v1", kind("PodMetrics", "pods")))
    )
    await discovery.refresh()
    documents.by_path["/apis"] = aggregated(
        group("metrics.k8s.io", version("v1", stale=True)),
        group("other.example.com", version("v1", stale=True)),
    )
    await discovery.refresh()
    assert discovery.scope(GroupKind("metrics.k8s.io", "PodMetrics")) is True
    assert "metrics.k8s.io/v1/PodMetrics" in discovery.versions()
    documents.by_path["/apis"] = aggregated(group("metrics.k8s.io", version("v1")))
    await discovery.refresh()
    assert discovery.scope(GroupKind("metrics.k8s.io", "PodMetrics")) is None


def legacy(documents: Documents) -> None:
    documents.by_path["/api"] = {"kind": "APIVersions", "versions": ["v1"]}
    documents.by_path["/api/v1"] = resources("Pod", "pods")
    documents.by_path["/apis"] = {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "example.com",
                "versions": [{"version": "v1"}, {"version": "v2"}],
                "preferredVersion": {"version": "v2"},
            }
        ],
    }
    documents.by_path["/apis/example.com/v1"] = resources("Widget", "widgets")
    documents.by_path["/apis/example.com/v2"] = resources("Widget", "widgets")


def resources(name: str, plural: str) -> dict[str, Any]:
    main = {"name": plural, "kind": name, "namespaced": True, "verbs": ["list"]}
    part = {"name": f"{plural}/status", "kind": name, "namespaced": True, "verbs": ["get"]}
    return {"kind": "APIResourceList", "resources": [main, part]}


async def test_servers_without_aggregation_are_asked_by_group(
    documents: Documents, discovery: KubeDiscovery
) -> None:
    legacy(documents)
    await discovery.refresh()
    widget = ApiResource("example.com", "v2", "Widget", "widgets", True, frozenset({"list"}))
    assert [one for one in discovery.preferred() if one.kind == "Widget"] == [widget]
    assert discovery.scope(GroupKind("", "Pod")) is True


async def test_a_group_that_is_down_stays_known(
    documents: Documents, discovery: KubeDiscovery
) -> None:
    legacy(documents)
    await discovery.refresh()
    documents.by_path["/apis/example.com/v1"] = 503
    documents.by_path["/apis/example.com/v2"] = 404
    await discovery.refresh()
    assert discovery.find(GroupVersionKind("example.com", "v1", "Widget")) is not None
    assert discovery.find(GroupVersionKind("example.com", "v2", "Widget")) is None


async def test_a_refresh_that_fails_leaves_everything_as_it_was(
    documents: Documents, discovery: KubeDiscovery
) -> None:
    documents.by_path["/api"] = CORE
    documents.by_path["/apis"] = aggregated()
    await discovery.refresh()
    documents.by_path["/api"] = aggregated()
    documents.by_path["/apis"] = 503
    with pytest.raises(KubeUnreachableError):
        await discovery.refresh()
    assert discovery.scope(GroupKind("", "Pod")) is True


async def test_a_schema_is_fetched_again_only_when_its_hash_moves(
    documents: Documents, discovery: KubeDiscovery, server: Server
) -> None:
    documents.by_path["/api"] = CORE
    documents.by_path["/apis"] = aggregated()
    address = {"serverRelativeURL": "/openapi/v3/api/v1?hash=1"}
    documents.by_path["/openapi/v3"] = {"paths": {"api/v1": address}}
    documents.by_path["/openapi/v3/api/v1"] = {"components": {"schemas": {}}}
    pod = GroupVersionKind("", "v1", "Pod")
    await discovery.refresh()

    async def asked() -> list[str]:
        server.seen.clear()
        assert await discovery.schema(pod) is None
        return [request.path_qs for request in server.seen]

    assert await asked() == ["/openapi/v3", "/openapi/v3/api/v1?hash=1"]
    assert await asked() == []
    await discovery.refresh()
    assert await asked() == ["/openapi/v3"]
    await discovery.refresh()
    documents.by_path["/openapi/v3"] = {
        "paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=2"}}
    }
    assert await asked() == ["/openapi/v3", "/openapi/v3/api/v1?hash=2"]
    documents.by_path["/openapi/v3"] = {"paths": {}}
    await discovery.refresh()
    assert await asked() == ["/openapi/v3"]


async def test_a_real_servers_schema(discovery: KubeDiscovery, transport: Transport) -> None:
    real = KubeDiscovery(transport)
    await real.refresh()
    schema = await real.schema(GroupVersionKind("apps", "v1", "Deployment"))
    assert schema is not None
    assert schema.strategic
