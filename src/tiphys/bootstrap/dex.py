"""`tiphys dex`: Dex's configuration, and Dex with it.

It is started by the name of the contract's program as well. Dex itself is the program `dex`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tiphys.bootstrap.application_controller import access_of, process_command
from tiphys.bootstrap.controllerflags import CONNECTION
from tiphys.bootstrap.serverflags import Given, GoKind, ServerFlag
from tiphys.cli.errors import FatalError

if TYPE_CHECKING:
    from tiphys.core.sso.dex import DexPlace
    from tiphys.services.reconcile.named import NamedObjects

_PREFIX: Final = "ARGOCD_DEX_SERVER_"
_MOUNTED: Final = Path("/tls")
_NAMESPACE: Final = "argocd"
_HIDDEN: Final = "********"
_CERTIFICATE_LASTS: Final = timedelta(days=365)
_FLAGS = (
    *CONNECTION,
    ServerFlag(
        "disable-tls", GoKind.BOOL, env=f"{_PREFIX}DISABLE_TLS", help="Serve without encryption"
    ),
    ServerFlag("logformat", GoKind.STRING, "json", env=f"{_PREFIX}LOGFORMAT", help="json or text"),
    ServerFlag(
        "loglevel",
        GoKind.STRING,
        "info",
        env=f"{_PREFIX}LOGLEVEL",
        help="debug, info, warn or error",
    ),
)
_OUT = ServerFlag("out", GoKind.STRING, short="o", help="The file to write; stdout hides secrets")


@dataclass(frozen=True, slots=True)
class _Stored:
    config_maps: NamedObjects
    secrets: NamedObjects


@asynccontextmanager
async def _stored(given: Given) -> AsyncIterator[_Stored]:
    """Followed for as long as it is needed. Raises TiphysError."""
    from tiphys.adapters.kube import KubeClient, Transport
    from tiphys.bootstrap.following import CONFIG_MAPS, SECRETS, Following, listed
    from tiphys.bootstrap.options import Connection
    from tiphys.model.names import LABEL_PART_OF
    from tiphys.services.reconcile.named import NamedObjects

    texts = given.texts
    connection = Connection(
        kubeconfig=texts["kubeconfig"], context=texts["context"], access=access_of(given)
    )
    config = connection.config(os.environ)
    namespace = texts["namespace"] or config.namespace or _NAMESPACE
    async with AsyncExitStack() as stack:
        transport = Transport(config, component="dex")
        stack.push_async_callback(transport.close)
        stored = _Stored(NamedObjects(), NamedObjects())
        following = Following(KubeClient(transport), namespace, stack)
        following.follow(CONFIG_MAPS, stored.config_maps, labels=f"{LABEL_PART_OF}=argocd")
        following.follow(SECRETS, stored.secrets, labels=f"{LABEL_PART_OF}=argocd")
        await listed(stored.config_maps, stored.secrets)
        yield stored


def _place(given: Given) -> DexPlace:
    """What the flags and variables say of Dex; its own log is set where somebody asks for it."""
    from tiphys.core.sso.dex import DexPlace, DexTls

    return DexPlace(
        tls=None if given.yes("disable-tls") else DexTls(),
        log_level=given.texts["loglevel"] if "loglevel" in given.said else "",
        log_format=given.texts["logformat"] if "logformat" in given.said else "",
    )


def _secret(stored: _Stored) -> bytes:
    from tiphys.bootstrap.serving.rest import secret_texts

    return secret_texts(stored)("").get("server.secretkey", "").encode()


async def _configuration(given: Given) -> dict[str, Any]:
    """Raises FatalError where Dex is not configured."""
    from tiphys.bootstrap.serving.rest import general, secret_texts
    from tiphys.bootstrap.serving.sso import configuration
    from tiphys.core.sso.settings import sso_settings

    async with _stored(given) as stored:
        settings = sso_settings(general(stored), secret_texts(stored))
        found = configuration(stored, settings, _secret(stored), _place(given))
    if found is None:
        raise FatalError("dex is not configured: set dex.config and url in argocd-cm")
    return found


def _generate(given: Given) -> None:
    import yaml

    from tiphys.model.errors import TiphysError

    try:
        found = asyncio.run(_configuration(given))
    except TiphysError as error:
        raise FatalError(str(error)) from None
    out = given.texts["out"]
    if not out:
        sys.stdout.write(yaml.safe_dump(_without_secrets(found)))
        return
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(yaml.safe_dump(found))


def _without_secrets(found: dict[str, Any]) -> dict[str, Any]:
    """To look at: what opens a connector may have any name, so all of their texts are hidden."""
    clients = [
        {**one, "secret": _HIDDEN} if "secret" in one else one for one in found["staticClients"]
    ]
    connectors = [
        {**one, "config": _masked(one["config"])} if "config" in one else one
        for one in found["connectors"]
    ]
    shown = {**found, "staticClients": clients, "connectors": connectors}
    if "staticPasswords" in shown:
        shown["staticPasswords"] = _masked(shown["staticPasswords"])
    return shown


def _masked(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: one if name == "redirectURI" else _masked(one) for name, one in value.items()
            }
        case list():
            return [_masked(one) for one in value]
        case str():
            return _HIDDEN
        case _:
            return value


def _run(given: Given) -> None:
    from tiphys.bootstrap.logs import configure_logs
    from tiphys.model.errors import TiphysError

    configure_logs(given.texts["loglevel"], form=given.texts["logformat"])
    try:
        asyncio.run(_keep_running(given))
    except TiphysError as error:
        raise FatalError(str(error)) from None


async def _keep_running(given: Given) -> None:
    from tiphys.adapters.dex import DexProcess
    from tiphys.bootstrap.serving.sso import PresentSso, also, configure

    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    with tempfile.TemporaryDirectory(prefix="tiphys-dex-tls-") as folder:
        place = _place(given)
        if place.tls is not None:
            place = replace(place, tls=_certificate(Path(folder)))
        async with _stored(given) as stored, AsyncExitStack() as stack:
            present = PresentSso(stored)
            process = DexProcess()
            stack.push_async_callback(process.close)

            def changed(_name: str) -> None:
                configure(process, stored, present, _secret(stored), place)

            for objects in (stored.config_maps, stored.secrets):
                also(objects, changed)
            changed("")
            await stop.wait()


def _certificate(folder: Path) -> Any:
    """What is mounted, else one of our own: callers trust any unless they are told otherwise."""
    from tiphys.adapters.certificates import CertificateIssuer
    from tiphys.core.sso.dex import DexTls

    files = _MOUNTED / "tls.crt", _MOUNTED / "tls.key"
    if all(file.is_file() for file in files):
        return DexTls(str(files[0]), str(files[1]))
    issuer, now = CertificateIssuer(), datetime.now(UTC)
    authority = issuer.authority("tiphys dex", now=now, lasts=_CERTIFICATE_LASTS)
    names = ["localhost", "dexserver", "argocd-dex-server"]
    made = issuer.issue(authority, names, client=False, now=now, lasts=_CERTIFICATE_LASTS)
    found = DexTls(str(folder / "tls.crt"), str(folder / "tls.key"))
    Path(found.certificate).write_text(made.certificate)
    # The folder is ours alone.
    Path(found.key).write_text(str(made.key))
    return found


def _command(
    name: str, flags: tuple[ServerFlag, ...], run: Callable[[Given], None], text: str
) -> click.Command:
    return process_command(name, flags, run, text, f"{text}.")


dex = click.Group(
    "dex",
    commands={
        "gendexcfg": _command(
            "gendexcfg", (*_FLAGS, _OUT), _generate, "Write the configuration of Dex"
        ),
        "rundex": _command("rundex", _FLAGS, _run, "Run Dex, and start it anew when it changes"),
    },
    help="Dex's configuration, and Dex with it.",
)
