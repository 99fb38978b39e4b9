"""`tiphys server`: the API in a process of its own.

It is started by the name of the contract's program as well, and reads its flags and variables.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.bootstrap.apiserverflags import FLAGS, WITHOUT_EFFECT
from tiphys.bootstrap.application_controller import (
    access_of,
    process_command,
    say_without_effect,
    state_folder,
)
from tiphys.bootstrap.redisflags import compresses, redis_options
from tiphys.bootstrap.serverflags import Given
from tiphys.bootstrap.threads import widen_threads
from tiphys.cli.errors import FatalError, UsageError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from tiphys.adapters.metrics.calls import ServerMetrics
    from tiphys.api.edge import ApiServer
    from tiphys.api.options import ApiOptions
    from tiphys.bootstrap.renders import Renders
    from tiphys.bootstrap.serving.following import FollowingOptions
    from tiphys.bootstrap.serving.ground import Followed
    from tiphys.bootstrap.serving.opening import Opened, OpeningOptions
    from tiphys.services.live.ports import KubeReader, KubeWriter

_MOST_COOKIES = 20
_MEGABYTES = 200
_PING_SECONDS = 10.0

Tls = Callable[[], ssl.SSLContext | None]


def api_options(
    given: Given, environment: Mapping[str, str], metrics: ServerMetrics | None = None
) -> ApiOptions:
    """Raises UsageError."""
    from tiphys.api.options import ApiOptions, Uncounted
    from tiphys.core.wire import swagger

    texts = given.texts
    root = texts["rootpath"].strip("/")
    assets = Path(texts["staticassets"]) if texts["staticassets"] else None
    return ApiOptions(
        insecure=given.yes("insecure"),
        disable_auth=given.yes("disable-auth"),
        content_types=tuple(
            one.strip().lower() for one in texts["api-content-types"].split(";") if one.strip()
        ),
        root_path=root,
        base_href=root or texts["basehref"].strip("/"),
        gzip=given.yes("enable-gzip"),
        swagger_ui=not given.yes("disable-swagger-ui"),
        static_assets=assets,
        frame_options=texts["x-frame-options"],
        content_security_policy=texts["content-security-policy"],
        message_bytes=_number(environment, "ARGOCD_GRPC_MAX_SIZE_MB", _MEGABYTES) << 20,
        ping_seconds=_seconds(environment, "ARGOCD_GRPC_KEEP_ALIVE_MIN", _PING_SECONDS),
        cookie_count=_number(environment, "ARGOCD_MAX_COOKIE_NUMBER", _MOST_COOKIES),
        metrics=metrics or Uncounted(),
        swagger=swagger,
    )


def tls_versions(given: Given) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    """The oldest and the newest. Raises UsageError."""
    from tiphys.bootstrap.serving.certificate import VERSIONS

    found = []
    for flag in ("tlsminversion", "tlsmaxversion"):
        text = given.texts[flag]
        if text not in VERSIONS:
            raise UsageError(f"--{flag}: {text} is not one of {', '.join(VERSIONS)}")
        found.append(VERSIONS[text])
    oldest, newest = found
    if oldest > newest:
        raise UsageError("--tlsminversion is newer than --tlsmaxversion")
    return oldest, newest


def opening_options(
    given: Given, environment: Mapping[str, str], metrics: ServerMetrics | None = None
) -> OpeningOptions:
    """Raises UsageError."""
    from tiphys.bootstrap.serving.opening import OpeningOptions
    from tiphys.bootstrap.serving.sso import SsoOptions

    texts = given.texts
    sso = SsoOptions(
        dex_server=texts["dex-server"],
        dex_plaintext=given.yes("dex-server-plaintext"),
        dex_strict=given.yes("dex-server-strict-tls"),
        base_href=texts["rootpath"].strip("/") or texts["basehref"].strip("/"),
        cookie_count=_number(environment, "ARGOCD_MAX_COOKIE_NUMBER", _MOST_COOKIES),
        provider_cache=given.seconds("oidc-cache-expiration"),
        redis=redis_options(given, environment) if "redis" in texts else None,
    )
    return OpeningOptions(
        disable_auth=given.yes("disable-auth"),
        replace_allowed=given.yes("sync-with-replace-allowed"),
        extensions=given.yes("enable-proxy-extension"),
        namespaces_flag=bool(given.lists["application-namespaces"]),
        events=given.lists["enable-k8s-event"],
        sso=sso,
        **({"logged_in": metrics.logged_in} if metrics is not None else {}),
    )


def _number(environment: Mapping[str, str], name: str, usual: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 20):
        raise UsageError(f'invalid value "{text}" of {name}: not a positive number')
    return int(text)


def _seconds(environment: Mapping[str, str], name: str, usual: float) -> float:
    from tiphys.core.settings.duration import parse_duration

    text = environment.get(name, "").strip()
    found = parse_duration(text) if text else usual
    if found is None:
        raise UsageError(f'invalid value "{text}" of {name}: not a duration')
    return found


async def serve_api(
    opened: Opened,
    options: ApiOptions,
    *,
    address: str,
    port: int,
    tls: Tls = lambda: None,
    routes: tuple[BaseRoute, ...] = (),
) -> ApiServer:
    """Answers when it listens; the ground's stack ends it. Raises FatalError."""
    from tiphys.api.edge import ApiServer

    server = ApiServer(
        opened.handlers,
        opened.sessions,
        options,
        routes=[*opened.routes, *routes],
        beyond=opened.beyond,
        tls=tls,
    )
    try:
        server.start(address, port)
    except OSError as error:
        raise FatalError(f"port {port} cannot be opened: {error.strerror}") from None
    opened.ground.stack.push_async_callback(server.close)
    return server


