"""Which kinds are left alone: excluded by default, by settings, or by not being included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiphys.core.settings.glob import matches
from tiphys.model.resource import GroupKind


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """Globs of groups, kinds and cluster addresses; an empty list matches everything."""

    groups: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()

    def matches(self, kind: GroupKind, cluster: str) -> bool:
        return (
            self.concerns(cluster)
            and _any_matches(self.groups, kind.group)
            and _any_matches(self.kinds, kind.kind)
        )

    def concerns(self, cluster: str) -> bool:
        return _any_matches(self.clusters, cluster)


def _any_matches(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(matches(pattern, text) for pattern in patterns)


DEFAULT_EXCLUSIONS = (
    ResourceRule(groups=("events.k8s.io", "metrics.k8s.io")),
    ResourceRule(groups=("",), kinds=("Event",)),
    ResourceRule(groups=("coordination.k8s.io",), kinds=("Lease",)),
)
"""Kinds that change all the time and that nobody keeps in Git."""


@dataclass(frozen=True, slots=True)
class ResourceFilter:
    exclusions: tuple[ResourceRule, ...] = ()
    inclusions: tuple[ResourceRule, ...] = ()

    def excludes(self, kind: GroupKind, cluster: str) -> bool:
        """Whether the kind is neither watched nor managed on the cluster with this address."""
        if any(rule.matches(kind, cluster) for rule in (*DEFAULT_EXCLUSIONS, *self.exclusions)):
            return True
        included = [rule for rule in self.inclusions if rule.concerns(cluster)]
        return bool(included) and not any(rule.matches(kind, cluster) for rule in included)
