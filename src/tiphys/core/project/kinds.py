"""Which kinds of objects the applications of a project may manage."""

from __future__ import annotations

from collections.abc import Iterable

from tiphys.core.project.effective import EffectiveProject
from tiphys.core.project.patterns import file_glob
from tiphys.model.appproject import ClusterResourceRestrictionItem, GroupKindRestriction
from tiphys.model.resource import GroupKind


def kind_permitted(
    project: EffectiveProject, kind: GroupKind, name: str, *, namespaced: bool
) -> bool:
    """Only the lists of cluster-scoped kinds look at the name."""
    spec = project.spec
    if namespaced:
        allowed = spec.namespace_resource_whitelist
        if allowed is not None and not _listed(allowed, kind):
            return False
        return not _listed(spec.namespace_resource_blacklist, kind)
    if not _named(spec.cluster_resource_whitelist, kind, name):
        return False
    return not _named(spec.cluster_resource_blacklist, kind, name)


def _listed(entries: Iterable[GroupKindRestriction], kind: GroupKind) -> bool:
    return any(_fits(entry, kind) for entry in entries)


def _named(entries: Iterable[ClusterResourceRestrictionItem], kind: GroupKind, name: str) -> bool:
    return any(
        _fits(entry, kind) and (not entry.name or file_glob(entry.name, name)) for entry in entries
    )


def _fits(
    entry: GroupKindRestriction | ClusterResourceRestrictionItem,
    kind: GroupKind,
) -> bool:
    return file_glob(entry.group, kind.group) and file_glob(entry.kind, kind.kind)
