"""Which kinds a project allows."""

from typing import Any

import pytest

from tests.core.project.build import project
from tiphys.core.project import kind_permitted
from tiphys.model.resource import GroupKind

DEPLOYMENT = GroupKind("apps", "Deployment")
ROLE = GroupKind("rbac.authorization.k8s.io", "ClusterRole")


def namespaced(**spec: Any) -> bool:
    return kind_permitted(project(**spec), DEPLOYMENT, "web", namespaced=True)


def clustered(**spec: Any) -> bool:
    return kind_permitted(project(**spec), ROLE, "team-admin", namespaced=False)


def test_namespaced_kinds_are_allowed_unless_said_otherwise() -> None:
    assert namespaced()
    assert namespaced(namespaceResourceWhitelist=None)
    assert not namespaced(namespaceResourceWhitelist=[])
    assert namespaced(namespaceResourceWhitelist=[{"group": "apps", "kind": "*"}])
    assert namespaced(namespaceResourceWhitelist=[{"group": "*", "kind": "Deploy*"}])
    assert not namespaced(namespaceResourceWhitelist=[{"group": "", "kind": "*"}])
    # Braces are no pattern here, and case counts.
    assert not namespaced(namespaceResourceWhitelist=[{"group": "apps", "kind": "{Deployment,x}"}])
    assert not namespaced(namespaceResourceWhitelist=[{"group": "apps", "kind": "deployment"}])


def test_denied_namespaced_kinds() -> None:
    assert not namespaced(namespaceResourceBlacklist=[{"group": "apps", "kind": "Deployment"}])
    assert namespaced(namespaceResourceBlacklist=[{"group": "apps", "kind": "StatefulSet"}])
    everything = [{"group": "*", "kind": "*"}]
    assert not namespaced(
        namespaceResourceWhitelist=everything, namespaceResourceBlacklist=everything
    )


@pytest.mark.parametrize(
    ("name", "allowed"), [("", True), ("team-*", True), ("team-**", True), ("other-*", False)]
)
def test_cluster_kinds_by_name(name: str, allowed: bool) -> None:
    entry = {"group": "rbac.*", "kind": "ClusterRole", "name": name}
    assert clustered(clusterResourceWhitelist=[entry]) is allowed
    everything = [{"group": "*", "kind": "*"}]
    assert clustered(clusterResourceWhitelist=everything, clusterResourceBlacklist=[entry]) is not (
        allowed
    )


def test_cluster_kinds_are_denied_unless_listed() -> None:
    assert not clustered()
    assert not clustered(namespaceResourceWhitelist=[{"group": "*", "kind": "*"}])
    assert not clustered(clusterResourceWhitelist=[{"group": "", "kind": "Namespace"}])


def test_stars_stop_at_slashes() -> None:
    entry = {"group": "*", "kind": "*", "name": "team*"}
    found = project(clusterResourceWhitelist=[entry])
    assert not kind_permitted(found, ROLE, "team/x", namespaced=False)
