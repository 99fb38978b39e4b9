"""What projects allow, as everything that reconciles asks for it.

A project is put together once and kept until somebody says that something changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from tiphys.core.app.spec import project_name
from tiphys.core.project import (
    EffectiveProject,
    Verdict,
    can_sync,
    effective_project,
    kind_permitted,
    matching_windows,
    object_refusal,
    service_account,
)
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster
from tiphys.model.errors import DestinationError
from tiphys.model.resource import GroupKind, Manifest, ResourceKey
from tiphys.services.projects.zones import utc_offset

Resolve = Callable[[ApplicationDestination], Cluster]
"""Finds the cluster that a destination means; raises DestinationError."""


class Permission:
    """What one project allows on one cluster. Answers are remembered: most objects of an
    application are of few kinds and in one namespace.
    """

    def __init__(self, project: EffectiveProject, cluster: Cluster) -> None:
        self.project = project
        self._cluster = cluster
        self._known: dict[tuple[GroupKind, str, str, bool], str] = {}
        self._kinds: dict[tuple[GroupKind, str, bool], bool] = {}

    def kind(self, key: ResourceKey, *, namespaced: bool) -> bool:
        """Whether the kind, and of a cluster-scoped object the name, is permitted anywhere."""
        known = (key.group_kind, "" if namespaced else key.name, namespaced)
        if known not in self._kinds:
            self._kinds[known] = kind_permitted(
                self.project, key.group_kind, key.name, namespaced=namespaced
            )
        return self._kinds[known]

    def refusal(self, key: ResourceKey, namespaced: bool) -> str:
        """Why an object must not be touched, empty where it may."""
        # Only of cluster-scoped objects the name counts.
        place = (key.namespace, "") if namespaced else ("", key.name)
        known = (key.group_kind, *place, namespaced)
        if known not in self._known:
            self._known[known] = object_refusal(
                self.project, self._cluster, key, namespaced=namespaced
            )
        return self._known[known]

    def live(self, key: ResourceKey) -> bool:
        """Whether a live object is to be seen at all."""
        return not self.refusal(key, bool(key.namespace))


class ProjectRules:
    """`find` knows projects by name, `clusters` all clusters that have Secrets, `repositories`
    the URLs of those that belong to a project alone. `made_of` are, by identity, the things of
    which projects are put together, for whom nobody tells of changes.
    """

    def __init__(
        self,
        find: Callable[[str], AppProject | None],
        resolve: Resolve,
        settings: Callable[[], Settings],
        *,
        control_plane: str,
        clusters: Callable[[], Iterable[Cluster]] = tuple,
        repositories: Callable[[str], Iterable[str]] = lambda _project: (),
        made_of: Callable[[], tuple[object, ...]] = tuple,
    ) -> None:
        self._made_of = made_of
        self._parts = made_of()
        self._find = find
        self._resolve = resolve
        self._settings = settings
        self._clusters = clusters
        self._repositories = repositories
        self.control_plane = control_plane
        self._effective: dict[str, tuple[Manifest, EffectiveProject]] = {}
        self._permissions: dict[tuple[str, str, str], Permission] = {}

    def forget(self) -> None:
        """A project, a Secret of a cluster or repository, or globalProjects changed."""
        self._effective.clear()
        self._permissions.clear()

    def affected(self, project: str) -> Iterable[str]:
        """The projects for which a change of this one means something."""
        if any(entry.project == project for entry in self._settings().global_projects):
            return {project, *self._effective}
        return (project,)

    def effective(self, name: str) -> EffectiveProject | None:
        """None where there is no such project. Raises ManifestDecodeError."""
        parts = self._made_of()
        if any(one is not other for one, other in zip(parts, self._parts, strict=True)):
            self._parts = parts
            self.forget()
        project = self._find(name)
        if project is None:
            return None
        known = self._effective.get(name)
        if known is not None and known[0] is project.raw:
            return known[1]
        found = effective_project(
            project,
            self._settings().global_projects,
            self._find,
            self._clusters(),
            self._repositories(name),
        )
        self._effective[name] = (project.raw, found)
        return found

    def of(self, app: Application) -> EffectiveProject | None:
        return self.effective(project_name(app.spec))

    def resolved(self, destination: ApplicationDestination) -> Cluster | str:
        """The cluster, or why there is none."""
        try:
            return self._resolve(destination)
        except DestinationError as error:
            return str(error)

    def permission(self, app: Application) -> Permission | None:
        """None where the project or the cluster is gone: then nothing may be touched."""
        project = self.of(app)
        cluster = self.resolved(app.spec.destination)
        if project is None or isinstance(cluster, str):
            return None
        # A destination may be permitted or denied by either.
        key = (project.name, cluster.server, cluster.name)
        known = self._permissions.get(key)
        if known is None or known.project is not project:
            known = self._permissions[key] = Permission(project, cluster)
        return known

    def window(
        self, app: Application, *, manual: bool, started_at: datetime | None, now: datetime
    ) -> Verdict:
        """Whether a sync may run now. Without its project none may."""
        project = self.of(app)
        if project is None:
            return Verdict(allowed=False)
        return window_verdict(app, project, manual=manual, started_at=started_at, now=now)

    def account(self, app: Application, cluster: Cluster) -> str | None:
        """As whom to sync: None where no entry fits. Raises ServiceAccountError."""
        project = self.of(app)
        if project is None:
            return None
        return service_account(
            project, cluster.server, app.spec.destination.namespace, app.namespace
        )


def window_verdict(
    app: Application,
    project: EffectiveProject,
    *,
    manual: bool,
    started_at: datetime | None,
    now: datetime,
) -> Verdict:
    """`started_at` is when the operation began, None where none has."""
    windows = matching_windows(project.spec.sync_windows, app.name, app.spec.destination)
    return can_sync(windows, manual=manual, started_at=started_at, now=now, offset=utc_offset)
