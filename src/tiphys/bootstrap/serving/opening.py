"""Joins all that the API answers: methods by name, routes beside them, and who is who."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from tiphys.bootstrap.serving.access import AccessParts, open_access
from tiphys.bootstrap.serving.applications import (
    app_access,
    application_handlers,
    application_routes,
    application_uses,
    project_rules,
)
from tiphys.bootstrap.serving.beside import beside_routes
from tiphys.bootstrap.serving.ground import Followed, ServerGround
from tiphys.bootstrap.serving.live import live_handlers, terminal_routes
from tiphys.bootstrap.serving.rest import audit, rest_handlers
from tiphys.bootstrap.serving.sourced import sourced_handlers
from tiphys.bootstrap.serving.sources import ServerSources
from tiphys.bootstrap.serving.sso import SsoOptions, open_sso
from tiphys.model.appproject import AppProject
from tiphys.services.projects.beginning import align_tokens

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from tiphys.api.calls import Handlers, Route
    from tiphys.bootstrap.renders import Renders
    from tiphys.services.access.ports import Sessions
    from tiphys.services.applications.service import Applications
    from tiphys.services.live.view import LiveView


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningOptions:
    """What flags say of the methods."""

    disable_auth: bool = False
    replace_allowed: bool = True
    namespaces_flag: bool = False
    events: tuple[str, ...] = ()
    """Reasons of Events that are written; none given leaves it to the variable."""
    extensions: bool = False
    logged_in: Callable[[bool], None] = lambda _good: None
    sso: SsoOptions = field(default_factory=SsoOptions)


@dataclass(frozen=True, slots=True)
class Opened:
    """What an ApiServer serves."""

    ground: ServerGround
    handlers: Handlers
    sessions: Sessions
    routes: Sequence[BaseRoute]
    beyond: Sequence[Route] = ()


async def open_methods(
    followed: Followed,
    view_over: Callable[[Applications], LiveView],
    renders: Renders,
    options: OpeningOptions,
) -> Opened:
    """`view_over` makes the view, over the use cases where it needs them. Raises KubeError and
    SettingsError for what keeps it from starting.
    """
    await align_tokens(_projects(followed), followed.client)
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
        counted=options.logged_in,
    )
    sso = open_sso(followed, access, options.sso)
    ground = _ground(followed, access, _environment(options))
    sources = ServerSources(renders, followed.repositories, followed.stack)
    rules = project_rules(ground)
    uses = application_uses(ground, sources, rules, replace_allowed=options.replace_allowed)
    view = view_over(uses)
    apps = app_access(ground, rules)
    handlers = {
        **access.handlers(),
        **await rest_handlers(
            ground,
            cluster_info=view.cluster_info,
            logins=access.has_logins,
            replace_allowed=options.replace_allowed,
            namespaces_flag=options.namespaces_flag,
        ),
        **application_handlers(ground, view, uses, rules),
        **live_handlers(ground, view, apps, uses, rules),
        **sourced_handlers(ground, view, apps, uses, rules, sources),
    }
    terminal = terminal_routes(ground, view, apps, uses, rules, everything=options.disable_auth)
    beside = beside_routes(
        ground, apps, rules, extensions=options.extensions, everything=options.disable_auth
    )
    return Opened(
        ground,
        handlers,
        access.sessions,
        [*sso.routes, *terminal, *beside],
        application_routes(ground, view, uses, rules),
    )


def _projects(followed: Followed) -> Sequence[AppProject]:
    found = (followed.projects.get(name) for name in followed.projects.names())
    return [AppProject(one) for one in found if one is not None]


def _ground(
    followed: Followed, access: AccessParts, environment: Mapping[str, str]
) -> ServerGround:
    told = audit(
        followed.stack,
        followed.client,
        followed.settings,
        followed.projects,
        namespace=followed.namespace,
        now=followed.now,
        environment=environment,
    )
    return ServerGround(
        **{each.name: getattr(followed, each.name) for each in fields(followed)},
        access=access.enforcer,
        sessions=access.sessions,
        audit=told,
    )


def _environment(options: OpeningOptions) -> Mapping[str, str]:
    """Where the reasons of Events are looked for."""
    if not options.events:
        return os.environ
    return {**os.environ, "ARGOCD_ENABLE_K8S_EVENT": ",".join(options.events)}
