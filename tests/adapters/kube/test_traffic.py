"""Paths of the Kubernetes API as what they ask for."""

from __future__ import annotations

import pytest

from tests.adapters.kube.faulty import Server, says
from tiphys.adapters.kube import KubeClient, KubeConfig, Limits, Transport
from tiphys.adapters.kube.traffic import describe
from tiphys.model.resource import ApiResource
from tiphys.model.traffic import KubeRequest, KubeVerb


@pytest.mark.parametrize(
    ("method", "path", "query", "verb", "resource", "namespace"),
    [
        ("GET", "/api/v1/namespaces/demo/pods/web", {}, KubeVerb.GET, "pods", "demo"),
        ("GET", "/api/v1/namespaces/demo/pods", {}, KubeVerb.LIST, "pods", "demo"),
        ("GET", "/api/v1/pods", {"watch": "true"}, KubeVerb.WATCH, "pods", ""),
        ("GET", "/api/v1/namespaces/demo", {}, KubeVerb.GET, "namespaces", ""),
        ("GET", "/api/v1/namespaces", {}, KubeVerb.LIST, "namespaces", ""),
        ("GET", "/api/v1", {}, KubeVerb.UNKNOWN, "", ""),
        ("GET", "/openapi/v3", {}, KubeVerb.UNKNOWN, "", ""),
        (
            "POST",
            "/apis/apps/v1/namespaces/demo/deployments",
            {},
            KubeVerb.CREATE,
            "deployments",
            "demo",
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/demo/deployments/web/status",
            {},
            KubeVerb.PATCH,
            "deployments",
            "demo",
        ),
        (
            "PUT",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/view",
            {},
            KubeVerb.UPDATE,
            "clusterroles",
            "",
        ),
        ("DELETE", "/api/v1/namespaces/demo/pods/web", {}, KubeVerb.DELETE, "pods", "demo"),
    ],
)
def test_a_path_says_what_is_asked_for(
    method: str, path: str, query: dict[str, str], verb: KubeVerb, resource: str, namespace: str
) -> None:
    found = describe("https://c", method, path, query, code=200, seconds=0.5, sent=1, received=2)
    assert found == KubeRequest("https://c", method, verb, resource, namespace, 200, 0.5, 1, 2)


def test_a_dry_run_is_told_apart() -> None:
    path = "/api/v1/namespaces/demo/pods/web"
    assert describe("s", "PATCH", path, {"dryRun": "All"}, code=200, seconds=0).dry_run
    assert not describe("s", "PATCH", path, {}, code=200, seconds=0).dry_run


async def test_every_request_is_counted_the_failed_ones_too(server: Server) -> None:
    counted: list[KubeRequest] = []
    limits = Limits(request=2.0, whole_call=3.0, first_wait=0.01, longest_wait=0.05)
    config = KubeConfig(server=server.url)
    transport = Transport(config, limits=limits, counted=counted.append)
    server.answers = [says(500), says(200, {"kind": "ConfigMap"})]
    resource = ApiResource("", "v1", "ConfigMap", "configmaps", True, frozenset())
    await KubeClient(transport).get(resource, "shop", "a")
    await transport.close()
    assert [(one.code, one.verb, one.resource, one.namespace) for one in counted] == [
        (500, KubeVerb.GET, "configmaps", "shop"),
        (200, KubeVerb.GET, "configmaps", "shop"),
    ]
    assert counted[1].received > 0
    assert counted[1].server == server.url
