"""The application controller as a process: what it begins with, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from contextlib import AsyncExitStack

import structlog

from tiphys.bootstrap.foundation import Foundation, now
from tiphys.bootstrap.options import ControllerOptions, OptionsError
from tiphys.bootstrap.reconciling import Reconciling, poll_timing
from tiphys.bootstrap.renders import Renders, open_renders
from tiphys.bootstrap.serverflags import Given
from tiphys.bootstrap.threads import widen_threads
from tiphys.cli.errors import CommandError
from tiphys.controllers.monitoring import MonitoringServer
from tiphys.core.settings.duration import parse_duration
from tiphys.model.errors import TiphysError
from tiphys.services.ownership.ownership import Ownership

log = structlog.get_logger()

_CLEAR_KEY = "controller.metrics.cache.expiration"
_ANSWER_LOOK = 0.5
_ANSWER_LATEST = 20
"""Seconds between two looks at whether callers can be answered, and how many there are at most."""
_NO_CLEARING = 60.0
"""Seconds until it is looked again whether counts are to begin anew."""


async def run_controller(options: ControllerOptions) -> None:
    """Until SIGTERM or SIGINT. Raises TiphysError for what keeps it from starting."""
    lighten_garbage_collection()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    widen_threads(loop)
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(_run(options, stack))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        log.info("stopping")
        if not running.cancelled():
            running.result()


def lighten_garbage_collection() -> None:
    """Large lists are decoded into many objects at once that all stay: looking through them again
    and again for garbage costs three times what decoding does.
    """
    gc.set_threshold(100_000, 20, 100)


async def _run(options: ControllerOptions, stack: AsyncExitStack) -> None:
    """Until it is cancelled, or another process takes over."""
    ground = Foundation(options, stack)
    await _serve(ground)
    await ground.read_settings()
    scope = await ground.read_applications()
    timing = poll_timing(ground.settings.present())
    if options.observe:
        Reconciling(ground, await open_renders(ground, timing)).start(scope)
        log.info("ready", namespace=ground.namespace, observe=True)
        await asyncio.Event().wait()
    ownership = _ownership(ground)
    await ownership.begin(ground.manifests(), take_over=options.take_over)
    stack.push_async_callback(ownership.end)
    renders = await open_renders(ground, timing)
    reconciling = Reconciling(ground, renders)
    reconciling.start(scope)
    if options.live_address:
        showing = asyncio.create_task(_show(ground, reconciling), name="serve what is live")
        stack.callback(showing.cancel)
    if options.api is not None:
        serving = asyncio.create_task(
            _answer(ground, reconciling, renders, options.api), name="serve the API"
        )
        stack.callback(serving.cancel)
    log.info("ready", namespace=ground.namespace)
    await ownership.keep()


async def _answer(
    ground: Foundation, reconciling: Reconciling, renders: Renders, given: Given
) -> None:
    """What answers callers takes a second to load, in which nothing is synced: so it is loaded
    when what had to be done at the start is done. Until then repositories are listed anyway.
    """
    for _ in range(_ANSWER_LATEST):
        await asyncio.sleep(_ANSWER_LOOK)
        if not reconciling.is_syncing():
            break
    from tiphys.bootstrap.serving.together import serve_together

    try:
        await serve_together(ground, reconciling, renders, given)
    except (TiphysError, CommandError) as error:
        log.error("the API is not served", error=str(error))


async def _show(ground: Foundation, reconciling: Reconciling) -> None:
    """What makes certificates takes a moment to load: nothing waits for it."""
    from tiphys.bootstrap.liveserving import serve_live

    await serve_live(ground, reconciling)


def _ownership(ground: Foundation) -> Ownership:
    return Ownership(
        ground.client,
        ground.writer,
        ground.namespace,
        identity=f"{socket.gethostname()}_{os.getpid()}",
        is_running=_is_running,
        now=now,
    )


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _serve(ground: Foundation) -> None:
    """Metrics and health, from the first moment on."""
    options = ground.options
    server = MonitoringServer(ground.page, lambda: "")
    try:
        await server.start(options.metrics_address, options.metrics_port)
    except OSError as error:
        if not options.metrics_optional:
            place = f"{options.metrics_address}:{options.metrics_port}"
            raise OptionsError(f"metrics cannot be served on {place}: {error.strerror}") from None
        log.warning("metrics are not served", port=options.metrics_port, error=error.strerror)
        return
    ground.stack.push_async_callback(server.close)
    clearing = asyncio.create_task(_clear(ground))
    ground.stack.callback(clearing.cancel)


async def _clear(ground: Foundation) -> None:
    """Counts begin anew from time to time, where that is asked for."""
    while True:
        seconds = parse_duration(ground.settings.params().get(_CLEAR_KEY) or "0") or 0.0
        await asyncio.sleep(seconds or _NO_CLEARING)
        if seconds:
            ground.metrics.clear()
