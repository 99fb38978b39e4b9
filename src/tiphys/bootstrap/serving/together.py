"""The API server in one process with the controller: it answers from what that follows."""

from __future__ import annotations

from dataclasses import replace

import structlog

from tiphys.api.edge import ApiServer
from tiphys.api.options import ApiOptions
from tiphys.bootstrap.foundation import Foundation
from tiphys.bootstrap.reconciling import Reconciling
from tiphys.bootstrap.renders import Renders
from tiphys.bootstrap.serving.following import with_controller
from tiphys.bootstrap.serving.opening import OpeningOptions, open_methods
from tiphys.bootstrap.webhook import webhook_routes

log = structlog.get_logger()


async def serve_together(
    ground: Foundation,
    reconciling: Reconciling,
    renders: Renders,
    opening: OpeningOptions | None = None,
    options: ApiOptions | None = None,
) -> None:
    """Answers when it listens. Raises TiphysError; a port that is taken is only told."""
    opening = opening or OpeningOptions()
    opened = await open_methods(await with_controller(ground), reconciling.view, renders, opening)
    routes = [*opened.routes, *await webhook_routes(ground, reconciling.pushed_places())]
    server = ApiServer(
        opened.handlers,
        opened.sessions,
        replace(options or ApiOptions(insecure=True), disable_auth=opening.disable_auth),
        routes=routes,
    )
    address, port = ground.options.api_address, ground.options.api_port
    try:
        server.start(address, port)
    except OSError as error:
        log.error("the API is not served", address=address, port=port, error=error.strerror)
        return
    ground.stack.push_async_callback(server.close)
