"""Tokens of projects at the start: spec and status list the same ones."""

from __future__ import annotations

from typing import Any

from tests.fakes.kube import FakeCluster
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ForbiddenError
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ResourceKey
from tiphys.services.projects.beginning import align_tokens
from tiphys.services.projects.surroundings import PROJECTS


def project(name: str, spec: list[dict[str, Any]], status: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": "argocd", "uid": name},
        "spec": {
            "roles": [{"name": "ci", "unknown": "kept", "jwtTokens": spec}, {"name": "other"}]
        },
        "status": {"jwtTokensByRole": {"ci": {"items": status}, "gone": {"items": [{"iat": 9}]}}},
    }


def key(name: str) -> ResourceKey:
    return ResourceKey(API_GROUP, "AppProject", "argocd", name)


async def start(cluster: FakeCluster) -> list[str]:
    """The projects that were written."""
    before = len(cluster.calls)
    await align_tokens([AppProject(one) for one in cluster.objects.values()], cluster)
    return [one.name for verb, one in cluster.calls[before:] if verb == "patch"]


async def test_both_lists_are_joined() -> None:
    cluster = FakeCluster([PROJECTS])
    cluster.seed(project("team", [{"iat": 1}], [{"iat": 5, "id": "five", "exp": 7}]))
    assert await start(cluster) == ["team"]
    found = cluster.objects[key("team")]
    tokens = [{"iat": 5, "id": "five", "exp": 7}, {"iat": 1, "id": "1"}]
    assert found["spec"]["roles"] == [
        {"name": "ci", "unknown": "kept", "jwtTokens": tokens},
        {"name": "other"},
    ]
    assert found["status"]["jwtTokensByRole"] == {"ci": {"items": tokens}}
    assert await start(cluster) == []


async def test_a_project_that_cannot_be_written_hinders_no_other() -> None:
    cluster = FakeCluster([PROJECTS])
    cluster.seed(project("a", [{"iat": 1}], []), project("b", [{"iat": 2}], []))
    cluster.fail = lambda verb, key: ForbiddenError("no") if key.name == "a" else None
    await start(cluster)
    assert cluster.objects[key("b")]["status"]["jwtTokensByRole"]["ci"]["items"] == [
        {"iat": 2, "id": "2"}
    ]
