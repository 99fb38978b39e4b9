"""Joins all that the API answers: methods by name, routes beside them, and who is who."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tiphys.bootstrap.serving.access import open_access
from tiphys.bootstrap.serving.ground import Followed, ServerGround
from tiphys.bootstrap.serving.rest import audit, rest_handlers

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from tiphys.api.calls import Handlers
    from tiphys.services.access.ports import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningOptions:
    """What flags say of the methods."""

    disable_auth: bool = False
    replace_allowed: bool = True
    namespaces_flag: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """What an ApiServer serves."""

    ground: ServerGround
    handlers: Handlers
    sessions: Sessions
    routes: Sequence[BaseRoute]


async def open_methods(followed: Followed, options: OpeningOptions) -> Opened:
    """Raises KubeError and SettingsError for what keeps it from starting."""
    access = await open_access(
        followed.stack,
        followed.transport,
        followed.client,
        namespace=followed.namespace,
        config_maps=followed.config_maps,
        secrets=followed.secrets,
        projects=followed.projects,
        now=followed.now,
        environment=os.environ,
        disable_auth=options.disable_auth,
    )
    told = audit(
        followed.stack,
        followed.client,
        followed.settings,
        followed.projects,
        namespace=followed.namespace,
        now=followed.now,
        environment=os.environ,
    )
    ground = ServerGround(
        **{field.name: getattr(followed, field.name) for field in fields(followed)},
        access=access.enforcer,
        sessions=access.sessions,
        audit=told,
    )
    handlers = {
        **access.handlers(),
        **await rest_handlers(
            ground,
            logins=access.has_logins,
            replace_allowed=options.replace_allowed,
            namespaces_flag=options.namespaces_flag,
        ),
    }
    return Opened(ground, handlers, access.sessions, ())
