"""Which live objects count as orphaned: nobody's, where a project wants to know of them.

Whether an object has owners or belongs to an application is the caller's knowledge.
"""

from __future__ import annotations

from tiphys.core.project.effective import EffectiveProject
from tiphys.core.project.kinds import kind_permitted
from tiphys.core.project.patterns import glob
from tiphys.model.appproject import OrphanedResourceKey
from tiphys.model.resource import ResourceKey


def may_be_orphaned(project: EffectiveProject, key: ResourceKey) -> bool:
    """Whether a namespaced object that belongs to no application is to be told of."""
    monitor = project.spec.orphaned_resources
    if monitor is None or _built_in(key):
        return False
    if not kind_permitted(project, key.group_kind, key.name, namespaced=True):
        return False
    return not any(_ignored(entry, key) for entry in monitor.ignore)


def warns_of_orphans(project: EffectiveProject) -> bool:
    """Whether orphans are a condition of the application, not only part of its tree."""
    monitor = project.spec.orphaned_resources
    return monitor is not None and monitor.warn is True


def _built_in(key: ResourceKey) -> bool:
    """What every cluster makes by itself."""
    if key.group:
        return False
    match key.kind:
        case "Service":
            return (key.namespace, key.name) == ("default", "kubernetes")
        case "ServiceAccount":
            return key.name == "default"
        case "ConfigMap":
            return key.name == "kube-root-ca.crt"
        case _:
            return False


def _ignored(entry: OrphanedResourceKey, key: ResourceKey) -> bool:
    """A blank kind or name means any, a blank group only the core one."""
    return (
        glob(entry.group, key.group)
        and (not entry.kind or glob(entry.kind, key.kind))
        and (not entry.name or glob(entry.name, key.name))
    )
