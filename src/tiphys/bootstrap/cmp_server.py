"""`tiphys cmp-server`: the process beside a config management plugin, in the plugin's container.

It is started by the name of the contract's program as well, and reads its flags and variables.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.bootstrap.application_controller import process_command
from tiphys.bootstrap.serverflags import Given, GoKind, ServerFlag, Where
from tiphys.cli.errors import FatalError

if TYPE_CHECKING:
    from tiphys.adapters.plugin.service import PluginService

_PREFIX = "ARGOCD_CMP_SERVER_"
_CONFIG_FILE = "plugin.yaml"

CMP_FLAGS = (
    ServerFlag(
        "config-dir-path",
        GoKind.STRING,
        "/home/argocd/cmp-server/config",
        help="The folder with plugin.yaml",
    ),
    ServerFlag("logformat", GoKind.STRING, "json", env=f"{_PREFIX}LOGFORMAT", help="json or text"),
    ServerFlag(
        "loglevel",
        GoKind.STRING,
        "info",
        env=f"{_PREFIX}LOGLEVEL",
        help="debug, info, warn or error",
    ),
    ServerFlag(
        "otlp-address", GoKind.STRING, env=f"{_PREFIX}OTLP_ADDRESS", where=Where.ONLY_DEFAULT
    ),
    ServerFlag(
        "otlp-insecure",
        GoKind.BOOL,
        "true",
        env=f"{_PREFIX}OTLP_INSECURE",
        where=Where.ONLY_DEFAULT,
    ),
    ServerFlag(
        "otlp-headers",
        GoKind.STRING_TO_STRING,
        env=f"{_PREFIX}OTLP_HEADERS",
        where=Where.ONLY_DEFAULT,
    ),
    ServerFlag("otlp-attrs", GoKind.STRINGS, env=f"{_PREFIX}OTLP_ATTRS", where=Where.ONLY_DEFAULT),
)


def _serve(given: Given) -> None:
    from tiphys.bootstrap.logs import configure_logs

    configure_logs(given.texts["loglevel"], form=given.texts["logformat"])
    asyncio.run(_run(Path(given.texts["config-dir-path"])))


async def _run(folder: Path) -> None:
    from tiphys.adapters.plugin.server import PluginServer
    from tiphys.adapters.plugin.sockets import socket_folder

    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    sockets = socket_folder(os.environ)
    server = PluginServer(_service(folder), sockets)
    try:
        sockets.mkdir(parents=True, exist_ok=True)
        await server.start()
    except (OSError, RuntimeError) as error:
        raise FatalError(f"the plugin cannot be served: {error}") from None
    try:
        await stop.wait()
    finally:
        await server.stop()


def _service(folder: Path) -> PluginService:
    from tiphys.adapters.plugin.config import parse
    from tiphys.adapters.plugin.errors import ConfigError
    from tiphys.adapters.plugin.service import PluginService

    try:
        config = parse((folder / _CONFIG_FILE).read_text("utf-8"))
    except OSError as error:
        raise FatalError(f"{folder / _CONFIG_FILE}: {error.strerror}") from None
    except (ConfigError, UnicodeDecodeError) as error:
        raise FatalError(f"{folder / _CONFIG_FILE}: {error}") from None
    return PluginService(config, dict(os.environ), _workspace(config.socket, os.environ))


def _workspace(name: str, environment: Mapping[str, str]) -> Path:
    """A folder of the plugin's own, without what a process before this one left there."""
    parent = environment.get("ARGOCD_CMP_WORKDIR") or tempfile.gettempdir()
    place = Path(parent) / f"_cmp_server-{name.removesuffix('.sock')}"
    shutil.rmtree(place, ignore_errors=True)
    try:
        place.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise FatalError(f"{place}: {error.strerror}") from None
    return place


cmp_server = process_command(
    "cmp-server",
    CMP_FLAGS,
    _serve,
    "Run a config management plugin",
    "Runs the commands of the plugin that plugin.yaml describes, for whoever asks at its socket.",
)
