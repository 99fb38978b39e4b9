"""`tiphys repo-server`: the render process, which holds no credentials of any cluster.

It is started by the name of the contract's program as well, and reads its flags and variables.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.bootstrap.application_controller import process_command, state_folder
from tiphys.bootstrap.redisflags import REDIS_FLAGS, compresses, redis_options
from tiphys.bootstrap.reposerverflags import FLAGS
from tiphys.bootstrap.serverflags import Given
from tiphys.bootstrap.threads import widen_threads
from tiphys.cli.errors import FatalError, UsageError
from tiphys.core.diff import quantity
from tiphys.core.settings.tools import ToolSettings

if TYPE_CHECKING:
    from tiphys.bootstrap.rendering import RenderOptions, SharedCache

_CACHE_KEY = "cache.key"
_RELOAD = 60.0
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class _Files:
    """What is mounted: our certificate, and who may have made those of our callers."""

    certificate: Path
    key: Path
    client_ca: Path

    @classmethod
    def of(cls, given: Given, environment: Mapping[str, str]) -> _Files:
        base = Path(environment.get("ARGOCD_APP_CONF_PATH") or "/app/config") / "reposerver"
        tls = base / "tls"
        client_ca = Path(given.texts["client-ca-path"])
        return cls(tls / "tls.crt", tls / "tls.key", client_ca)

    def context(self, given: Given) -> ssl.SSLContext:
        """Raises FatalError naming what is not there, or cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _version(given, "tlsminversion")
        context.maximum_version = _version(given, "tlsmaxversion")
        context.verify_mode = ssl.CERT_REQUIRED
        for file, secret in (
            (self.certificate, "argocd-repo-server-tls"),
            (self.key, "argocd-repo-server-tls"),
            (self.client_ca, "tiphys-repo-server"),
        ):
            if not file.is_file():
                raise FatalError(
                    f"{file} is not there: mount the Secret {secret} in {file.parent}, or start "
                    "with --disable-tls where nobody else reaches this port"
                )
        try:
            context.load_verify_locations(self.client_ca)
            self.load(context)
        except (ssl.SSLError, OSError) as error:
            raise FatalError(f"the certificates cannot be used: {error.strerror}") from None
        return context

    def load(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self.certificate, self.key)

    def stamp(self) -> tuple[int, ...]:
        return tuple(
            file.stat().st_mtime_ns if file.is_file() else 0
            for file in (self.certificate, self.key, self.client_ca)
        )


def _version(given: Given, flag: str) -> ssl.TLSVersion:
    try:
        return _VERSIONS[given.texts[flag]]
    except KeyError:
        text = given.texts[flag]
        raise UsageError(f"--{flag}: {text} is not one of {', '.join(_VERSIONS)}") from None


def _size(given: Given, flag: str, *, off: str = "") -> int:
    """Bytes of a flag such as 10M; 0 where `off` switches the limit off."""
    if off and given.yes(off):
        return 0
    text = given.texts[flag]
    parsed = quantity.parse(text)
    if parsed is None or parsed < 0:
        raise UsageError(f'invalid argument "{text}" for "--{flag}" flag: not a size such as 10M')
    return int(parsed)


def render_options(given: Given, environment: Mapping[str, str]) -> RenderOptions:
    """Raises UsageError."""
    from tiphys.adapters.engine import EngineLimits
    from tiphys.bootstrap.fetching import PackageSizes
    from tiphys.bootstrap.rendering import RenderOptions

    texts = given.texts
    folder = Path(texts["data"]) if texts["data"] else state_folder(environment)
    usual = EngineLimits()
    directory = _size(given, "max-combined-directory-manifests-size")
    return RenderOptions(
        data=folder,
        at_once=max(given.number("parallelismlimit"), 0),
        limits=replace(usual, directory=directory or usual.input),
        sizes=PackageSizes(
            chart=_size(
                given,
                "helm-manifest-max-extracted-size",
                off="disable-helm-manifest-max-extracted-size",
            ),
            artifact=_size(
                given,
                "oci-manifest-max-extracted-size",
                off="disable-oci-manifest-max-extracted-size",
            ),
            index=_size(given, "helm-registry-max-index-size"),
        ),
        cache=_cache(given, environment),
    )


