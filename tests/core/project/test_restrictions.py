"""Which projects allow everything, and by which field the others do not."""

from typing import Any

import pytest

from tiphys.core.project.restrictions import restrictions
from tiphys.model.appproject import AppProject

OPEN: dict[str, Any] = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


def restricting(**changes: Any) -> tuple[str, ...]:
    return restrictions(AppProject.from_manifest({"spec": {**OPEN, **changes}}).spec)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"destinations": [{"name": "*", "namespace": "*"}]},
        {"destinations": [{"server": "https://a", "namespace": "b"}, *OPEN["destinations"]]},
        {"description": "d", "roles": [{"name": "r", "policies": ["p"]}]},
        {"clusterResourceWhitelist": [{"group": "*", "kind": "*", "name": "*"}]},
        {"clusterResourceBlacklist": [], "syncWindows": [], "sourceNamespaces": []},
    ],
)
def test_open_projects(changes: dict[str, Any]) -> None:
    assert restricting(**changes) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sourceRepos", []),
        ("sourceRepos", ["https://git.example.com/*"]),
        ("sourceRepos", ["*", "!https://git.example.com/secret"]),
        ("destinations", []),
        ("destinations", [{"server": "*", "namespace": "demo"}]),
        ("destinations", [{"server": "https://a", "namespace": "*"}]),
        ("destinations", [*OPEN["destinations"], {"server": "*", "namespace": "!kube-system"}]),
        ("destinations", [*OPEN["destinations"], {"server": "!https://a", "namespace": "*"}]),
        ("destinations", [*OPEN["destinations"], {"name": "!prod", "namespace": "*"}]),
        ("clusterResourceWhitelist", []),
        ("clusterResourceWhitelist", [{"group": "*", "kind": "Namespace"}]),
        ("clusterResourceWhitelist", [{"group": "*", "kind": "*", "name": "team-*"}]),
        ("clusterResourceBlacklist", [{"group": "", "kind": "Namespace"}]),
        ("namespaceResourceWhitelist", []),
        ("namespaceResourceWhitelist", [{"group": "*", "kind": "*"}]),
        ("namespaceResourceBlacklist", [{"group": "", "kind": "Secret"}]),
        ("syncWindows", [{"kind": "deny"}]),
        ("orphanedResources", {}),
        ("signatureKeys", [{"keyID": "4AEE18F83AFDEB23"}]),
        ("sourceIntegrity", {"git": {"policies": []}}),
        ("sourceNamespaces", ["team"]),
        (
            "destinationServiceAccounts",
            [{"server": "*", "defaultServiceAccount": "deployer"}],
        ),
        ("permitOnlyProjectScopedClusters", True),
    ],
)
def test_restricting_fields(field: str, value: Any) -> None:
    assert restricting(**{field: value}) == (field,)


def test_a_new_project_allows_nothing() -> None:
    assert restrictions(AppProject.from_manifest({}).spec) == (
        "sourceRepos",
        "destinations",
        "clusterResourceWhitelist",
    )
