"""The deep links of applications and of their resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.live import SERVICE, seen
from tiphys.api.handlers.shapes import bare, text
from tiphys.core.links import LinkKind, application_data, resource_data
from tiphys.core.project import destination_permitted
from tiphys.model.application import Application
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.names import API_GROUP
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.objects import get_object
from tiphys.services.applications.service import Applications
from tiphys.services.links import Links
from tiphys.services.liveview.finding import Finder
from tiphys.services.projects.rules import ProjectRules


class LinkHandlers:
    """`projects` knows AppProjects by name, `url` is where the server itself is reached."""

    def __init__(
        self,
        apps: AppAccess,
        applications: Applications,
        finder: Finder,
        rules: ProjectRules,
        links: Links,
        projects: Callable[[str], Manifest | None],
        url: Callable[[], str],
    ) -> None:
        self._apps = apps
        self._applications = applications
        self._finder = finder
        self._rules = rules
        self._links = links
        self._projects = projects
        self._url = url

    def methods(self) -> Handlers:
        return {
            f"{SERVICE}/ListLinks": Unary(self._list),
            f"{SERVICE}/ListResourceLinks": Unary(self._list_of_resource),
        }

    async def _list(self, call: Call, message: Message) -> Answer:
        application = await self._apps.live(
            call.caller,
            "get",
            text(message, "namespace"),
            text(message, "name"),
            text(message, "project"),
        )
        data = application_data(bare(application.raw), self._cluster(application), self._url())
        return _items(await self._links.of(LinkKind.APPLICATION, data))

    async def _list_of_resource(self, call: Call, message: Message) -> Answer:
        application = await seen(self._apps, call, message, "name")
        resource = await self._resource(application, message)
        project = self._projects(application.spec.project or "default") or {}
        data = resource_data(
            resource, bare(application.raw), self._cluster(application), bare(project)
        )
        return _items(await self._links.of(LinkKind.RESOURCE, data))

    async def _resource(self, application: Application, message: Message) -> Manifest:
        """The live object, masked; the application itself where that is meant."""
        key = ResourceKey(
            text(message, "group"),
            text(message, "kind"),
            text(message, "namespace"),
            text(message, "resourceName"),
        )
        if key.group_kind == (API_GROUP, "Application") and key.name == application.name:
            return application.raw
        node = await self._finder.node(application, key)
        return await get_object(
            application,
            node.key,
            await self._applications.reach(application, acting=True),
            masked=await self._applications.masked_annotations(),
            node=node,
        )

    def _cluster(self, application: Application) -> Cluster | None:
        """None where the destination is no cluster that is known. Raises ApiError."""
        destination = application.spec.destination
        found = self._rules.resolved(destination)
        if isinstance(found, str):
            return None
        project = self._apps.project(application)
        if not destination_permitted(project, found.server, found.name, destination.namespace):
            raise ApiError(ApiCode.UNKNOWN, "error getting destination cluster")
        return found


def _items(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": found} if found else {}
