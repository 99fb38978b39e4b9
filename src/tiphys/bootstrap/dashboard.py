"""`admin dashboard`: the API on this machine, with the rights of whoever starts it."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tiphys.api.options import ApiOptions
from tiphys.bootstrap.logs import configure_logs
from tiphys.bootstrap.options import Connection
from tiphys.bootstrap.reconciling import poll_timing
from tiphys.bootstrap.server import serve_api
from tiphys.bootstrap.serving.following import FollowingOptions, on_its_own
from tiphys.bootstrap.serving.opening import OpeningOptions, open_methods
from tiphys.bootstrap.serving.sources import own_renders
from tiphys.cli.ports import ClusterChoice
from tiphys.core.wire import swagger
from tiphys.services.liveview.direct import DirectView


async def serve_dashboard(
    choice: ClusterChoice, address: str, port: int, ready: Callable[[int], None]
) -> None:
    """Until SIGTERM or SIGINT. Raises TiphysError, and FatalError for a port that is taken."""
    configure_logs("error")
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tiphys-"))
        followed = await on_its_own(
            FollowingOptions(
                connection=Connection(
                    kubeconfig=choice.kubeconfig, context=choice.context, access=choice.access
                ),
                namespace=choice.namespace,
            ),
            stack,
        )
        timing = poll_timing(followed.settings())
        renders = own_renders(stack, followed.repositories, Path(folder), timing)
        opened = await open_methods(
            followed, DirectView, renders, OpeningOptions(disable_auth=True)
        )
        options = ApiOptions(insecure=True, disable_auth=True, swagger=swagger)
        server = await serve_api(opened, options, address=address, port=port)
        ready(server.port)
        await stop.wait()