@dataclass(frozen=True, slots=True)
class _RenderGround:
    stack: AsyncExitStack
    namespace: str
    client: KubeReader
    writer: KubeWriter


def _serve(given: Given) -> None:
    from tiphys.bootstrap.logs import configure_logs

    configure_logs(given.texts["loglevel"], form=given.texts["logformat"])
    say_without_effect(os.environ, WITHOUT_EFFECT)
    asyncio.run(_run(given))


async def _run(given: Given) -> None:
    stop = asyncio.Event()
    widen_threads(asyncio.get_running_loop())
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(_open(given, stack), name="start")
        stopping = asyncio.create_task(stop.wait())
        # Whoever ends it while it waits for its cluster does not wait for that.
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        starting.result()
        await stopping


async def _open(given: Given, stack: AsyncExitStack) -> None:
    from tiphys.adapters.metrics.calls import ServerMetrics
    from tiphys.adapters.metrics.page import MetricsPage
    from tiphys.bootstrap.serving.certificate import open_certificate
    from tiphys.bootstrap.serving.following import on_its_own
    from tiphys.bootstrap.serving.live import remote_view
    from tiphys.bootstrap.serving.opening import open_methods
    from tiphys.bootstrap.webhook import webhook_routes
    from tiphys.controllers.monitoring import MonitoringServer
    from tiphys.services.webhook.catalogued import PlacesElsewhere

    page = MetricsPage()
    metrics = ServerMetrics(page.registry)
    options = api_options(given, os.environ, metrics)
    versions = tls_versions(given)
    opening = opening_options(given, os.environ, metrics)
    monitoring = MonitoringServer(page, lambda: "")
    stack.push_async_callback(monitoring.close)
    try:
        await monitoring.start(given.texts["metrics-address"], given.number("metrics-port"))
    except OSError as error:
        raise FatalError(f"the port of metrics cannot be opened: {error.strerror}") from None
    followed = await on_its_own(_following(given), stack)
    await _ensure_default_project(followed)
    view = await remote_view(
        followed,
        given.texts["application-controller"],
        redis=redis_options(given, os.environ),
        compress=compresses(given),
    )
    renders = await _renders(given, followed)
    opened = await open_methods(followed, lambda _uses: view, renders, opening)
    tls: Tls = lambda: None  # noqa: E731
    if not options.insecure:
        tls = await open_certificate(followed, *versions)
    await serve_api(
        opened,
        options,
        address=given.texts["address"],
        port=given.number("port"),
        tls=tls,
        routes=tuple(webhook_routes(followed, PlacesElsewhere())),
    )


def _following(given: Given) -> FollowingOptions:
    from tiphys.bootstrap.options import Connection
    from tiphys.bootstrap.serving.following import FollowingOptions
    from tiphys.services.reconcile.settings import Overlay

    texts = given.texts
    return FollowingOptions(
        connection=Connection(
            kubeconfig=texts["kubeconfig"], context=texts["context"], access=access_of(given)
        ),
        namespace=texts["namespace"],
        overlay=Overlay(general=given.general, params=given.params),
    )


async def _ensure_default_project(followed: Followed) -> None:
    from tiphys.services.projects.upkeep import ProjectUpkeep
    from tiphys.services.reconcile.named import Projects

    upkeep = ProjectUpkeep(
        followed.client,
        Projects(followed.projects).find,
        lambda _name: (),
        namespace=followed.namespace,
    )
    await upkeep.ensure_default()


async def _renders(given: Given, followed: Followed) -> Renders:
    from tiphys.bootstrap.application_controller import render_process
    from tiphys.bootstrap.reconciling import poll_timing
    from tiphys.bootstrap.renders import remote_renders
    from tiphys.bootstrap.serving.sources import own_renders

    timing = poll_timing(followed.settings())
    process = render_process(given)
    if process is not None:
        ground = _RenderGround(followed.stack, followed.namespace, followed.client, followed.client)
        return await remote_renders(ground, process, timing)
    folder = Path(given.texts["data"]) if given.texts["data"] else state_folder(os.environ)
    return own_renders(followed.stack, followed.repositories, folder / "server", timing)


server = process_command(
    "server",
    FLAGS,
    _serve,
    "Run the API server",
    "Answers clients by gRPC, gRPC-web and REST on one port, until it is told to stop.",
)
