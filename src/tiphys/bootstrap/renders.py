"""Who renders for the controller: this process, or the render process of another pod."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

from tiphys.bootstrap.foundation import Foundation, now
from tiphys.bootstrap.options import OptionsError, RenderProcess
from tiphys.bootstrap.rendering import LocalRendering, RenderOptions, SharedCache
from tiphys.bootstrap.showing import show
from tiphys.model.errors import KubeError, TiphysError
from tiphys.services.authority.authority import Authority, Credentials
from tiphys.services.render.calls import VERSION_HEADER
from tiphys.services.render.remote import RemoteRendering
from tiphys.services.render.rendering import Rendering
from tiphys.services.render.wire import VERSION
from tiphys.services.sources.refs import PollTiming, RefWatcher

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from tiphys.services.live.ports import KubeReader, KubeWriter

log = structlog.get_logger()

_RENEW = 6 * 3600.0
"""Seconds until it is looked whether a certificate ends soon, which is told weeks before."""

Tidy = Callable[[Callable[[], Mapping[str, set[str]]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Renders:
    """`tidy` keeps what is on this process's disk small, without end."""

    service: Rendering
    refs: RefWatcher
    tidy: Tidy | None


class RenderGround(Protocol):
    """What the connection to a render process stands on."""

    @property
    def stack(self) -> AsyncExitStack: ...
    @property
    def namespace(self) -> str: ...
    @property
    def client(self) -> KubeReader: ...
    @property
    def writer(self) -> KubeWriter: ...


async def open_renders(ground: Foundation, timing: PollTiming) -> Renders:
    """What is opened is closed by the ground's stack. Raises OptionsError and KubeError."""
    options = ground.options
    if options.renders is not None:
        return await remote_renders(ground, options.renders, timing)
    local = LocalRendering(
        RenderOptions(data=options.data, cache=await _shared_cache(ground)),
        ground.stack,
        timing=timing,
        git_metrics=ground.git_metrics,
        registry=ground.page.registry,
        find=ground.repositories.find,
    )
    return Renders(local.service, local.fetching.refs, local.fetching.keep_tidy)


def _authority(ground: RenderGround) -> Authority:
    # Cryptography takes a tenth of a second to load, and most start without.
    from tiphys.adapters.certificates import CertificateIssuer

    return Authority(ground.client, ground.writer, CertificateIssuer(), ground.namespace, now=now)


async def _shared_cache(ground: Foundation) -> SharedCache | None:
    cache = ground.options.cache
    if cache is None:
        return None
    credentials = await _known_by(ground)
    return SharedCache(
        redis=cache.redis,
        key=credentials.cache_key,
        compress=cache.compress,
        lifetime=cache.lifetime,
    )


async def _known_by(ground: RenderGround) -> Credentials:
    try:
        return await _authority(ground).ensure()
    except (KubeError, ValueError) as error:
        raise OptionsError(
            f"the Secrets of the render process cannot be read or made: {error}"
        ) from None


async def remote_renders(
    ground: RenderGround, process: RenderProcess, timing: PollTiming
) -> Renders:
    """Raises OptionsError and KubeError."""
    context = None if process.plaintext else await _context(ground, process)
    from tiphys.adapters.reposerver import RenderClient

    client = RenderClient(
        process.address,
        context=context,
        headers={VERSION_HEADER: str(VERSION)},
        seconds=process.seconds,
    )
    ground.stack.push_async_callback(client.close)
    remote = RemoteRendering(client)
    refs = RefWatcher(remote, timing)
    ground.stack.push_async_callback(refs.aclose)
    log.info("renders are another process's", address=process.address, tls=context is not None)
    return Renders(remote, refs, None)


def _of_files(process: RenderProcess) -> tuple[ssl.SSLContext, bool]:
    """With what is mounted; also whether our own certificate is among it."""
    own = Path(process.certificate).is_file() and Path(process.key).is_file()
    try:
        context = ssl.create_default_context(cafile=process.ca or None)
        if own:
            context.load_cert_chain(process.certificate, process.key)
    except (ssl.SSLError, OSError) as error:
        raise OptionsError(
            f"the certificates for the render process cannot be used: {error.strerror}"
        ) from None
    return context, own


async def _context(ground: RenderGround, process: RenderProcess) -> ssl.SSLContext:
    context, own = _of_files(process)
    if own and process.ca:
        return context
    credentials = await _known_by(ground)
    if not process.ca:
        context.load_verify_locations(cadata=credentials.ca)
    if not own:
        show(context, credentials.client)
        renewing = asyncio.create_task(_renew(ground, context))
        ground.stack.callback(renewing.cancel)
    return context


async def _renew(ground: RenderGround, context: ssl.SSLContext) -> None:
    while True:
        await asyncio.sleep(_RENEW)
        try:
            credentials = await _authority(ground).ensure()
        except (TiphysError, ValueError) as error:
            log.warning("the certificates of the render process are not renewed", error=str(error))
            continue
        with contextlib.suppress(ssl.SSLError):
            context.load_verify_locations(cadata=credentials.ca)
        show(context, credentials.client)
