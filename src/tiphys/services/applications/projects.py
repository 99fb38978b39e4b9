"""Projects as a command needs them: read when they are asked for, with all that counts for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tiphys.core.app.spec import project_name, sources_of
from tiphys.core.project import (
    EffectiveProject,
    ServiceAccountError,
    WindowError,
    effective_project,
    is_active,
    matching_windows,
    service_account,
)
from tiphys.core.source.integrity import policy_for
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject, SyncWindow
from tiphys.model.errors import ApiCode, ApiError, ForbiddenError, ObjectNotFoundError
from tiphys.model.integrity import IntegrityMode
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ApiResource
from tiphys.services.applications.destinations import Destinations
from tiphys.services.applications.settings import SettingsReader
from tiphys.services.applications.values import Windows, WindowState
from tiphys.services.live.ports import KubeReader
from tiphys.services.projects.rules import ProjectRules, window_verdict
from tiphys.services.projects.surroundings import Surroundings
from tiphys.services.projects.zones import utc_offset

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
PROJECTS = ApiResource(API_GROUP, "v1alpha1", "AppProject", "appprojects", True, _VERBS)


class ProjectReader:
    """Raises KubeError and SettingsError. `rules` know the projects where they are followed."""

    def __init__(
        self,
        reader: KubeReader,
        settings: SettingsReader,
        destinations: Destinations,
        rules: ProjectRules | None = None,
    ) -> None:
        self._rules = rules
        self._reader = reader
        self._settings = settings
        self._destinations = destinations

    async def read(self, name: str) -> AppProject | None:
        try:
            found = await self._reader.get(PROJECTS, self._settings.namespace, name)
        except ObjectNotFoundError:
            return None
        return AppProject(found)

    async def effective(self, name: str, *, with_clusters: bool = True) -> EffectiveProject | None:
        """With the global projects, and its own clusters, that count for it.

        Only destinations ask about clusters, and only sources about repositories: whatever does
        not can do without their Secrets.
        """
        if self._rules is not None:
            return self._rules.effective(name)
        project = await self.read(name)
        if project is None:
            return None
        shared = (await self._settings.present()).global_projects
        others = {one.project: await self.read(one.project) for one in shared}
        if not with_clusters:
            return effective_project(project, shared, others.get)
        clusters = await self._destinations.clusters()
        return effective_project(
            project, shared, others.get, clusters, await self._repositories(name)
        )

    async def _repositories(self, project: str) -> Sequence[str]:
        """Its own, as far as whoever asks may read Secrets; the controller may."""
        try:
            return await Surroundings(self._reader, self._settings.namespace).repositories(project)
        except ForbiddenError:
            return ()

    async def account(self, application: Application, server: str) -> str | None:
        """The service account that its objects are the business of; None where none is named."""
        name = project_name(application.spec)
        project = await self.effective(name, with_clusters=False)
        if project is None:
            return None
        namespace = application.spec.destination.namespace
        try:
            return service_account(project, server, namespace, application.namespace)
        except ServiceAccountError as error:
            raise ApiError(
                ApiCode.UNKNOWN, f"failed to derive service account to impersonate: {error}"
            ) from None

    async def asks_signatures(self, application: Application) -> bool:
        """Whether its project asks for signatures of any of its sources."""
        project = await self.effective(project_name(application.spec), with_clusters=False)
        return project is not None and any(
            (policy := policy_for(project.spec, source.repo_url)) is not None
            and policy.mode is not IntegrityMode.NONE
            for source in sources_of(application.spec)
        )

    async def windows(self, application: Application, now: datetime) -> Windows:
        """None concern an application whose project is gone: it may not sync anyway."""
        project = await self.effective(project_name(application.spec), with_clusters=False)
        if project is None or not project.spec.sync_windows:
            return Windows()
        verdicts = [
            window_verdict(application, project, manual=manual, started_at=None, now=now)
            for manual in (False, True)
        ]
        state = WindowState.DENIED
        if verdicts[0].allowed:
            state = WindowState.ALLOWED
        elif verdicts[1].allowed:
            state = WindowState.MANUAL
        assigned = matching_windows(
            project.spec.sync_windows, application.name, application.spec.destination
        )
        return Windows(state, assigned, verdicts[1].error, _active(assigned, now))

    async def require_open(self, application: Application, now: datetime) -> None:
        """Raises ApiError where no window lets a person sync now."""
        windows = await self.windows(application, now)
        if windows.error:
            raise ApiError(
                ApiCode.PERMISSION_DENIED, f"cannot sync: invalid sync window: {windows.error}"
            )
        if windows.state is WindowState.DENIED:
            raise ApiError(ApiCode.PERMISSION_DENIED, "cannot sync: blocked by sync window")


def _active(windows: Sequence[SyncWindow], now: datetime) -> tuple[SyncWindow, ...]:
    """Without those that cannot be read."""
    found = []
    for window in windows:
        try:
            if is_active(window, now, utc_offset):
                found.append(window)
        except WindowError:
            continue
    return tuple(found)
