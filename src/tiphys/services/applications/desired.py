"""What an application should look like: its sources rendered for one look, and made ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tiphys.core.app.asking import Asking, asked_before, asked_by_spec
from tiphys.core.app.spec import project_name
from tiphys.core.app.targets import Place, Targets, managed_namespace, prepare
from tiphys.core.manifest.tracking import Tracking, instance_name
from tiphys.core.source.environment import BuildContext
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.names import ANNOTATION_GENERATE_PATHS
from tiphys.model.resource import Manifest
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.applications.projects import ProjectReader
from tiphys.services.applications.settings import SettingsReader
from tiphys.services.applications.values import Asked, AtRevision, LocalFiles
from tiphys.services.render.around import Around, SourceError, named

__all__ = ["Asked", "AtRevision", "Desired", "require_source"]


class Desired:
    """Renders for one look. Raises ApiError, RepositoryError, RenderError and KubeError."""

    def __init__(
        self, sources: SourceCheck, settings: SettingsReader, projects: ProjectReader
    ) -> None:
        self._sources = sources
        self._settings = settings
        self._projects = projects

    def instance(self, application: Application) -> str:
        """What its objects are tracked by."""
        return instance_name(application.namespace, application.name, self._settings.namespace)

    async def resolve(self, application: Application) -> Asking:
        """The sources at what their own revisions lead to now."""
        asking = asked_by_spec(application.spec)
        return replace(asking, revisions=await self.revisions(application, asking))

    async def revisions(self, application: Application, asking: Asking) -> tuple[str, ...]:
        try:
            return await self._sources.resolve(asking, project_name(application.spec))
        except SourceError as error:
            raise named(asking, error) from None

    async def manifests(
        self, application: Application, asked: Asked | Asking, reached: Reached
    ) -> Sequence[Manifest]:
        """As the tools give them."""
        require_source(application)
        match asked:
            case Asking():
                asking, files = asked, None
            case AtRevision():
                asking, files = _at(application, asked), None
            case LocalFiles():
                asking, files = asked_before(application.spec, application.status), asked
        around = await self.around(application, reached)
        try:
            return (await self._sources.render(asking, around, files)).manifests
        except SourceError as error:
            raise named(asking, error) from None

    async def targets(
        self, application: Application, asked: Asked | Asking, reached: Reached
    ) -> Targets:
        """As they are compared: in their namespaces, each once, and tracked."""
        manifests = await self.manifests(application, asked, reached)
        settings = await self._settings.present()
        where = Place(
            instance_name(application.namespace, application.name, self._settings.namespace),
            application.spec.destination.namespace,
            reached.server,
            Tracking.of(settings),
        )
        targets = prepare(manifests, where, reached.discovery.scope, settings.resources)
        return replace(targets, namespace=managed_namespace(application.spec))

    async def around(self, application: Application, reached: Reached) -> Around:
        """What its renders may know and use: the cluster, its project, the settings of tools."""
        name = project_name(application.spec)
        project = await self._projects.effective(name)
        if project is None:
            text = f"Application referencing project {name} which does not exist"
            raise ApiError(ApiCode.INVALID_ARGUMENT, text)
        if not reached.discovery.preferred():
            await reached.discovery.refresh()
        context = BuildContext(
            instance=self.instance(application),
            namespace=application.spec.destination.namespace,
            project=name,
            kube_version=reached.discovery.server_version,
            api_versions=tuple(reached.discovery.versions()),
        )
        paths = application.metadata.annotations.get(ANNOTATION_GENERATE_PATHS, "")
        return Around(context, project, (await self._settings.present()).tools, paths)


def _at(application: Application, asked: AtRevision) -> Asking:
    if not asked.named:
        return asked_before(application.spec, application.status)
    asking = asked_by_spec(application.spec)
    revisions = tuple(asked.named.get(at) or one for at, one in enumerate(asking.revisions))
    return replace(asking, revisions=revisions)


def require_source(application: Application) -> None:
    """Raises ApiError for an application that has none."""
    if not application.spec.sources and application.spec.source is None:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "the application has no spec.source")
