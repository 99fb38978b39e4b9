"""`/api/badge`: how applications fare, for pages elsewhere. Nobody has to be logged in, so it says
nothing unless settings ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tiphys.core.badge import NOT_FOUND, UNKNOWN, Badge, folded
from tiphys.model.resource import Manifest
from tiphys.services.applications.catalogue import ApplicationCatalogue

PATH = "/api/badge"
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Access-Control-Allow-Origin": "*",
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_WIDEST = 10_000


class _BadNameError(ValueError):
    pass


class Badges:
    """`general` is argocd-cm's data; `namespace_enabled` says where applications may be."""

    def __init__(
        self,
        applications: ApplicationCatalogue,
        general: Callable[[], Mapping[str, str]],
        namespace_enabled: Callable[[str], bool],
        home: str,
    ) -> None:
        self._applications = applications
        self._general = general
        self._namespace_enabled = namespace_enabled
        self._home = home
        # Folded once for each state of the world: anybody may ask.
        self._folded: tuple[str, dict[str, tuple[str, str]]] = ("", {})

    def route(self) -> Route:
        return Route(PATH, self.answer, methods=["GET"])

    async def answer(self, request: Request) -> Response:
        if self._general().get("statusbadge.enabled") != "true":
            return _picture(Badge())
        try:
            return _picture(self._badge(request))
        except _BadNameError:
            return Response(status_code=400, headers=_HEADERS)

    def _badge(self, request: Request) -> Badge:
        query = request.query_params
        width = query.get("width", "")
        wide = int(width) if re.fullmatch("[0-9]{1,5}", width) else 0
        wide = min(wide, _WIDEST)
        projects = [_checked(name) for name in query.getlist("project") if name]
        if query.get("name"):
            return self._of_application(query, wide)
        if projects:
            left, right = folded(
                one
                for name in projects
                for one in [self._of_project(name)]
                if one != (UNKNOWN, UNKNOWN)
            )
            return Badge(left=left, right=right, width=wide)
        return Badge(width=wide)

    def _of_application(self, query: Mapping[str, str], wide: int) -> Badge:
        name = _checked(query["name"])
        namespace = _checked(query.get("namespace") or self._home)
        found = self._applications.get(namespace, name)
        if found is None or not (namespace == self._home or self._namespace_enabled(namespace)):
            return Badge(left=NOT_FOUND, right="", width=wide)
        left, right = _state(found)
        revision = _revision(found) if query.get("revision") == "true" else ""
        return Badge(
            left=left,
            right=right,
            revision=revision,
            whole=query.get("keepFullRevision") == "true",
            name=name if query.get("showAppName") == "true" else "",
            width=wide,
        )

    def _of_project(self, name: str) -> tuple[str, str]:
        version, known = self._folded
        if version != self._applications.version or not known:
            states: dict[str, list[tuple[str, str]]] = {}
            for manifest in self._applications:
                project = (manifest.get("spec") or {}).get("project") or "default"
                states.setdefault(project, []).append(_state(manifest))
            known = {project: folded(all_) for project, all_ in states.items()}
            self._folded = (self._applications.version, known)
        return known.get(name, (UNKNOWN, UNKNOWN))


def _picture(badge: Badge) -> Response:
    return Response(badge.svg(), media_type="image/svg+xml", headers=_HEADERS)


def _checked(name: str) -> str:
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise _BadNameError
    return name


def _state(manifest: Manifest) -> tuple[str, str]:
    status: Mapping[str, Any] = manifest.get("status") or {}
    health = (status.get("health") or {}).get("status")
    sync = (status.get("sync") or {}).get("status")
    return str(health or UNKNOWN), str(sync or UNKNOWN)


def _revision(manifest: Manifest) -> str:
    state = (manifest.get("status") or {}).get("operationState") or {}
    return str((state.get("syncResult") or {}).get("revision") or "")
