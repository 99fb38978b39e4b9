"""Which clusters and namespaces the applications of a project may deploy to."""

from __future__ import annotations

from tiphys.core.project.effective import EffectiveProject
from tiphys.core.project.patterns import glob_or_not, is_denial


def cluster_permitted(project: EffectiveProject, server: str, cluster_name: str) -> bool:
    """Whether any destination of the project is on the cluster, which is all that can be asked
    for an object that is in no namespace.
    """
    if _is_foreign(project, server, cluster_name):
        return False
    allowed = False
    for entry in project.spec.destinations:
        at_server = bool(server) and glob_or_not(entry.server, server)
        by_name = bool(cluster_name) and glob_or_not(entry.name, cluster_name)
        if is_denial(entry.name) and not by_name:
            return False
        if is_denial(entry.server) and not at_server and entry.namespace == "*":
            return False
        allowed = allowed or at_server or by_name
    return allowed


def _is_foreign(project: EffectiveProject, server: str, cluster_name: str) -> bool:
    """Whether only the project's own clusters will do, and this is none of them."""
    return project.spec.permit_only_project_scoped_clusters and not (
        server in project.scoped or cluster_name in project.scoped
    )


def destination_permitted(
    project: EffectiveProject, server: str, cluster_name: str, namespace: str
) -> bool:
    """`server` and `cluster_name` are those of the cluster that the destination resolves to."""
    if _is_foreign(project, server, cluster_name):
        return False
    allowed = False
    for entry in project.spec.destinations:
        at_server = bool(server) and glob_or_not(entry.server, server)
        by_name = bool(cluster_name) and glob_or_not(entry.name, cluster_name)
        in_namespace = glob_or_not(entry.namespace, namespace)
        if (at_server or by_name) and in_namespace:
            allowed = True
        elif (
            (is_denial(entry.name) and not by_name)
            or (is_denial(entry.server) and not at_server and in_namespace)
            or (is_denial(entry.namespace) and not in_namespace and at_server)
        ):
            return False
    return allowed
