"""The API server in one process with the controller: it answers from what that follows."""

from __future__ import annotations

import os
from dataclasses import replace

from tiphys.adapters.metrics.calls import ServerMetrics
from tiphys.bootstrap.foundation import Foundation
from tiphys.bootstrap.reconciling import Reconciling
from tiphys.bootstrap.renders import Renders
from tiphys.bootstrap.server import Tls, api_options, opening_options, serve_api, tls_versions
from tiphys.bootstrap.serverflags import Given
from tiphys.bootstrap.serving.certificate import open_certificate
from tiphys.bootstrap.serving.following import with_controller
from tiphys.bootstrap.serving.opening import OpeningOptions, open_methods
from tiphys.bootstrap.webhook import webhook_routes


async def serve_together(
    ground: Foundation, reconciling: Reconciling, renders: Renders, given: Given
) -> None:
    """Answers when it listens. Raises TiphysError, and CommandError for flags that cannot be
    followed or a port that is taken.
    """
    metrics = ServerMetrics(ground.page.registry)
    options = api_options(given, os.environ, metrics)
    versions = tls_versions(given)
    followed = await with_controller(ground)
    opened = await open_methods(
        followed,
        lambda _uses: reconciling.view,
        renders,
        _with_dex(given, opening_options(given, os.environ, metrics)),
    )
    tls: Tls = lambda: None  # noqa: E731
    if not options.insecure:
        tls = await open_certificate(followed, *versions)
    await serve_api(
        opened,
        options,
        address=given.texts["address"],
        port=given.number("port"),
        tls=tls,
        routes=tuple(webhook_routes(followed, reconciling.pushed_places())),
    )


def _with_dex(given: Given, options: OpeningOptions) -> OpeningOptions:
    """Where nobody says where Dex is, it is one more part of this process."""
    if "dex-server" in given.said:
        return options
    return replace(options, sso=replace(options.sso, dex_server=None))
