"""What an application should look like: its source rendered for one look, and made ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tiphys.core.app.spec import effective_source
from tiphys.core.app.targets import Place, Targets, managed_namespace, prepare
from tiphys.core.manifest.tracking import Tracking, instance_name
from tiphys.model.application import Application, ApplicationSource
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.resource import Manifest
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.applications.settings import SettingsReader
from tiphys.services.applications.values import LocalFiles


@dataclass(frozen=True, slots=True)
class AtRevision:
    """Git at a revision; empty for the one that was compared last, else the spec's."""

    revision: str = ""


Asked = AtRevision | LocalFiles
"""Where desired manifests are looked for."""


class Desired:
    """Renders for one look. Raises ApiError, RepositoryError, RenderError and KubeError."""

    def __init__(self, sources: SourceCheck, settings: SettingsReader) -> None:
        self._sources = sources
        self._settings = settings

    def instance(self, application: Application) -> str:
        """What its objects are tracked by."""
        return instance_name(application.namespace, application.name, self._settings.namespace)

    async def resolve(self, source: ApplicationSource) -> str:
        """The commit that the source's own revision names now."""
        return await self._sources.resolve(source, source.target_revision)

    async def manifests(
        self, application: Application, asked: Asked, reached: Reached
    ) -> Sequence[Manifest]:
        """As the tool gives them."""
        source = single_source(application)
        await reached.discovery.refresh()
        match asked:
            case AtRevision(revision):
                at = revision or application.status.sync.revision or source.target_revision
                return await self._sources.render(application, source, at, reached.discovery)
            case LocalFiles():
                return await self._sources.render_local(
                    application, source, asked, reached.discovery
                )

    async def targets(self, application: Application, asked: Asked, reached: Reached) -> Targets:
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


def single_source(application: Application) -> ApplicationSource:
    """Raises ApiError for an application that has several sources, or none."""
    if application.spec.sources:
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            f"spec.sources of application {application.name} is not supported by this version "
            "of Tiphys",
        )
    if application.spec.source is None:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "the application has no spec.source")
    return effective_source(application.spec)
