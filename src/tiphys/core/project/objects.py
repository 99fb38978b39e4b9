"""Whether an application of a project may touch an object on a cluster, and why not."""

from __future__ import annotations

from tiphys.core.project.destinations import cluster_permitted, destination_permitted
from tiphys.core.project.effective import EffectiveProject
from tiphys.core.project.kinds import kind_permitted
from tiphys.model.cluster import Cluster
from tiphys.model.resource import ResourceKey


def live_permitted(project: EffectiveProject, cluster: Cluster, key: ResourceKey) -> bool:
    """A live object that is not permitted counts as absent, so that it is never deleted."""
    return not object_refusal(project, cluster, key, namespaced=bool(key.namespace))


def object_refusal(
    project: EffectiveProject, cluster: Cluster, key: ResourceKey, *, namespaced: bool
) -> str:
    """Why an object must not be applied or deleted; empty where it may."""
    if not kind_permitted(project, key.group_kind, key.name, namespaced=namespaced):
        return f"resource {key.group}:{key.kind} is not permitted in project {project.name}"
    if namespaced and not destination_permitted(
        project, cluster.server, cluster.name, key.namespace
    ):
        return f"namespace {key.namespace} is not permitted in project '{project.name}'"
    if not namespaced and not cluster_permitted(project, cluster.server, cluster.name):
        return f"cluster {cluster.server} is not permitted in project '{project.name}'"
    return ""
