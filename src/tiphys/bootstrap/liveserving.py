"""The controller's port for the API server, wired: 8085, with certificates of our authority."""

from __future__ import annotations

import asyncio

import structlog

from tiphys.bootstrap.foundation import Foundation, now
from tiphys.bootstrap.reconciling import Reconciling
from tiphys.bootstrap.showing import server_context, show
from tiphys.controllers.liveserver import LiveServer
from tiphys.model.errors import TiphysError
from tiphys.services.authority.authority import Authority

log = structlog.get_logger()

NAME = "argocd-application-controller"
_RENEW = 24 * 3600.0


async def serve_live(ground: Foundation, reconciling: Reconciling) -> None:
    """A port that is taken is said, and keeps nothing else from working."""
    from tiphys.adapters.certificates import CertificateIssuer

    authority = Authority(
        ground.client, ground.writer, CertificateIssuer(), ground.namespace, now=now
    )
    options = ground.options
    server = LiveServer(reconciling.view)
    try:
        context = server_context(await authority.server(NAME))
        await server.start(options.live_address, options.live_port, context)
    except (TiphysError, ValueError) as error:
        log.error("what is live is not served", error=str(error))
        return
    except OSError as error:
        log.warning("what is live is not served", port=options.live_port, error=error.strerror)
        return
    ground.stack.push_async_callback(server.close)

    async def renew() -> None:
        while True:
            await asyncio.sleep(_RENEW)
            try:
                identity = await authority.server(NAME)
            except (TiphysError, ValueError) as error:
                log.warning("the certificate is not renewed", error=str(error))
                continue
            context.load_verify_locations(cadata=identity.ca)
            show(context, identity.pair)

    renewing = asyncio.create_task(renew(), name="renew certificates")
    ground.stack.callback(renewing.cancel)
