"""What a start does for projects' tokens: spec and status list the same ones from then on.

Only a listed token is one, and it is the status that is looked at when somebody comes with one.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from tiphys.core.project.tokens import in_step
from tiphys.model.appproject import AppProject, AppProjectSpec, AppProjectStatus
from tiphys.model.errors import KubeError, ManifestDecodeError
from tiphys.model.live import PatchKind
from tiphys.model.resource import Manifest
from tiphys.model.structs import encode
from tiphys.services.live.ports import KubeWriter
from tiphys.services.projects.surroundings import PROJECTS

log = structlog.get_logger()

_MANAGER = "argocd-server"


async def align_tokens(projects: Iterable[AppProject], writer: KubeWriter) -> None:
    """Writes those alone that are out of step. What fails is told, and hinders no start."""
    for project in projects:
        try:
            patch = _patch(project)
            if patch is None:
                continue
            meta = project.metadata
            await writer.patch(
                PROJECTS, meta.namespace, meta.name, PatchKind.MERGE, patch, manager=_MANAGER
            )
        except (KubeError, ManifestDecodeError) as error:
            log.warning(
                "the tokens of a project are left as they are",
                project=(project.raw.get("metadata") or {}).get("name", ""),
                error=str(error),
            )


def _patch(project: AppProject) -> Manifest | None:
    """None where nothing has to change. Everything but the tokens stays as it is written."""
    spec, status = in_step(project.spec, project.status)
    if _listed(spec, status) == _listed(project.spec, project.status):
        return None
    tokens = {role.name: encode(role)["jwtTokens"] for role in spec.roles if role.jwt_tokens}
    roles = [
        {**one, "jwtTokens": tokens[one["name"]]} if one.get("name") in tokens else one
        for one in (project.raw.get("spec") or {}).get("roles") or ()
    ]
    gone = dict.fromkeys(project.status.jwt_tokens_by_role)
    by_role = {**gone, **{name: {"items": items} for name, items in tokens.items()}}
    return {
        "metadata": {"resourceVersion": project.metadata.resource_version},
        "spec": {"roles": roles},
        "status": {"jwtTokensByRole": by_role},
    }


def _listed(spec: AppProjectSpec, status: AppProjectStatus) -> object:
    """The tokens of both sides; a role without any counts as absent."""
    roles = {role.name: role.jwt_tokens for role in spec.roles if role.jwt_tokens}
    listed = status.jwt_tokens_by_role.items()
    return roles, {name: tokens.items for name, tokens in listed if tokens.items}
