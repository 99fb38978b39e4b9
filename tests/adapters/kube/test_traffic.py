"""Paths of the Kubernetes API as what they ask for."""

from __future__ import annotations

import pytest

from tiphys.adapters.kube.traffic import describe
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
