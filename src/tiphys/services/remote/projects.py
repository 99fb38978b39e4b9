"""Projects of a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiCode, ApiError, ConflictError
from tiphys.services.projects.service import Detailed
from tiphys.services.remote.ports import Remote

_SERVICE = "project.ProjectService"


class RemoteProjects:
    """All methods raise ApiError; `update` raises ConflictError as well."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def list(self) -> Sequence[AppProject]:
        found = await self._call("List")
        return [AppProject(item) for item in found.get("items") or ()]

    async def get(self, name: str) -> AppProject:
        return AppProject(await self._call("Get", name=name))

    async def detailed(self, name: str) -> Detailed:
        found = await self._call("GetDetailedProject", name=name)
        return Detailed(
            AppProject(found.get("project") or {}),
            tuple(one.get("repo", "") for one in found.get("repositories") or ()),
            tuple(one.get("server", "") for one in found.get("clusters") or ()),
        )

    async def create(self, project: AppProject, *, upsert: bool) -> AppProject:
        body = project.to_manifest()
        return AppProject(await self._call("Create", project=body, upsert=upsert))

    async def update(self, project: AppProject) -> AppProject:
        try:
            return AppProject(await self._call("Update", project=project.to_manifest()))
        except ApiError as error:
            if error.code is ApiCode.ABORTED:
                raise ConflictError(str(error), status=409) from None
            raise

    async def delete(self, name: str) -> None:
        await self._call("Delete", name=name)

    async def create_token(
        self, name: str, role: str, *, expires_in: int = 0, token_id: str = ""
    ) -> str:
        found = await self._call(
            "CreateToken", project=name, role=role, expiresIn=expires_in, id=token_id
        )
        return str(found.get("token") or "")

    async def delete_token(self, name: str, role: str, *, issued: int, token_id: str = "") -> None:
        await self._call("DeleteToken", project=name, role=role, iat=issued, id=token_id)

    async def _call(self, method: str, **request: Any) -> dict[str, Any]:
        return await self._remote.call(f"{_SERVICE}/{method}", request)
