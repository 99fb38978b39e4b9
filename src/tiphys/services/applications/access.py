"""Who may see and touch an application: the one rule of all calls that name one.

An application that is absent, one that is forbidden and one in a namespace that holds none are
answered alike, and after the same steps: nobody learns what there is by asking. Only whoever
names the project, and may do this to an application of that name in it, is told that it is absent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.core.project import EffectiveProject, namespace_permitted
from tiphys.core.project.namespaces import matches_any
from tiphys.core.settings import Settings
from tiphys.model.access import Caller
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, KubeError, ObjectNotFoundError, TiphysError
from tiphys.model.resource import Manifest
from tiphys.services.access.ports import Access
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.applications.store import APPLICATIONS, permission_denied
from tiphys.services.applications.validation import no_project, project_of
from tiphys.services.live.ports import KubeReader
from tiphys.services.projects.rules import ProjectRules

RESOURCE = "applications"
_Fetch = Callable[[str, str], Awaitable[Manifest | None]]


class AppAccess:
    """`rules` know the projects and the control plane's namespace. `live` reads from `reader`,
    `cached` from the watched `catalogue`. Both raise ApiError.
    """

    def __init__(
        self,
        access: Access,
        catalogue: ApplicationCatalogue,
        reader: KubeReader,
        rules: ProjectRules,
        settings: Callable[[], Settings],
    ) -> None:
        self._access = access
        self._catalogue = catalogue
        self._reader = reader
        self._rules = rules
        self._settings = settings
        self.home = rules.control_plane

    async def live(
        self, caller: Caller, action: str, namespace: str, name: str, project: str = ""
    ) -> Application:
        """As the cluster has it now."""
        return await self._decided(self._read, caller, action, (namespace, name, project))

    async def cached(
        self, caller: Caller, action: str, namespace: str, name: str, project: str = ""
    ) -> Application:
        """As it was last heard of."""
        return await self._decided(self._known, caller, action, (namespace, name, project))

    async def current(
        self, caller: Caller, action: str, namespace: str, name: str, project: str = ""
    ) -> Application:
        """As `live`, without asking the cluster for what the watch has just told.

        Whatever is not simply answered is asked of the cluster: how long a refusal takes says
        nothing of what there is.
        """
        place = namespace or self.home
        found = self._catalogue.get(place, name) if self._catalogue.current else None
        if (
            found is not None
            and self.enabled(place)
            and project in ("", project_of(found))
            and self.allows(caller, action, found)
        ):
            application = Application(found)
            self.project(application)
            return application
        return await self.live(caller, action, namespace, name, project)

    def require(
        self, caller: Caller, action: str, application: Application, resource: str = RESOURCE
    ) -> None:
        """For what a method asks after an application was found. Raises with the long text."""
        self._access.require(caller, resource, action, self.target(application.raw))

    def allows(self, caller: Caller, action: str, manifest: Manifest) -> bool:
        return self._access.allows(caller, RESOURCE, action, self.target(manifest))

    def enabled(self, namespace: str) -> bool:
        """Whether applications may be in a namespace; the empty one is the control plane's."""
        if namespace in ("", self.home):
            return True
        return matches_any(self._settings().application_namespaces, namespace)

    def target(self, manifest: Manifest) -> str:
        """The application as policies write it."""
        metadata = manifest.get("metadata") or {}
        return self.target_of(
            project_of(manifest), metadata.get("namespace") or "", metadata.get("name") or ""
        )

    def target_of(self, project: str, namespace: str, name: str) -> str:
        project = project or DEFAULT_PROJECT
        if namespace in ("", self.home):
            return f"{project}/{name}"
        return f"{project}/{namespace}/{name}"

    def project(self, application: Application) -> EffectiveProject:
        """With all that global projects add. Raises ApiError where it is not the application's."""
        return authorise(self._rules, application)

    async def _decided(
        self, fetch: _Fetch, caller: Caller, action: str, asked: tuple[str, str, str]
    ) -> Application:
        namespace, name, project = asked
        place = namespace or self.home
        refused = bool(project) and not self._access.allows(
            caller, RESOURCE, action, self.target_of(project, place, name)
        )
        # It is read for those as well who may not: how long it takes says nothing.
        found = await self._fetched(fetch, place, name)
        if refused or isinstance(found, ApiError):
            raise permission_denied()
        if found is None or not self.allows(caller, action, found):
            raise _absent(name) if project else permission_denied()
        if project and project_of(found) != project:
            raise _absent(name)
        application = Application(found)
        self.project(application)
        return application

    async def _fetched(
        self, fetch: _Fetch, namespace: str, name: str
    ) -> Manifest | ApiError | None:
        """None where there is none; an error where that must not be told."""
        if not self.enabled(namespace):
            return permission_denied()
        try:
            return await fetch(namespace, name)
        except KubeError:
            return permission_denied()

    async def _read(self, namespace: str, name: str) -> Manifest | None:
        if not name:
            return None
        try:
            return await self._reader.get(APPLICATIONS, namespace, name)
        except ObjectNotFoundError:
            return None

    async def _known(self, namespace: str, name: str) -> Manifest | None:
        return self._catalogue.get(namespace, name)


def authorise(rules: ProjectRules, application: Application) -> EffectiveProject:
    """The project that an application belongs to, where that takes applications of its namespace:
    the controller's own rule. Raises ApiError.
    """
    try:
        project = rules.effective(project_of(application.raw))
    except TiphysError:
        # What is wrong with the project is nobody's business who only uses it.
        project = None
    namespace = application.namespace or rules.control_plane
    if project is None or not namespace_permitted(project, namespace, rules.control_plane):
        raise no_project(application)
    return project


def _absent(name: str) -> ApiError:
    return ApiError(ApiCode.NOT_FOUND, f'applications.argoproj.io "{name}" not found')
