"""Wires the methods on what is live."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from tiphys.bootstrap.serving.ground import Followed, ServerGround

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from tiphys.adapters.liveview import LiveClient
    from tiphys.adapters.redis import RedisOptions
    from tiphys.api.calls import Handlers
    from tiphys.services.applications.access import AppAccess
    from tiphys.services.applications.service import Applications
    from tiphys.services.live.view import LiveView
    from tiphys.services.liveview.finding import Finder
    from tiphys.services.projects.rules import ProjectRules

log = structlog.get_logger()

CONTROLLER = "argocd-application-controller:8085"
"""Where the controller is asked for what is live, where nobody says otherwise."""
_NAME = "argocd-server"
_RENEW = 24 * 3600.0
_KEPT = 3600.0


def live_handlers(
    ground: ServerGround,
    view: LiveView,
    apps: AppAccess,
    applications: Applications,
    rules: ProjectRules,
) -> Handlers:
    """`applications` is the service over what the API server follows."""
    from tiphys.api.handlers.live import LiveHandlers
    from tiphys.api.handlers.logs import LogHandlers
    from tiphys.api.handlers.manifests import ManifestHandlers
    from tiphys.bootstrap.receiving import receiving

    finder = tree_finder(view, applications, rules)

    def settings() -> Mapping[str, str]:
        return general(ground)

    live = LiveHandlers(
        apps, applications, view, finder, rules, ground.audit, ground.client, settings
    )
    logs = LogHandlers(apps, applications, finder, settings, ground.now)
    manifests = ManifestHandlers(apps, applications, receiving)
    return {**live.methods(), **logs.methods(), **manifests.methods()}


def tree_finder(view: LiveView, applications: Applications, rules: ProjectRules) -> Finder:
    from tiphys.services.liveview.finding import Finder

    return Finder(view, lambda name: applications.refresh(name, hard=False), rules)


def general(ground: ServerGround) -> Mapping[str, str]:
    """The data of argocd-cm."""
    return (ground.config_maps.get("argocd-cm") or {}).get("data") or {}


def terminal_routes(
    ground: ServerGround,
    view: LiveView,
    apps: AppAccess,
    applications: Applications,
    rules: ProjectRules,
    *,
    everything: bool = False,
) -> Sequence[BaseRoute]:
    """`/terminal`, with what answers whoever asks for no WebSocket; `everything` where nobody has
    to log in.
    """
    from starlette.routing import Route, WebSocketRoute

    from tiphys.api.terminal import TerminalEndpoint

    endpoint = TerminalEndpoint(
        ground.sessions,
        ground.access,
        apps,
        ground.applications,
        applications,
        tree_finder(view, applications, rules),
        lambda: general(ground),
        everything=everything,
    )
    return [Route("/terminal", endpoint), WebSocketRoute("/terminal", endpoint)]


async def remote_view(
    ground: Followed,
    address: str = CONTROLLER,
    *,
    redis: RedisOptions | None = None,
    compress: bool = True,
) -> LiveClient:
    """What is live, where the controller is another process. Raises KubeError, and ValueError
    where a Secret of ours holds what nobody can read.
    """
    from tiphys.adapters.certificates import CertificateIssuer
    from tiphys.adapters.liveview import LiveClient
    from tiphys.bootstrap.showing import client_context, show
    from tiphys.model.errors import TiphysError
    from tiphys.services.authority.authority import Authority

    authority = Authority(
        ground.client, ground.client, CertificateIssuer(), ground.namespace, now=ground.now
    )
    context = client_context(await authority.client(_NAME))
    cache = None
    if redis is not None:
        from tiphys.adapters.redis import RedisArchive, Sealer

        key = (await authority.ensure()).cache_key
        sealer = Sealer(key.encode(), purpose="live", compress=compress)
        cache = RedisArchive(redis, sealer, lifetime=_KEPT, per_group=1)
        ground.stack.callback(cache.close)
    client = LiveClient(address, context=lambda: context, cache=cache)
    ground.stack.push_async_callback(client.close)

    async def renew() -> None:
        while True:
            await asyncio.sleep(_RENEW)
            try:
                identity = await authority.client(_NAME)
            except (TiphysError, ValueError) as error:
                log.warning("the certificate is not renewed", error=str(error))
                continue
            context.load_verify_locations(cadata=identity.ca)
            show(context, identity.pair)

    renewing = asyncio.create_task(renew(), name="renew certificates")
    ground.stack.callback(renewing.cancel)
    return client
