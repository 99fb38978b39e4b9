"""What a project touches: its applications, clusters and repositories, and global projects."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence

from tiphys.core.app.spec import project_name, sources_of
from tiphys.core.project import (
    EffectiveProject,
    destination_permitted,
    effective_project,
    source_permitted,
)
from tiphys.core.project.effective import global_projects_of
from tiphys.core.settings import parse_settings
from tiphys.core.settings.clusters import ClusterTable, is_cluster_secret, read_cluster
from tiphys.core.settings.settings import GlobalProject
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import Cluster
from tiphys.model.errors import DestinationError, ManifestDecodeError, ObjectNotFoundError
from tiphys.model.names import API_GROUP, LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeReader

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
PROJECTS = ApiResource(API_GROUP, "v1alpha1", "AppProject", "appprojects", True, _VERBS)
_APPLICATIONS = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, _VERBS)
_SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
_CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
_GLOBAL_PROJECTS = "globalProjects"


class Surroundings:
    """Reads what is there now. Raises KubeError and SettingsError."""

    def __init__(self, reader: KubeReader, namespace: str) -> None:
        self._reader = reader
        self._namespace = namespace

    async def users(self, project: str) -> list[Application]:
        """The applications in the control plane's namespace that name the project."""
        found = await self._reader.list(_APPLICATIONS, namespace=self._namespace)
        return [app for app in map(Application, found.items) if _uses(app, project)]

    async def clusters(self) -> ClusterTable:
        secrets = await self._secrets("cluster")
        return ClusterTable.of(read_cluster(one) for one in secrets if is_cluster_secret(one))

    async def repositories(self, project: str) -> tuple[str, ...]:
        """URLs of the repositories that belong to the project alone."""
        found = await self._secrets("repository")
        return tuple(sorted(_text(one, "url") for one in found if _text(one, "project") == project))

    async def effective(
        self, project: AppProject, clusters: Sequence[Cluster] = ()
    ) -> EffectiveProject:
        """With global projects, and with those of the clusters that are its own."""
        entries, known = await self._globals()
        mine = await self.repositories(project.name)
        return effective_project(project, entries, known.get, clusters, mine)

    async def global_projects(self, project: AppProject) -> Sequence[AppProject]:
        """Those that count for this one."""
        entries, known = await self._globals()
        return global_projects_of(project, entries, known.get)

    async def _globals(self) -> tuple[tuple[GlobalProject, ...], dict[str, AppProject]]:
        """The entries of the setting, and the projects that they may name."""
        entries = await self._global_projects()
        if not entries:
            return (), {}
        found = await self._reader.list(PROJECTS, namespace=self._namespace)
        return entries, {one.name: one for one in map(AppProject, found.items)}

    async def _global_projects(self) -> tuple[GlobalProject, ...]:
        try:
            stored = await self._reader.get(_CONFIG_MAPS, self._namespace, "argocd-cm")
        except ObjectNotFoundError:
            return ()
        data = stored.get("data") or {}
        if _GLOBAL_PROJECTS not in data:
            return ()
        # The rest of the settings does not matter here, and may be faulty.
        return parse_settings({_GLOBAL_PROJECTS: data[_GLOBAL_PROJECTS]}, {}).global_projects

    async def _secrets(self, kind: str) -> Sequence[Manifest]:
        found = await self._reader.list(
            _SECRETS, namespace=self._namespace, label_selector=f"{LABEL_SECRET_TYPE}={kind}"
        )
        return found.items


def invalidated(
    applications: Sequence[Application],
    before: EffectiveProject,
    after: EffectiveProject,
    resolve: Callable[[ApplicationDestination], Cluster],
) -> tuple[int, int]:
    """How many applications lose their repository and their destination by a change.

    Those whose destination means no cluster are passed over.
    """
    sources = destinations = 0
    for app in applications:
        urls = [source.repo_url for source in sources_of(app.spec) if source.repo_url]
        sources += any(
            source_permitted(before, url) and not source_permitted(after, url) for url in urls
        )
        try:
            cluster = resolve(app.spec.destination)
        except DestinationError:
            continue
        place = (cluster.server, cluster.name, app.spec.destination.namespace)
        destinations += destination_permitted(before, *place) and not destination_permitted(
            after, *place
        )
    return sources, destinations


def _uses(app: Application, project: str) -> bool:
    try:
        return project_name(app.spec) == project
    except ManifestDecodeError:
        # Nobody can say what it uses, and it is not compared either.
        return False


def _text(secret: Manifest, key: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "").decode().strip()
    except (binascii.Error, ValueError):
        return ""
