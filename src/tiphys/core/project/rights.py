"""What a caller must be allowed besides a change of a project, for what the change touches."""

from __future__ import annotations

from collections.abc import Iterator

from tiphys.model.appproject import AppProjectSpec

_KINDS = (
    "cluster_resource_whitelist",
    "cluster_resource_blacklist",
    "namespace_resource_whitelist",
    "namespace_resource_blacklist",
)


def touched(before: AppProjectSpec, after: AppProjectSpec) -> Iterator[tuple[str, str]]:
    """(resource, object) of which `update` is needed, in the order in which it is asked for."""
    old, new = ({one.server: one for one in spec.destinations} for spec in (before, after))
    for server in (*old, *new):
        if (server in old) != (server in new):
            yield "clusters", server
    for url in (*before.source_repos, *after.source_repos):
        if (url in before.source_repos) != (url in after.source_repos):
            yield "repositories", url
    if any(getattr(before, name) != getattr(after, name) for name in _KINDS):
        for server in {**old, **new}:
            yield "clusters", server
