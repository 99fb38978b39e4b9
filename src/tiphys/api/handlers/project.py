"""The methods on projects. What a caller may not see is refused before it is looked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.shapes import bare, listing, part, text
from tiphys.core.project.rights import touched
from tiphys.core.project.tokens import in_step
from tiphys.core.project.windows import is_active
from tiphys.model.appproject import AppProject, AppProjectSpec, ProjectRole
from tiphys.model.errors import ApiCode, ApiError, ObjectNotFoundError, SettingsError
from tiphys.model.live import ObjectList
from tiphys.model.names import API_VERSION
from tiphys.model.structs import encode
from tiphys.services.access.auditing import Audit, Reason
from tiphys.services.access.ports import Access
from tiphys.services.projects.service import DEFAULT, Projects
from tiphys.services.projects.zones import utc_offset

_SERVICE = "project.ProjectService"


class Belongings(Protocol):
    """What belongs to a project alone, as the API shows it: nothing secret is among it."""

    async def repositories(self, project: str) -> Sequence[Mapping[str, Any]]: ...

    async def clusters(self, project: str) -> Sequence[Mapping[str, Any]]: ...


Events = Callable[[AppProject], Awaitable[ObjectList]]
Links = Callable[[AppProject], Awaitable[Sequence[Mapping[str, Any]]]]


class ProjectHandlers:
    def __init__(
        self,
        projects: Projects,
        access: Access,
        audit: Audit,
        belongings: Belongings,
        events: Events,
        links: Links,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._projects = projects
        self._access = access
        self._audit = audit
        self._belongings = belongings
        self._events = events
        self._links = links
        self._now = now

    def methods(self) -> Handlers:
        return {
            f"{_SERVICE}/List": Unary(self._list),
            f"{_SERVICE}/Get": Unary(self._get),
            f"{_SERVICE}/GetDetailedProject": Unary(self._detailed),
            f"{_SERVICE}/GetGlobalProjects": Unary(self._globals),
            f"{_SERVICE}/Create": Unary(self._create),
            f"{_SERVICE}/Update": Unary(self._update),
            f"{_SERVICE}/Delete": Unary(self._delete),
            f"{_SERVICE}/CreateToken": Unary(self._create_token),
            f"{_SERVICE}/DeleteToken": Unary(self._delete_token),
            f"{_SERVICE}/ListEvents": Unary(self._list_events),
            f"{_SERVICE}/GetSyncWindowsState": Unary(self._windows),
            f"{_SERVICE}/ListLinks": Unary(self._list_links),
        }

    # -- reading --------------------------------------------------------------------------------

    async def _list(self, call: Call, _: Message) -> Answer:
        found = await self._projects.stored()
        items = [
            bare(item)
            for item in found.items
            if self._access.allows(call.caller, "projects", "get", item["metadata"]["name"])
        ]
        return listing(items, found.resource_version)

    async def _get(self, call: Call, message: Message) -> Answer:
        return _normal(await self._found(call, message))

    async def _detailed(self, call: Call, message: Message) -> Answer:
        project = await self._found(call, message)
        name = project.name
        found = {
            "globalProjects": [_normal(one) for one in await self._projects.globals(name)],
            "project": _normal(await self._projects.effective(name)),
            "repositories": list(await self._belongings.repositories(name)),
            "clusters": list(await self._belongings.clusters(name)),
        }
        return {key: value for key, value in found.items() if value}

    async def _globals(self, call: Call, message: Message) -> Answer:
        name = (await self._found(call, message)).name
        return _items([bare(one.raw) for one in await self._projects.globals(name)])

    async def _list_events(self, call: Call, message: Message) -> Answer:
        found = await self._events(await self._found(call, message))
        return listing([bare(one) for one in found.items], found.resource_version)

    async def _windows(self, call: Call, message: Message) -> Answer:
        project = await self._found(call, message)
        now = self._now()
        active = [
            encode(window)
            for window in project.spec.sync_windows
            if is_active(window, now, utc_offset)
        ]
        return {"windows": active} if active else {}

    async def _list_links(self, call: Call, message: Message) -> Answer:
        name = text(message, "name")
        if not self._access.allows(call.caller, "projects", "get", name):
            raise ApiError(ApiCode.UNKNOWN, f"unauthorized access to project {name}")
        return _items(await self._links(await self._read(name)))

    # -- writing --------------------------------------------------------------------------------

    async def _create(self, call: Call, message: Message) -> Answer:
        project = _given(message)
        self._access.require(call.caller, "projects", "create", project.name)
        upsert = bool(message.get("upsert"))
        existed = False

        def exists() -> None:
            nonlocal existed
            existed = True
            if upsert:
                self._access.require(call.caller, "projects", "update", project.name)

        stored = await self._projects.create(project, upsert=upsert, exists=exists)
        if upsert or not existed:
            self._tell(call, stored, Reason.CREATED, "created project")
        return bare(stored.raw)

    async def _update(self, call: Call, message: Message) -> Answer:
        project = _given(message)
        self._access.require(call.caller, "projects", "update", project.name)

        def may(before: AppProjectSpec, after: AppProjectSpec) -> None:
            for resource, target in touched(before, after):
                self._access.require(call.caller, resource, "update", target)

        stored = await self._projects.update(project, may=may, metadata=True)
        self._tell(call, stored, Reason.UPDATED, "updated project")
        return bare(stored.raw)

    async def _delete(self, call: Call, message: Message) -> Answer:
        name = text(message, "name")
        if name != DEFAULT:
            self._access.require(call.caller, "projects", "delete", name)
        gone = await self._projects.delete(name)
        self._tell(call, gone, Reason.DELETED, "deleted project")
        return {}

    async def _create_token(self, call: Call, message: Message) -> Answer:
        told: list[AppProject] = []
        try:
            token = await self._projects.create_token(
                _named(text(message, "project")),
                text(message, "role"),
                expires_in=int(message.get("expiresIn") or 0),
                token_id=text(message, "id"),
                may=self._may_token(call, told),
            )
        except SettingsError:
            # What is wrong with the key is for the log, and the key for nobody.
            raise ApiError(ApiCode.INTERNAL, "tokens cannot be signed") from None
        self._tell(call, told[0], Reason.CREATED, "created token")
        return {"token": token}

    async def _delete_token(self, call: Call, message: Message) -> Answer:
        told: list[AppProject] = []
        await self._projects.delete_token(
            _named(text(message, "project")),
            text(message, "role"),
            issued=int(message.get("iat") or 0),
            token_id=text(message, "id"),
            may=self._may_token(call, told),
        )
        self._tell(call, told[0], Reason.DELETED, "deleted token")
        return {}

    # -- parts ----------------------------------------------------------------------------------

    def _may_token(
        self, call: Call, told: list[AppProject]
    ) -> Callable[[AppProject, ProjectRole], None]:
        def may(project: AppProject, role: ProjectRole) -> None:
            told.append(project)
            # Whoever has the role may have tokens of it.
            if not set(self._access.groups(call.caller)) & set(role.groups):
                self._access.require(call.caller, "projects", "update", project.name)

        return may

    async def _found(self, call: Call, message: Message) -> AppProject:
        name = text(message, "name")
        self._access.require(call.caller, "projects", "get", name)
        return await self._read(name)

    async def _read(self, name: str) -> AppProject:
        return await self._projects.get(_named(name))

    def _tell(self, call: Call, project: AppProject, reason: Reason, said: str) -> None:
        about = {"apiVersion": API_VERSION, "kind": "AppProject", **project.raw}
        self._audit.tell(call.caller, about, reason, said)


def _named(name: str) -> str:
    """Without a name Kubernetes would be asked for the whole list."""
    if not name:
        raise ObjectNotFoundError('appprojects.argoproj.io "" not found', status=404)
    return name


def _given(message: Message) -> AppProject:
    project = AppProject(part(message, "project"))
    if not project.name:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "missing payload 'project' in request")
    return project


def _normal(project: AppProject) -> dict[str, Any]:
    spec, status = in_step(project.spec, project.status)
    return {
        **bare(project.raw),
        "metadata": project.raw.get("metadata") or {},
        "spec": encode(spec),
        "status": encode(status),
    }


def _items(items: Sequence[Any]) -> dict[str, Any]:
    return {"items": list(items)} if items else {}
