"""What a project allows in the end: its own rules, global projects' and clusters of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tiphys.core.project.selector import SelectorError, selects
from tiphys.core.settings.settings import GlobalProject
from tiphys.core.source.url import normal_form
from tiphys.model.appproject import AppProject, AppProjectSpec
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster

_APPENDED = (
    "cluster_resource_whitelist",
    "cluster_resource_blacklist",
    "namespace_resource_whitelist",
    "namespace_resource_blacklist",
    "sync_windows",
    "source_repos",
    "destinations",
    "destination_service_accounts",
)


@dataclass(frozen=True, slots=True)
class EffectiveProject:
    """`scoped` are servers and names of the clusters that belong to the project alone,
    `repositories` the URLs of its own repositories in their normal form.
    """

    name: str
    spec: AppProjectSpec
    scoped: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()


def effective_project(
    project: AppProject,
    global_projects: Sequence[GlobalProject] = (),
    find: Callable[[str], AppProject | None] = lambda _name: None,
    clusters: Iterable[Cluster] = (),
    repositories: Iterable[str] = (),
) -> EffectiveProject:
    """`clusters` may be all that are known: only those of the project count. `repositories` are
    the URLs of those that belong to the project alone.
    """
    spec = project.spec
    for other in global_projects_of(project, global_projects, find):
        spec = _appended(spec, other.spec)
    own = [cluster for cluster in clusters if cluster.project == project.name]
    destinations = tuple(
        ApplicationDestination(server=cluster.server, namespace=namespace)
        for cluster in own
        for namespace in (cluster.namespaces or ("*",))
    )
    if destinations:
        spec = replace(spec, destinations=spec.destinations + destinations)
    scoped = frozenset(text for cluster in own for text in (cluster.server, cluster.name))
    return EffectiveProject(project.name, spec, scoped, frozenset(map(normal_form, repositories)))


def global_projects_of(
    project: AppProject,
    global_projects: Sequence[GlobalProject],
    find: Callable[[str], AppProject | None],
) -> list[AppProject]:
    """Those whose lists and windows count for this one."""
    found = []
    for entry in global_projects:
        if entry.project == project.name:
            continue
        try:
            selected = selects(entry.selector, project.metadata.labels)
        except SelectorError:
            # The contract leaves the rest of the list unread, too.
            break
        if not selected:
            continue
        other = find(entry.project)
        if other is None:
            break
        found.append(other)
    return found


def _appended(spec: AppProjectSpec, other: AppProjectSpec) -> AppProjectSpec:
    """An absent whitelist of namespaced kinds allows all; with an entry it allows only that."""
    changes = {}
    for field in _APPENDED:
        more = getattr(other, field)
        if more:
            changes[field] = (getattr(spec, field) or ()) + more
    return replace(spec, **changes) if changes else spec
