"""Which fields of a project restrict its applications.

Restrictions are not enforced yet, so a project that has one is refused: to apply what it forbids
would be the worst answer. Roles and descriptions restrict people, not the controller.
"""

from __future__ import annotations

from collections.abc import Callable

from tiphys.model.appproject import AppProjectSpec

_ANY = "*"


def _sources(spec: AppProjectSpec) -> bool:
    # An entry that denies wins over one that allows, wherever it stands.
    return _ANY not in spec.source_repos or _denies(spec.source_repos)


def _destinations(spec: AppProjectSpec) -> bool:
    allowed = any(
        entry.namespace == _ANY and _ANY in (entry.server, entry.name)
        for entry in spec.destinations
    )
    names = (
        text for entry in spec.destinations for text in (entry.server, entry.name, entry.namespace)
    )
    return not allowed or _denies(tuple(names))


def _cluster_kinds(spec: AppProjectSpec) -> bool:
    return not any(
        (item.group, item.kind) == (_ANY, _ANY) and item.name in ("", _ANY)
        for item in spec.cluster_resource_whitelist
    )


def _denies(patterns: tuple[str, ...]) -> bool:
    return any(pattern.startswith("!") for pattern in patterns)


_RESTRICTING: dict[str, Callable[[AppProjectSpec], bool]] = {
    "sourceRepos": _sources,
    "destinations": _destinations,
    "clusterResourceWhitelist": _cluster_kinds,
    "clusterResourceBlacklist": lambda spec: bool(spec.cluster_resource_blacklist),
    "namespaceResourceWhitelist": lambda spec: spec.namespace_resource_whitelist is not None,
    "namespaceResourceBlacklist": lambda spec: bool(spec.namespace_resource_blacklist),
    "syncWindows": lambda spec: bool(spec.sync_windows),
    "orphanedResources": lambda spec: spec.orphaned_resources is not None,
    "signatureKeys": lambda spec: bool(spec.signature_keys),
    "sourceIntegrity": lambda spec: spec.source_integrity is not None,
    "sourceNamespaces": lambda spec: bool(spec.source_namespaces),
    "destinationServiceAccounts": lambda spec: bool(spec.destination_service_accounts),
    "permitOnlyProjectScopedClusters": lambda spec: spec.permit_only_project_scoped_clusters,
}


def restrictions(spec: AppProjectSpec) -> tuple[str, ...]:
    """The fields of spec that restrict something; empty for a project that allows everything."""
    return tuple(name for name, restricts in _RESTRICTING.items() if restricts(spec))