def _cache(given: Given, environment: Mapping[str, str]) -> SharedCache | None:
    from tiphys.bootstrap.rendering import SharedCache
    from tiphys.model.repository import Confidential

    redis = redis_options(given, environment)
    if redis is None:
        return None
    key = Path(given.texts["client-ca-path"]).parent / _CACHE_KEY
    try:
        text = key.read_text().strip()
    except OSError as error:
        raise FatalError(
            f"{key}: {error.strerror}: without that key nothing on Redis can be believed; mount "
            "the Secret tiphys-repo-server there, or leave --redis out to keep renders on disk"
        ) from None
    lifetime = given.seconds("repo-cache-expiration")
    return SharedCache(
        redis=redis, key=Confidential(text), compress=compresses(given), lifetime=lifetime
    )


def tool_flags(given: Given, tools: ToolSettings) -> ToolSettings:
    """What the flags of this process say beats what the caller's settings say."""
    params = given.params
    changed: dict[str, object] = {}
    if "reposerver.allow.oob.symlinks" in params:
        changed["allow_oob_symlinks"] = given.yes("allow-oob-symlinks")
    if "reposerver.oci.layer.media.types" in params:
        changed["oci_media_types"] = given.lists["oci-layer-media-types"]
    if "reposerver.plugin.tar.exclusions" in params:
        changed["plugin_tar_exclude"] = given.lists["plugin-tar-exclude"]
    if "reposerver.plugin.use.manifest.generate.paths" in params:
        changed["plugin_use_generate_paths"] = given.yes("plugin-use-manifest-generate-paths")
    return replace(tools, **changed) if changed else tools  # type: ignore[arg-type]


def _serve(given: Given) -> None:
    from tiphys.bootstrap.logs import configure_logs

    configure_logs(given.texts["loglevel"], form=given.texts["logformat"])
    asyncio.run(_run(given))


async def _run(given: Given) -> None:
    stop = asyncio.Event()
    widen_threads(asyncio.get_running_loop())
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    async with AsyncExitStack() as stack:
        await _open(given, stack)
        await stop.wait()


async def _open(given: Given, stack: AsyncExitStack) -> None:
    from tiphys.adapters.git.metrics import GitMetrics
    from tiphys.adapters.metrics.page import MetricsPage
    from tiphys.adapters.metrics.rendering import RenderProcessMetrics
    from tiphys.bootstrap.rendering import LocalRendering
    from tiphys.controllers.monitoring import MonitoringServer
    from tiphys.reposerver.server import RenderServer
    from tiphys.services.render.serving import ServedRendering

    page = MetricsPage()
    metrics = RenderProcessMetrics(page.registry, hostname=socket.gethostname())
    options = render_options(given, os.environ)
    files, context = _Files.of(given, os.environ), None
    if not given.yes("disable-tls"):
        context = files.context(given)
    local = LocalRendering(
        options,
        stack,
        git_metrics=GitMetrics(page.registry),
        registry=page.registry,
        waited=metrics.waited,
        asked_redis=metrics.asked_redis,
    )
    served = ServedRendering(local.service, metrics, tools=lambda tools: tool_flags(given, tools))
    monitoring = MonitoringServer(page, lambda: "")
    stack.push_async_callback(monitoring.close)
    server = RenderServer(served, local.fetching.upstream)
    stack.push_async_callback(server.close)
    try:
        await monitoring.start(given.texts["metrics-address"], given.number("metrics-port"))
        await server.start(given.texts["address"], given.number("port"), context)
    except OSError as error:
        raise FatalError(f"the port cannot be opened: {error.strerror}") from None
    tasks = [asyncio.create_task(local.fetching.keep_tidy(served.in_use))]
    if context is not None:
        tasks.append(asyncio.create_task(_reload(files, context)))
    for task in tasks:
        stack.callback(task.cancel)


async def _reload(files: _Files, context: ssl.SSLContext) -> None:
    """Certificates are renewed in their Secret; new connections are shown the new ones."""
    import structlog

    seen = files.stamp()
    while True:
        await asyncio.sleep(_RELOAD)
        now = files.stamp()
        if now == seen:
            continue
        try:
            context.load_verify_locations(files.client_ca)
            files.load(context)
            seen = now
        except (ssl.SSLError, OSError):
            # Half of them may be new yet.
            structlog.get_logger().warning("the renewed certificates cannot be used yet")


repo_server = process_command(
    "repo-server",
    (*FLAGS, *REDIS_FLAGS),
    _serve,
    "Run the process that renders",
    "Fetches and renders for the controller, until it is told to stop.",
)
