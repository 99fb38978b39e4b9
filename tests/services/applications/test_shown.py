"""Which nodes of a tree a project shows."""

from typing import Any

from tiphys.core.project import effective_project
from tiphys.model.appproject import AppProject
from tiphys.services.applications.tree import shown
from tiphys.services.applications.values import TreeNode


def node(
    uid: str, group: str, kind: str, name: str, *, namespace: str = "demo", parent: str = ""
) -> TreeNode:
    return TreeNode(uid=uid, group=group, kind=kind, name=name, namespace=namespace, parent=parent)


NODES = [
    node("d", "apps", "Deployment", "web"),
    node("r", "apps", "ReplicaSet", "web-1", parent="d"),
    node("p", "", "Pod", "web-1-a", parent="r"),
    node("c", "rbac.authorization.k8s.io", "ClusterRole", "admin", namespace=""),
]


def uids(**spec: Any) -> list[str]:
    project = effective_project(AppProject({"metadata": {"name": "p"}, "spec": spec}))
    return [node.uid for node in shown(NODES, project)]


def test_what_is_not_permitted_hides_what_is_below() -> None:
    everything = [{"group": "*", "kind": "*"}]
    assert uids(clusterResourceWhitelist=everything) == ["d", "r", "p", "c"]
    assert uids() == ["d", "r", "p"]
    assert uids(namespaceResourceBlacklist=[{"group": "apps", "kind": "ReplicaSet"}]) == ["d"]
