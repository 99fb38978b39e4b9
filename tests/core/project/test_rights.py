"""What a change of a project touches besides it."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.project.rights import touched
from tiphys.model.appproject import AppProject, AppProjectSpec

A, B = "https://a", "https://b"
POD = [{"group": "", "kind": "Pod"}]


def spec(*servers: str, **fields: Any) -> AppProjectSpec:
    destinations = [{"server": server, "namespace": "x"} for server in servers]
    return AppProject({"spec": {"destinations": destinations, **fields}}).spec


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (spec(A), spec(A), []),
        (spec(A), spec(B), [("clusters", A), ("clusters", B)]),
        (spec(A), spec(A, description="x", sourceRepos=["u"]), [("repositories", "u")]),
        (spec(sourceRepos=["u", "v"]), spec(sourceRepos=["v"]), [("repositories", "u")]),
        (spec(A), spec(A, namespaceResourceWhitelist=POD), [("clusters", A)]),
        (
            spec(A, clusterResourceBlacklist=POD),
            spec(A, B),
            [("clusters", B), ("clusters", A), ("clusters", B)],
        ),
    ],
)
def test_touched(
    before: AppProjectSpec, after: AppProjectSpec, found: list[tuple[str, str]]
) -> None:
    assert list(touched(before, after)) == found
